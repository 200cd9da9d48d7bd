"""A native GPU device for a test: software, so that every machine gives the same."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from pycore.backends.native_gpu import NativeDevice, NativeGpu

NO_ADAPTER = "no native GPU adapter: install a Vulkan driver (Debian: mesa-vulkan-drivers)"


@asynccontextmanager
async def native_device() -> AsyncIterator[NativeDevice]:
    """A device, destroyed at the end. Without an adapter the test is skipped; in CI it fails."""
    adapter = await NativeGpu().adapter(software=True)
    if adapter is None:
        if os.environ.get("CI"):
            pytest.fail(NO_ADAPTER)
        pytest.skip(NO_ADAPTER)
    device = await adapter.device()
    try:
        yield device
    finally:
        device.destroy()
