"""`build.py bench` in real Chromium, on its software adapter."""

import json
import urllib.error
import urllib.request
from pathlib import Path
from queue import SimpleQueue

import pytest

from deploy.tooling import bench, peers
from deploy.tooling.ui import BuildError


@pytest.mark.browser
def test_it_prints_what_the_page_found(capfd: pytest.CaptureFixture[str]) -> None:
    assert bench.bench(bench.Options(sizes="24x16", software=True, json=True)) == 0
    said = capfd.readouterr()
    report = json.loads(said.out)
    assert [each["tier"] for each in report["ours"]["frames"]] == ["base", "S", "M", "L"]
    assert report["isolated"], "its clock would be rounded to 0.1 ms"
    assert "Tier M, 24x16" in said.err


def test_a_clip_that_is_not_there_is_refused() -> None:
    with pytest.raises(BuildError, match=r"no file nowhere\.mp4"):
        bench.bench(bench.Options(clip=Path("nowhere.mp4")))


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="no folder"):
        peers.quality(tmp_path / "nowhere", software=True, json=False)


def test_only_who_knows_the_token_is_heard(tmp_path: Path) -> None:
    heard: SimpleQueue[tuple[str, str]] = SimpleQueue()
    (tmp_path / "page.txt").write_text("page")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "it.txt").write_text("more")
    with bench._serving({"": tmp_path, "peers": tmp_path / "more"}, "token", heard) as url:
        for path, content in (("page.txt", "page"), ("peers/it.txt", "more")):
            with urllib.request.urlopen(f"{url}{path}") as answer:
                assert answer.read().decode() == content
                assert answer.headers["Cross-Origin-Embedder-Policy"] == "require-corp"
        for path in ("result/other", "other/token"):
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(f"{url}{path}", data=b"{}")
            refused.value.close()
        assert heard.empty()
        urllib.request.urlopen(f"{url}result/token", data=b"{}").close()
    assert heard.get_nowait() == ("result", "{}")
