"""Work in stages: each takes one thing after the other, while the stages before it are ahead."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _End:
    error: Exception | None


async def ahead(
    source: AsyncGenerator[T, None], most: int, drop: Callable[[T], None] = lambda thing: None
) -> AsyncGenerator[T, None]:
    """The source's things in their order, `most` of them and one more made before they are asked for. What it
    raises comes in its place. To be closed (contextlib.aclosing): then the source is closed, and what nobody
    asked for goes to `drop`."""
    ready: asyncio.Queue[T | _End] = asyncio.Queue(most)

    async def fill() -> None:
        end = _End(None)
        try:
            async for thing in source:
                try:
                    await ready.put(thing)
                except asyncio.CancelledError:
                    drop(thing)
                    raise
        except Exception as error:  # noqa: BLE001 -- raised where the things are taken
            end = _End(error)
        await ready.put(end)

    filling = asyncio.ensure_future(fill())
    try:
        while not isinstance(thing := await ready.get(), _End):
            yield thing
        if thing.error is not None:
            raise thing.error
    finally:
        filling.cancel()
        await asyncio.gather(filling, return_exceptions=True)
        await source.aclose()
        while not ready.empty():
            if not isinstance(left := ready.get_nowait(), _End):
                drop(left)
