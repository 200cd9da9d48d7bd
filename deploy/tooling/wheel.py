"""pycore as a wheel, with nothing but zipfile: what the browser needs of it, and the same bytes for the
same sources.
"""

import hashlib
import zipfile
from pathlib import Path

STAMP = (2020, 1, 1, 0, 0, 0)


def sources(root: Path) -> list[Path]:
    """The files of pycore that go to the browser, sorted: not its tests, and not the backend that only
    tests use.
    """
    package = root / "pycore"
    return sorted(
        path
        for path in package.rglob("*")
        if path.is_file()
        and not {"tests", "__pycache__"} & set(path.relative_to(package).parts)
        and not (path.parent == package / "backends" and path.name.startswith("native"))
        and not path.name.startswith(".")
    )


def write(root: Path, version: str, folder: Path) -> Path:
    """Writes the wheel (of .py files) into `folder`. Its build tag is a hash of its content, so that no
    browser's cache ever takes an old one for the new.
    """
    files = [(str(path.relative_to(root)), path.read_bytes()) for path in sources(root)]
    content = hashlib.sha256(
        b"".join(name.encode() + b"\0" + hashlib.sha256(data).digest() for name, data in files)
    )
    info = f"pycore-{version}.dist-info"
    files += [
        (f"{info}/METADATA", f"Metadata-Version: 2.1\nName: pycore\nVersion: {version}\n".encode()),
        (
            f"{info}/WHEEL",
            b"Wheel-Version: 1.0\nGenerator: reelballers\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        ),
    ]
    record = "".join(f"{name},,\n" for name, _ in [*files, (f"{info}/RECORD", b"")])
    files.append((f"{info}/RECORD", record.encode()))
    path = folder / f"pycore-{version}-0{content.hexdigest()[:12]}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files:
            archive.writestr(zipfile.ZipInfo(name, STAMP), data)
    return path
