"""Who may import what: the design's first rule, read from the sources without importing them."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.tooling.paths import ROOT

ROOMS = ("pycore", "server", "deploy", "e2e")
SOURCES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
BROWSER_ONLY = {"js", "pyodide", "pyodide_js"}
BROWSER, NATIVE = "pycore/backends/browser", "pycore/backends/native"
STANDARD = set(sys.stdlib_module_names)


def imports(path: Path) -> set[str]:
    """The dotted names that a file imports, wherever in it, TYPE_CHECKING included."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = list(path.relative_to(ROOT).parts[: -node.level or None]) if node.level else []
            base = ".".join([*package, *([node.module] if node.module else [])])
            found |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return found


def tops(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)}


def under(path: Path, *rooms: str) -> bool:
    return any(path.is_relative_to(ROOT / room) for room in rooms)


def is_test(path: Path) -> bool:
    return "tests" in path.parts


def is_backend(path: Path, backend: str) -> bool:
    """A backend is native.py, or native_gpu.py and the like beside it, or a folder of that name."""
    return path.relative_to(ROOT).as_posix().startswith(backend)


def breaches(
    rule: str, files: list[Path], allowed: set[str] | None = None, banned: frozenset[str] = frozenset()
) -> list[str]:
    """One line for each import that the rule forbids: of what is not allowed, or of what is banned."""
    return [
        f"{path.relative_to(ROOT)} imports {name}: {rule}"
        for path in files
        for name in sorted(tops(path))
        if name in banned or (allowed is not None and name not in allowed)
    ]


def test_the_browsers_modules_are_imported_in_one_place():
    """e2e/ may: its harness runs in the page's Python itself, and is not shipped."""
    files = [path for path in SOURCES if not is_backend(path, BROWSER) and not under(path, "e2e")]
    assert not breaches(f"only {BROWSER} talks to the browser", files, banned=frozenset(BROWSER_ONLY))


def test_the_preview_does_not_wait_for_numpy():
    code = "import sys, pycore.app, pycore.pipeline; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_pycore_needs_the_standard_library_and_numpy_alone():
    own = STANDARD | {"numpy", "pycore"}
    for path in SOURCES:
        if under(path, "pycore") and not is_test(path) and not is_backend(path, NATIVE):
            more = BROWSER_ONLY if is_backend(path, BROWSER) else set()
            assert not breaches("pycore runs in Pyodide", [path], own | more)


def test_torch_stays_with_the_processors():
    files = [
        path
        for path in SOURCES
        if not under(path, "server/gpu", "server/training", "deploy/runpod") and not is_test(path)
    ]
    assert not breaches("only server/gpu and server/training use torch", files, banned=frozenset({"torch"}))


def test_the_tooling_needs_nothing_installed():
    here = ROOT / "deploy" / "tooling"
    own = {here / "jsdoc.py": {"pycore"}, here / "pyodide" / "resolve.py": {"micropip"}}
    for path in SOURCES:
        if under(path, "deploy/tooling"):
            assert not breaches(
                "it runs before .venv is there", [path], STANDARD | {"deploy"} | own.get(path, set())
            )


@pytest.mark.parametrize(
    ("room", "banned"),
    [("pycore", {"server", "deploy", "e2e"}), ("server", {"deploy", "e2e"}), ("deploy", {"server", "e2e"})],
)
def test_rooms_know_only_what_lies_below(room: str, banned: set[str]):
    # deploy/runpod is a program of its own, made of the server's parts
    files = [
        path
        for path in SOURCES
        if under(path, room) and not is_test(path) and not under(path, "deploy/runpod")
    ]
    assert not breaches(f"{room} must not know it", files, banned=frozenset(banned))


def test_the_reader_of_imports_sees_every_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    path = tmp_path / "pycore" / "backends" / "x.py"
    path.parent.mkdir(parents=True)
    path.write_text(
        "import a.b, c as d\nfrom e import f\nfrom . import g\nfrom ..h import i\n"
        "def late():\n    import j\nif TYPE_CHECKING:\n    from k.l import m\n"
    )
    assert imports(path) == {
        *("a.b", "c", "e", "e.f", "j", "k.l", "k.l.m"),
        *("pycore.backends", "pycore.backends.g", "pycore.h", "pycore.h.i"),
    }
