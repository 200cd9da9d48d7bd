"""The dist/ that `build.py test` has just built."""

import gzip
import hashlib
import json
import subprocess
import zipfile

from deploy.tooling import dist, manifest, node, wheel
from deploy.tooling.paths import ASSETS, DIST, MANIFEST, ROOT


def boot_list() -> dict:
    return json.loads((DIST / "pyodide" / "pyodide-lock.json").read_text())["packages"]


def test_every_file_is_the_one_that_was_built():
    files = json.loads((DIST / "build.json").read_text())["files"]
    present = {str(path.relative_to(DIST)) for path in DIST.rglob("*") if path.is_file()}
    assert present == {*files, "build.json"}
    assert {"index.html", "worker.js", "protocol.d.ts", "demo/demo.mp4", "pyodide/pyodide.mjs"} <= present


def test_no_file_is_more_than_cloudflare_serves():
    assert max(path.stat().st_size for path in DIST.rglob("*") if path.is_file()) <= 25 * 1024 * 1024


def test_compressed_files_unpack_to_what_was_pinned():
    packed = [asset for asset in manifest.read(MANIFEST) if asset.gzip]
    assert packed
    for asset in packed:
        for name, sha256 in asset.files.items():
            content = gzip.decompress((DIST / str(asset.dist) / f"{name}.gz").read_bytes())
            assert hashlib.sha256(content).hexdigest() == sha256


def test_the_page_boots_from_a_list_of_its_own():
    packages = boot_list()
    assert set(packages) == {"pycore", "numpy"}
    for package in packages.values():
        content = (DIST / "pyodide" / package["file_name"]).read_bytes()  # a bare name beside the list
        assert hashlib.sha256(content).hexdigest() == package["sha256"]
        assert package["depends"] == []  # numpy is loaded when it is first needed, not with pycore


def test_pycore_is_compiled_whole():
    with zipfile.ZipFile(DIST / "pyodide" / boot_list()["pycore"]["file_name"]) as archive:
        names = {name for name in archive.namelist() if name.startswith("pycore/")}
    wanted = {str(path.relative_to(ROOT)) for path in wheel.sources(ROOT)}
    assert names == {name + "c" if name.endswith(".py") else name for name in wanted}


def test_pyodide_boots_from_it_without_micropip(tmp_path):
    script = tmp_path / "boot.mjs"
    script.write_text(
        """
        import { readFileSync } from "node:fs";
        const [dist] = process.argv.slice(2);
        const { loadPyodide } = await import(dist + "/pyodide/pyodide.mjs");
        const py = await loadPyodide({
          indexURL: dist + "/pyodide/",
          lockFileContents: readFileSync(dist + "/pyodide/pyodide-lock.json", "utf8"),
          packageBaseUrl: dist + "/pyodide/",
          packageCacheDir: dist + "/pyodide/",
          packages: ["pycore"],
        });
        py.runPython(`
            import importlib.util, sys
            import pycore.protocol
            assert pycore.protocol.__file__.endswith(".pyc"), pycore.protocol.__file__
            assert importlib.util.find_spec("micropip") is None
            assert "numpy" not in sys.modules and importlib.util.find_spec("numpy") is None
        `);
        await py.loadPackage("numpy");
        py.runPython("import numpy; assert numpy.arange(3).sum() == 3");
        """
    )
    node.node(script, DIST)


def test_the_pages_types_are_those_of_the_protocol():
    assert (DIST / "protocol.d.ts").read_text() == dist.page_types()


def test_the_build_is_the_one_of_these_sources():
    built = dist.built(DIST)
    assert built is not None
    assert built["inputs"] == dist.inputs(manifest.read(MANIFEST)), (
        "sources changed since: run build.py build"
    )
    assert (ASSETS / "weights").is_dir()


def test_assets_cache_and_dist_are_ignored_by_git():
    done = subprocess.run(
        ["git", "check-ignore", ".venv/x", ".cache/x", "dist/x"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout.split() == [".venv/x", ".cache/x", "dist/x"]
