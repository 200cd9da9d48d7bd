"""ShaderManager: WGSL files -> pipelines, loaded, joined, specialised, compiled and cached.

A shader is one file or several joined in order: WGSL has no includes, so what several stages share
(look.wgsl) and what no `override` can express (frame_external.wgsl or frame_texture.wgsl) are files of their
own. Everything else that varies is an `override` constant. Nothing is ever written into a shader's text.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pycore.backends.gpu import Device, ShaderMessage
from pycore.protocol import ReelError

Constants = Mapping[str, float]
NO_CONSTANTS: Constants = {}


class ShaderManager:
    """Pipelines of one device. A second request for the same files and constants costs a dictionary
    lookup."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._texts: dict[str, str] = {}
        self._modules: dict[tuple[str, ...], Any] = {}
        self._pipelines: dict[tuple[Any, ...], Any] = {}

    async def compute(
        self, files: Sequence[str], constants: Constants = NO_CONSTANTS, entry: str = "main"
    ) -> Any:
        """The compute pipeline of `files` (names without .wgsl, joined in order), entered at `entry`.

        Raises ReelError: "gpu.shader" when the text does not compile (file, line, column and the compiler's
        words), "gpu.shader-missing" when a file cannot be had, "gpu.pipeline" when the driver refuses it.
        """
        key = (*files, entry, *sorted(constants.items()))
        if key not in self._pipelines:
            module = await self._module(tuple(files))
            with _named(files):
                self._pipelines[key] = await self._device.compute_pipeline(module, entry, constants)
        return self._pipelines[key]

    async def _module(self, files: tuple[str, ...]) -> Any:
        if files not in self._modules:
            for name in files:
                if name not in self._texts:
                    self._texts[name] = await self._device.load_shader(name)
            texts = [self._texts[name] for name in files]
            module, errors = await self._device.compile("\n".join(texts))
            if errors:
                detail = "; ".join(describe(error, files, texts) for error in errors)
                hint = "This is a fault in ReelBallers or in the browser's shader compiler: please report it."
                raise ReelError.of("gpu.shader", "A shader does not compile", detail, hint, status=500)
            self._modules[files] = module
        return self._modules[files]


def describe(message: ShaderMessage, files: Sequence[str], texts: Sequence[str]) -> str:
    """A compiler's message with its place in the file that it is about, not in the joined text."""
    line = message.line
    for name, text in zip(files, texts, strict=True):
        lines = text.count("\n") + 1  # the joint adds one line break
        if 0 < line <= lines:
            return f"{name}.wgsl:{line}:{message.column}: {message.text}"
        line -= lines
    return f"{'+'.join(files)}: {message.text}"


class _named:
    """Adds the shader's name to a ReelError that passes through."""

    def __init__(self, files: Sequence[str]) -> None:
        self._name = "+".join(files)

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ReelError):
            problem = error.problem
            detail = f"{self._name}: {problem.detail}"
            raise ReelError.of(problem.code, problem.title, detail, problem.hint, problem.status) from error
