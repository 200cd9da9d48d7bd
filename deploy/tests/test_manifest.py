from pathlib import Path

import pytest

from deploy.tooling import manifest
from deploy.tooling.paths import MANIFEST
from deploy.tooling.ui import BuildError

SUM = "0" * 64
GOOD = f"""
[[asset]]
name = "thing"
version = "1.0"
licence = "MIT"
why = "for tests"
to = "things"
sources = [{{ url = "https://example.invalid/{{file}}" }}]
[asset.files]
"a.bin" = "{SUM}"
"""


def read(tmp_path: Path, text: str) -> list[manifest.Asset]:
    (tmp_path / "assets.toml").write_text(text)
    return manifest.read(tmp_path / "assets.toml")


def test_the_projects_manifest_is_sound():
    assets = manifest.read(MANIFEST)
    assert {"pyodide", "weights", "demo"} <= {asset.to for asset in assets}
    assert all(asset.licence and asset.why for asset in assets)


def test_an_asset_is_read_whole(tmp_path: Path):
    (asset,) = read(tmp_path, GOOD)
    assert asset.files == {"a.bin": SUM}
    assert asset.sources == (manifest.Url("https://example.invalid/{file}"),)
    assert asset.dist is None
    assert not asset.on_demand


def test_what_is_fetched_when_it_is_needed(tmp_path: Path):
    (asset,) = read(tmp_path, GOOD.replace('to = "things"', 'to = "things"\non_demand = true'))
    assert asset.on_demand
    shipped = GOOD.replace('to = "things"', 'to = "things"\ndist = "things"\non_demand = true')
    with pytest.raises(BuildError, match="does not go with dist"):
        read(tmp_path, shipped)


def test_what_everyone_needs_is_not_left_for_later():
    later = {asset.name for asset in manifest.read(MANIFEST) if asset.on_demand}
    assert later == {"BasicVSR 4x", "Real-ESRGAN x4plus", "RIFE 3.8", "axe-core"}


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (SUM, "abc", "64 lower-case hexadecimal digits"),
        ('to = "things"', 'to = "../things"', "stays inside"),
        ('to = "things"', 'to = "/things"', "stays inside"),
        ('"a.bin"', '"../a.bin"', "stays inside"),
        ('to = "things"', 'to = "things"\ndist = ".."', "stays inside"),
        ('licence = "MIT"', "", "licence must be a text"),
        ('why = "for tests"', 'why = "for tests"\nsize = 3', "unknown key size"),
        ("{ url = ", '{ npm = "a@1", url = ', "exactly one of url, npm, pypi"),
        ('url = "https://example.invalid/{file}"', 'npm = "a", member = "b"', "must pin a version"),
        ('url = "https://example.invalid/{file}"', 'pypi = "a>=1", member = "b"', "must pin a version"),
        ('url = "https://example.invalid/{file}"', 'pypi = "a==1"', "cannot be"),
        ('why = "for tests"', 'why = "for tests"\ngzip = true', "goes with dist"),
        ("[asset.files]", "[asset.file]", "unknown key file"),
        ("[[asset]]", "[[assets]]", "only [[asset]] tables"),
        ("[[asset]]", "[[asset]", "not TOML"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, old: str, new: str, says: str):
    assert old in GOOD
    with pytest.raises(BuildError) as caught:
        read(tmp_path, GOOD.replace(old, new))
    assert says in str(caught.value)


def test_two_assets_cannot_claim_one_file(tmp_path: Path):
    with pytest.raises(BuildError, match=r"both claim things/a\.bin"):
        read(tmp_path, GOOD + GOOD.replace('"thing"', '"other"'))
