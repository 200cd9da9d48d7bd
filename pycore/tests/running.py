"""Coroutines in tests."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


def run(body: Coroutine[Any, Any, T]) -> T:
    """Runs `body` to its end on an event loop and a thread of its own: Playwright's synchronous API, which
    end-to-end tests keep open, leaves a loop running in the main thread."""
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(asyncio.run, body).result()
