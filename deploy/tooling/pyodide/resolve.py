"""Runs in Pyodide's interpreter under Node, see lock.mjs. /build/sources holds pycore's wheel of .py
files; afterwards /build/wheels holds the same wheel compiled to .pyc by the very interpreter that will
load it (it halves the import time), and /build/pyodide-lock.json is the list of packages that the page
boots from.
"""

import hashlib
import importlib.util
import json
import py_compile
import zipfile
from pathlib import Path

import micropip  # type: ignore[import-not-found]  # exists only in there

BUILD = Path("/build")
STAMP = (2020, 1, 1, 0, 0, 0)  # the same sources give the same bytes
SHIPPED = ("pycore", "numpy")


def compile_wheel(source: Path, target: Path) -> None:
    scratch, compiled = Path("/tmp/source.py"), Path("/tmp/source.pyc")
    with (
        zipfile.ZipFile(source) as old,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as new,
    ):
        for info in old.infolist():
            name, content = info.filename, old.read(info)
            if name.endswith(".py"):
                scratch.write_bytes(content)
                mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
                py_compile.compile(str(scratch), str(compiled), name, doraise=True, invalidation_mode=mode)
                name, content = name + "c", compiled.read_bytes()
            elif name.endswith(".dist-info/RECORD"):
                continue  # it lists the .py files; Pyodide needs none
            entry = zipfile.ZipInfo(name, STAMP)
            entry.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(entry, content)


async def main() -> None:
    (source,) = (BUILD / "sources").glob("*.whl")
    wheel = BUILD / "wheels" / source.name
    wheel.parent.mkdir(exist_ok=True)
    compile_wheel(source, wheel)
    await micropip.install(["numpy", f"emfs:{wheel}"])
    missing = [name for name in SHIPPED if importlib.util.find_spec(name) is None]
    if missing:
        raise RuntimeError(f"micropip installed no {', '.join(missing)}")
    lock = json.loads(micropip.freeze())
    lock["packages"] = {name: lock["packages"][name] for name in SHIPPED}
    own = lock["packages"]["pycore"]
    for package in lock["packages"].values():
        package["file_name"] = Path(
            package["file_name"]
        ).name  # relative to the list itself, wherever dist/ is served
    own["sha256"] = hashlib.sha256(wheel.read_bytes()).hexdigest()
    own["imports"] = ["pycore"]
    (BUILD / "pyodide-lock.json").write_text(json.dumps(lock, indent=1))


await main()  # type: ignore  # noqa: F704 - Pyodide allows it at top level
