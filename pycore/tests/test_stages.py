"""Stages that are ahead of what takes from them."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from pycore.detection.stages import ahead
from pycore.tests.running import run


class Source:
    """Counts from 0; what it has made and whether it was closed."""

    def __init__(self, count: int, error: Exception | None = None) -> None:
        self.made: list[int] = []
        self.closed = False
        self._count, self._error = count, error

    async def things(self) -> AsyncGenerator[int, None]:
        try:
            for number in range(self._count):
                await asyncio.sleep(0)
                self.made.append(number)
                yield number
            if self._error is not None:
                raise self._error
        finally:
            self.closed = True


async def turns(count: int = 50) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_things_come_in_order_and_an_error_in_its_place() -> None:
    async def body() -> None:
        for most in (1, 3):
            taken = [each async for each in ahead(Source(20).things(), most)]
            assert taken == list(range(20))
        source = Source(5, ValueError("broken"))
        things = ahead(source.things(), 2)
        assert [await anext(things) for _ in range(5)] == [0, 1, 2, 3, 4]
        with pytest.raises(ValueError, match="broken"):
            await anext(things)
        assert source.closed

    run(body())


def test_it_is_so_far_ahead_and_no_further() -> None:
    async def body() -> None:
        source = Source(100)
        async with aclosing(ahead(source.things(), 3)) as things:
            assert await anext(things) == 0
            await turns()
            assert source.made == [0, 1, 2, 3, 4]  # one taken, three ready, one in hand

    run(body())


def test_what_nobody_asks_for_is_dropped() -> None:
    async def body() -> None:
        source, dropped = Source(100), []
        async with aclosing(ahead(source.things(), 3, dropped.append)) as things:
            await anext(things)
            await turns()
        assert sorted(dropped) == [1, 2, 3, 4]
        assert source.closed

    run(body())


def test_cancelling_whoever_takes_ends_it() -> None:
    async def body() -> None:
        source, dropped = Source(10**9), []

        async def take() -> None:
            async with aclosing(ahead(source.things(), 2, dropped.append)) as things:
                async for _ in things:
                    await asyncio.sleep(3600)

        taking = asyncio.ensure_future(take())
        await turns()
        taking.cancel()
        await asyncio.gather(taking, return_exceptions=True)
        assert source.closed
        assert sorted(dropped) == source.made[1:]

    run(body())
