"""ShaderManager: joined files, overrides, cached pipelines, and errors that say where."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from pycore.backends.native_gpu import NativeGpu
from pycore.protocol import ReelError
from pycore.shaders import ShaderManager
from pycore.tests.native import native_device
from pycore.tests.running import run

pytestmark = pytest.mark.gpu

GOOD = "override SIDE: u32 = 1;\n@compute @workgroup_size(SIDE)\nfn main() { helper(); }\n"


def with_shaders(folder: Path, body: Callable[[ShaderManager], Awaitable[None]], **files: str) -> None:
    for name, text in files.items():
        (folder / "shaders").mkdir(exist_ok=True)
        (folder / "shaders" / f"{name}.wgsl").write_text(text)

    async def compile_there() -> None:
        async with native_device():  # skips or fails where there is no adapter
            adapter = await NativeGpu(folder).adapter(software=True)
            assert adapter
            device = await adapter.device()
            await body(ShaderManager(device))
            device.destroy()

    run(compile_there())


def test_the_same_request_gives_the_same_pipeline(tmp_path: Path) -> None:
    async def body(shaders: ShaderManager) -> None:
        first = await shaders.compute(("helper", "good"), {"SIDE": 4})
        assert await shaders.compute(("helper", "good"), {"SIDE": 4}) is first
        assert await shaders.compute(("helper", "good"), {"SIDE": 8}) is not first

    with_shaders(tmp_path, body, helper="fn helper() {}\n", good=GOOD)


@pytest.mark.parametrize(("broken", "place"), [("first", "first.wgsl:2:"), ("second", "second.wgsl:2:")])
def test_an_error_names_file_and_line(tmp_path: Path, broken: str, place: str) -> None:
    texts = {"first": "fn helper() {\n}\n", "second": GOOD}
    texts[broken] = "// one line\nlet nonsense;\n"

    async def body(shaders: ShaderManager) -> None:
        with pytest.raises(ReelError) as caught:
            await shaders.compute(("first", "second"))
        assert caught.value.problem.code == "gpu.shader"
        assert place in caught.value.problem.detail

    with_shaders(tmp_path, body, **texts)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    async def body(shaders: ShaderManager) -> None:
        with pytest.raises(ReelError, match=r"absent\.wgsl"):
            await shaders.compute(("absent",))

    with_shaders(tmp_path, body)


def test_a_refused_pipeline_names_its_shader(tmp_path: Path) -> None:
    async def body(shaders: ShaderManager) -> None:
        with pytest.raises(ReelError, match=r"helper\+good") as caught:
            await shaders.compute(("helper", "good"), entry="elsewhere")
        assert caught.value.problem.code == "gpu.pipeline"

    with_shaders(tmp_path, body, helper="fn helper() {}\n", good=GOOD)
