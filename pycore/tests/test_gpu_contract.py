"""The GPU backends keep their contract (natively here; in Chromium: e2e/test_pipeline_chromium.py) and have
the same names."""

import ast
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from pycore.backends.gpu import Device
from pycore.tests.gpu_contract import CONTRACT
from pycore.tests.native import native_device
from pycore.tests.running import run

BACKENDS = Path(__file__).parents[1] / "backends"
PROTOCOL = BACKENDS / "gpu.py"
IMPLEMENTATIONS = {
    BACKENDS / "native_gpu.py": {
        "GpuBackend": "NativeGpu",
        "Adapter": "NativeAdapter",
        "Device": "NativeDevice",
    },
    BACKENDS / "browser" / "gpu.py": {"GpuBackend": "BrowserGpu", "Adapter": "BrowserAdapter"},
    BACKENDS / "browser" / "device.py": {"Device": "BrowserDevice"},
    BACKENDS / "browser" / "canvas.py": {"Canvas": "BrowserCanvas"},
    PROTOCOL: {"Canvas": "OffscreenTarget"},
}
PAIRS = [(path, *names) for path, each in IMPLEMENTATIONS.items() for names in each.items()]


@pytest.mark.gpu
@pytest.mark.parametrize("term", CONTRACT, ids=lambda term: term.__name__)
def test_the_native_backend_keeps_the_contract(term: Callable[[Device], Awaitable[None]]) -> None:
    async def body() -> None:
        async with native_device() as device:
            await term(device)

    run(body())


def public_names(path: Path, name: str) -> dict[str, str]:
    """The public methods (with their parameters) and attributes of a class, read without importing it."""
    tree = ast.parse(path.read_text())
    (found,) = (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    names: dict[str, str] = {}
    for node in found.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names[node.target.id] = "attribute"
        elif isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef) and not node.name.startswith("_"):
            kind = "async " if isinstance(node, ast.AsyncFunctionDef) else ""
            arguments = [each.arg for each in (*node.args.args, *node.args.kwonlyargs)]
            names[node.name] = f"{kind}({', '.join(arguments)})"
        elif isinstance(node, ast.FunctionDef) and node.name == "__init__":
            for inner in ast.walk(node):
                if isinstance(inner, ast.Attribute) and isinstance(inner.ctx, ast.Store):
                    names.setdefault(inner.attr, "attribute")
    return {name: kind for name, kind in names.items() if not name.startswith("_")}


@pytest.mark.parametrize(("path", "protocol", "implementation"), PAIRS)
def test_the_backends_have_the_protocols_names(path: Path, protocol: str, implementation: str) -> None:
    wanted, found = public_names(PROTOCOL, protocol), public_names(path, implementation)
    extra = {
        "onuncapturederror",
        "colorAttachments",
        "texture",
        "free",
    }  # JavaScript's; OffscreenTarget's way to be read
    assert {name: kind for name, kind in found.items() if name not in extra} == wanted
