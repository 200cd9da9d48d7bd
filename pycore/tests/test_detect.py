"""Detection on a real adapter, and on backends that have none."""

from dataclasses import replace

import pytest

from pycore.backends.native_gpu import NativeAdapter, NativeGpu
from pycore.pipeline import detect
from pycore.protocol import WebGPULevel
from pycore.tests.native import native_device
from pycore.tests.running import run


class Platform(NativeGpu):
    """The native platform, with a given answer for its adapter."""

    def __init__(self, adapter: NativeAdapter | None, secure: bool = True, available: bool = True) -> None:
        super().__init__()
        self._adapter = adapter
        self.secure = secure
        self.available = available

    async def adapter(self, *, software: bool = False) -> NativeAdapter | None:
        return self._adapter


async def software_adapter() -> NativeAdapter:
    async with native_device():  # skips or fails where there is none
        adapter = await NativeGpu().adapter(software=True)
        assert adapter
        return adapter


@pytest.mark.parametrize(
    ("secure", "available", "why"),
    [(False, False, "http"), (True, False, "no WebGPU"), (True, True, "hardware acceleration")],
)
def test_without_an_adapter(secure: bool, available: bool, why: str) -> None:
    capability, device = run(detect(Platform(None, secure, available)))
    assert capability.level is WebGPULevel.NONE
    assert why in capability.reason
    assert device is None


@pytest.mark.gpu
def test_a_software_adapter_is_neither_used_nor_measured() -> None:
    async def body() -> None:
        capability, device = await detect(Platform(await software_adapter()))
        assert (capability.level, capability.software, capability.bench_ms) == (WebGPULevel.NONE, True, None)
        assert device is None

    run(body())


@pytest.mark.gpu
def test_a_software_adapter_is_used_when_asked_for() -> None:
    async def body() -> None:
        capability, device = await detect(Platform(await software_adapter()), force_software=True)
        assert (capability.level, capability.software, capability.bench_ms) == (WebGPULevel.FULL, True, None)
        assert device
        device.destroy()

    run(body())


@pytest.mark.gpu
def test_any_other_adapter_is_measured() -> None:
    async def body() -> None:
        adapter = await software_adapter()
        adapter.facts = replace(adapter.facts, vendor="", description="A GPU", fallback=False)
        capability, device = await detect(Platform(adapter))
        assert capability.bench_ms
        assert capability.level is not WebGPULevel.NONE
        assert device
        device.destroy()

    run(body())
