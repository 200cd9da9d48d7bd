"""Detector nets in ONNX Runtime Web, on the GPU device that our own shaders use, or on the CPU."""

from collections.abc import Awaitable, Callable
from typing import Any

import js  # pyright: ignore[reportMissingImports]
import numpy as np
from numpy.typing import NDArray
from pyodide.ffi import JsException, to_js  # pyright: ignore[reportMissingImports]

from pycore.backends.gpu import Device
from pycore.protocol import ReelError, Size

Import = Callable[[str], Awaitable[Any]]
"""JavaScript's import()."""

_MOST_THREADS = 4
"""More do not pay for a net of this size."""


def _object(**fields: Any) -> Any:
    return to_js(fields, dict_converter=js.Object.fromEntries)


async def load(base: str, import_: Import, *, webgpu: bool) -> Any:
    """ONNX Runtime: the build that this browser runs best. Raises ReelError `analysis.no-runtime`."""
    waits = hasattr(js.WebAssembly, "Suspending")
    build, code = ("jspi", "jspi.") if waits else ("webgpu", "asyncify.")
    if not webgpu:
        build, code = "wasm", ""
    url = f"{base}ort/ort-wasm-simd-threaded.{code}wasm.gz"
    try:
        ort = await import_(f"{base}ort/ort.{build}.bundle.min.mjs")
        ort.env.wasm.wasmBinary = await _unpacked(url)
    except JsException as error:
        raise _no_runtime(str(error)) from error
    cores = int(getattr(js.navigator, "hardwareConcurrency", 1) or 1)
    ort.env.wasm.numThreads = min(cores, _MOST_THREADS) if js.crossOriginIsolated and not webgpu else 1
    ort.env.logLevel = "error"
    return ort


async def _unpacked(url: str) -> Any:
    response = await js.fetch(url)
    if not response.ok:
        raise _no_runtime(f"{url}: HTTP {response.status}")
    stream = response.body.pipeThrough(js.DecompressionStream.new("gzip"))
    return await js.Response.new(stream).arrayBuffer()


async def _session(ort: Any, url: str, options: Any) -> Any:
    try:
        response = await js.fetch(url)
        if not response.ok:
            raise _no_runtime(f"{url}: HTTP {response.status}")
        return await ort.InferenceSession.create(await response.arrayBuffer(), options)
    except JsException as error:
        raise _no_runtime(f"{url}: {error}") from error


class OrtGpuNet:
    """See `pycore.detection.gpu.GpuNet`."""

    def __init__(self, ort: Any, session: Any) -> None:
        self._ort, self._session = ort, session

    @classmethod
    async def create(cls, ort: Any, url: str, device: Device) -> "OrtGpuNet":
        """Raises ReelError `analysis.no-runtime`."""
        # Setting env.webgpu.device instead gives a device of its own, or silent zeros.
        provider = _object(name="webgpu", device=device.handle)
        options = _object(executionProviders=js.Array.of(provider), preferredOutputLocation="gpu-buffer")
        return cls(ort, await _session(ort, url, options))

    def bind(self, picture: Any, heat: Any, box: Any, size: Size) -> Callable[[], Awaitable[None]]:
        rows, columns = size.height // 4, size.width // 4
        name = self._session.inputNames[0]
        feeds, fetches = js.Object.new(), js.Object.new()
        setattr(feeds, name, self._tensor(picture, [1, 3, size.height, size.width]))
        fetches.heat = self._tensor(heat, [1, 2, rows, columns])
        fetches.box = self._tensor(box, [1, 4, rows, columns])
        run = self._session.run

        async def once() -> None:
            await run(feeds, fetches)

        return once

    def _tensor(self, buffer: Any, dims: list[int]) -> Any:
        return self._ort.Tensor.fromGpuBuffer(buffer, _object(dataType="float32", dims=dims))

    def close(self) -> None:
        self._session.release()


class OrtCpuNet:
    """See `pycore.detection.cpu.CpuNet`."""

    def __init__(self, ort: Any, session: Any) -> None:
        self._ort, self._session = ort, session
        self._name = session.inputNames[0]

    @classmethod
    async def create(cls, ort: Any, url: str) -> "OrtCpuNet":
        """Raises ReelError `analysis.no-runtime`."""
        options = _object(executionProviders=["wasm"])
        return cls(ort, await _session(ort, url, options))

    async def run(self, picture: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        data = js.Float32Array.new(picture.size)
        data.assign(np.ascontiguousarray(picture).reshape(-1))
        feeds = js.Object.new()
        setattr(feeds, self._name, self._ort.Tensor.new("float32", data, to_js(list(picture.shape))))
        made = await self._session.run(feeds)
        return _array(made.heat), _array(made.box)

    def close(self) -> None:
        self._session.release()


def _array(tensor: Any) -> NDArray[np.float32]:
    data = np.frombuffer(tensor.data.to_bytes(), np.float32)
    return data.reshape([int(each) for each in tensor.dims])


def _no_runtime(detail: str) -> ReelError:
    return ReelError.of(
        "analysis.no-runtime",
        "The detector could not be loaded",
        detail,
        "Reload the page. If it stays so, this browser may be too old.",
        500,
    )
