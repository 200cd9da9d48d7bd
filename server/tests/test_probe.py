import resource
from pathlib import Path

import pytest

from pycore.protocol import ReelError, Size
from server.tests import bad_media, clips
from server.video.probe import inspect, probe


def test_what_a_video_is(tmp_path: Path) -> None:
    path = clips.make(tmp_path / "a.mp4", clips.numbered(50), audio="aac")
    info = probe(path, "My match.mp4")
    assert (info.id, info.name, info.bytes) == ("", "My match.mp4", path.stat().st_size)
    assert info.size == Size(96, 64)
    assert info.duration_us == 2_000_000
    assert (info.fps, info.frames, info.codec) == (25.0, 50, "h264")
    assert info.has_audio
    assert info.rotation == 0


@pytest.mark.parametrize("case", bad_media.CASES)
def test_bad_media_is_refused_with_advice(tmp_path: Path, case: str) -> None:
    build, code = bad_media.CASES[case]
    path = build(tmp_path)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ReelError) as caught:
        inspect(path)
    problem = caught.value.problem
    assert problem.code == code
    assert problem.status == 422
    assert path.name in problem.detail
    assert problem.hint
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 100_000, "kilobytes: nothing may be allocated on a header's word"


@pytest.mark.parametrize("case", [each for each in bad_media.CASES if each != "audio only"])
def test_bad_media_is_no_music_either(tmp_path: Path, case: str) -> None:
    build, code = bad_media.CASES[case]
    path = build(tmp_path)
    with pytest.raises(ReelError) as caught:
        probe(path, path.name)
    assert caught.value.problem.code == code


def test_pictures_beyond_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = clips.make(tmp_path / "a.mp4", clips.numbered(3))
    monkeypatch.setenv("REELBALLERS_MEDIA_MAX_SIDE", "95")
    with pytest.raises(ReelError, match="claims 96×64 pixels"):
        probe(path, "a.mp4")


def test_too_many_streams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = clips.make(tmp_path / "a.mp4", clips.numbered(3), audio="aac")
    monkeypatch.setenv("REELBALLERS_MEDIA_MAX_STREAMS", "1")
    with pytest.raises(ReelError, match="has 2 streams"):
        probe(path, "a.mp4")


def test_cover_art_is_no_video(tmp_path: Path) -> None:
    sound = bad_media.CASES["audio only"][0](tmp_path)
    cover = tmp_path / "cover.png"
    clips.ffmpeg("-f", "lavfi", "-i", "color=red:s=64x64", "-frames:v", "1", str(cover))
    path = tmp_path / "song.mp4"
    clips.ffmpeg(
        "-i", str(sound), "-i", str(cover), "-map", "0", "-map", "1", "-c", "copy",
        "-disposition:v:0", "attached_pic", str(path),
    )  # fmt: skip
    with pytest.raises(ReelError) as caught:
        inspect(path)
    assert caught.value.problem.code == "media.no-video"
    assert probe(path, "Song.mp4").size == Size(0, 0), "but it may be music"
