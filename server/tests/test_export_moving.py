"""Exports whose crop moves, with a spotlight: the pixels, and what is refused."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from pycore.protocol import (
    ExportClip,
    ExportRequest,
    PathPoint,
    Rect,
    ReelError,
    Size,
    Spotlight,
    SpotlightStyle,
    TrackColumns,
    Tracking,
    encode,
)
from pycore.spotlight.drawing import draw
from pycore.spotlight.mark import Marker
from server.cli import main
from server.gpu.local import LocalProcessor, local_processor
from server.gpu.placing import placed
from server.gpu.planning import plan_export
from server.tests import clips
from server.tests.test_export import export

PICTURE = Size(160, 96)
FRAMES = 24
FRAME_US = 40_000


def walker(number: int) -> tuple[float, float]:
    """Where the player's middle is: between pixels, faster and faster."""
    return 30 + 1.7 * number + 0.06 * number**2, 50 + 0.3 * number


def footage() -> list[np.ndarray]:
    """A soft white blob that walks over grey."""
    y, x = np.mgrid[0 : PICTURE.height, 0 : PICTURE.width] + 0.5
    frames = []
    for number in range(FRAMES):
        cx, cy = walker(number)
        blob = np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / 18)
        frames.append(np.repeat((70 + 160 * blob)[..., None], 3, axis=2).round().astype(np.uint8))
    return frames


def around(number: int, width: float, height: float) -> Rect:
    cx, cy = walker(number)
    return Rect(cx - width / 2, cy - height / 2, width, height)


def points(width: float, height: float) -> list[PathPoint]:
    return [PathPoint(number * FRAME_US, around(number, width, height)) for number in range(FRAMES)]


@pytest.fixture(scope="module")
def processor() -> LocalProcessor:
    return local_processor("cpu")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("moving")
    return clips.make(folder / "in.mp4", footage(), options={"crf": "6"})


def moving(**changes: object) -> ExportRequest:
    clip = ExportClip("in", 0, 10**9, Rect(0, 0, 40, 60), path=points(40, 60))
    return ExportRequest([replace(clip, **changes)], Size(80, 120))  # type: ignore[arg-type]


def middle(frame: np.ndarray) -> np.ndarray:
    """Centre of brightness, x and y, in pixels."""
    light = np.maximum(frame.astype(float).mean(axis=2) - 100, 0)
    y, x = np.mgrid[0 : frame.shape[0], 0 : frame.shape[1]] + 0.5
    return np.array([(x * light).sum(), (y * light).sum()]) / light.sum()


def test_the_player_stands_still_in_a_crop_that_goes_along(
    processor: LocalProcessor, source: Path, tmp_path: Path
) -> None:
    plan, made = export(processor, source, moving(), tmp_path / "out.mp4")
    assert made.frames == FRAMES
    assert plan.clips[0].moves
    shown = clips.ffmpeg_frames(tmp_path / "out.mp4", 80, 120)
    centres = np.array([middle(frame) for frame in shown])
    # Half of a result's pixel is a quarter of the source's, and codecs move things too.
    assert np.abs(centres - [40, 60]).max() < 0.5
    assert np.abs(np.diff(centres, axis=0)).max() < 0.4


def test_every_frame_goes_through_the_net_at_one_size(source: Path) -> None:
    zoom = [PathPoint(0, around(0, 24, 36)), PathPoint(FRAMES * FRAME_US, around(FRAMES - 1, 40, 60))]
    plan = plan_export({"in": source}, moving(path=zoom))
    clip = plan.clips[0]
    assert clip.moves
    assert 40 < clip.in_size.width < 56 and 59 < clip.in_size.height < 76
    assert plan.work_pixels == FRAMES * clip.in_size.width * clip.in_size.height * 16


def test_a_path_that_stands_is_a_crop(processor: LocalProcessor, source: Path, tmp_path: Path) -> None:
    """Bit for bit, so that preview and export agree about what stands."""
    crop = Rect(20, 10, 40, 60)
    still = moving(path=[PathPoint(0, crop), PathPoint(500_000, crop)], crop=Rect(0, 0, 10, 15))
    files = []
    for name, asked in (("path", still), ("crop", moving(path=[], crop=crop))):
        plan, _ = export(processor, source, asked, tmp_path / f"{name}.mp4")
        assert not plan.clips[0].moves
        files.append((tmp_path / f"{name}.mp4").read_bytes())
    assert files[0] == files[1]


def test_a_jump_is_a_jump(processor: LocalProcessor, source: Path, tmp_path: Path) -> None:
    there, here = Rect(100, 20, 40, 60), Rect(10.5, 20, 40, 60)
    cut = 6 * FRAME_US
    path = [PathPoint(0, there), PathPoint(cut - 1, there), PathPoint(cut, here), PathPoint(cut + 9, here)]
    export(processor, source, moving(path=path), tmp_path / "out.mp4")
    shown = clips.ffmpeg_frames(tmp_path / "out.mp4", 80, 120)
    seen = [float(frame.max()) > 150 for frame in shown]
    assert not any(seen[:6])
    assert all(seen[6:8])


def test_the_spotlight_is_drawn_on_the_player(
    processor: LocalProcessor, source: Path, tmp_path: Path
) -> None:
    marked = moving(
        subject=[PathPoint(n * FRAME_US, around(n, 10, 24)) for n in range(FRAMES)],
        spotlight=Spotlight(SpotlightStyle.DIM, strength=1.0),
    )
    export(processor, source, moving(), tmp_path / "plain.mp4")
    export(processor, source, marked, tmp_path / "marked.mp4")
    plain, shown = (
        clips.ffmpeg_frames(tmp_path / f"{name}.mp4", 80, 120).astype(float) for name in ("plain", "marked")
    )
    marker = Marker(marked.clips[0].spotlight, marked.clips[0].subject)
    for number in (0, 11, 23):
        crop = around(number, 40, 60)
        mark = marker.mark(number * FRAME_US, crop)
        assert mark is not None
        wanted = draw(plain[number] / 255, crop, mark) * 255
        assert np.abs(shown[number] - wanted).mean() < 4
        assert shown[number][:5].mean() < 0.6 * plain[number][:5].mean()


def test_standing_crops_have_spotlights_too(processor: LocalProcessor, source: Path, tmp_path: Path) -> None:
    boxes = [PathPoint(0, Rect(26, 40, 10, 24))]
    asked = moving(
        path=[],
        crop=Rect(10, 10, 40, 60),
        subject=boxes,
        spotlight=Spotlight(SpotlightStyle.RING, color="#ff0000"),
    )
    export(processor, source, asked, tmp_path / "out.mp4")
    frame = clips.ffmpeg_frames(tmp_path / "out.mp4", 80, 120)[5].astype(int)
    red = (frame[..., 0] - frame[..., 1]) > 60
    assert red.any()
    assert np.argwhere(red).mean(axis=0) == pytest.approx([108, 42], abs=8)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"path": [PathPoint(0, Rect(0, 0, 40, 60)), PathPoint(0, Rect(1, 0, 40, 60))]}, "export.path"),
        ({"path": [PathPoint(0, Rect(150, 0, 40, 60))]}, "export.path"),
        ({"path": [PathPoint(0, Rect(0, 0, 0, 0))]}, "export.path"),
        ({"subject": [PathPoint(5, Rect(0, 0, 1, 1)), PathPoint(4, Rect(0, 0, 1, 1))]}, "export.subject"),
        ({"spotlight": Spotlight(SpotlightStyle.RING, color="red")}, "spotlight.color"),
        ({"spotlight": Spotlight(SpotlightStyle.RING, strength=7)}, "spotlight.strength"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_words(
    source: Path, changes: dict[str, object], code: str
) -> None:
    with pytest.raises(ReelError) as refused:
        plan_export({"in": source}, moving(**changes))
    assert refused.value.problem.code == code
    assert refused.value.problem.hint


def test_a_window_at_the_pictures_scale_is_reproduced() -> None:
    """Reduced and enlarged alike, a ramp stays that ramp."""
    from pycore.framing.placing import window_at, window_size

    crop, picture = Rect(10.3, 6.6, 20, 30), Size(64, 64)
    window = window_at(crop, window_size([crop], picture), picture)
    x = (torch.arange(window.width * 4) + 0.5) / 4 + window.x
    large = (x / 64).expand(1, 3, window.height * 4, -1).contiguous()
    for size in (Size(10, 16), Size(80, 120), Size(200, 300)):
        made = placed(large, window, crop, size)
        wanted = (crop.x + (torch.arange(size.width) + 0.5) * crop.width / size.width) / 64
        assert torch.allclose(made[0, 0, size.height // 2], wanted, atol=2e-4)


# the command line


def tracks(folder: Path) -> Path:
    boxes = [value for n in range(FRAMES) for value in encode(around(n, 10, 24)).values()]
    column = TrackColumns("7", list(range(FRAMES)), boxes, [0.9] * FRAMES, [0] * FRAMES)
    document = Tracking(PICTURE, [n * FRAME_US for n in range(FRAMES)], tracks=[column])
    path = folder / "tracks.json"
    path.write_text(json.dumps(encode(document)))
    return path


def test_a_track_on_the_command_line(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    call = [
        "export",
        source,
        target,
        "--track",
        f"{tracks(tmp_path)}/7",
        "--size",
        "72x128",
        "--spotlight",
        "arrow",
    ]
    ran = CliRunner().invoke(
        main, [*map(str, call), "--spotlight", "arrow", "--name", "Ana", "--share", "0.4"]
    )
    assert ran.exit_code == 0, ran.output
    shown = clips.ffmpeg_frames(target, 72, 128)
    assert len(shown) == FRAMES
    for frame in shown[::6]:  # the blob's core; the name's plate is above
        assert np.abs(middle(np.where(frame > 200, frame, 0)[40:]) - [36, 24]).max() < 20


def test_a_path_on_the_command_line(source: Path, tmp_path: Path) -> None:
    path, target = tmp_path / "path.json", tmp_path / "out.mp4"
    path.write_text(json.dumps(encode(points(40, 60))))
    ran = CliRunner().invoke(
        main, ["export", str(source), str(target), "--path", str(path), "--size", "80x120"]
    )
    assert ran.exit_code == 0, ran.output
    assert np.abs(middle(clips.ffmpeg_frames(target, 80, 120)[-1]) - [40, 60]).max() < 0.5


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--track", "nowhere.json/7", "--aspect", "9:16"], "nowhere.json"),
        (["--track", "TRACKS/8", "--aspect", "9:16"], "no track '8'"),
        (["--track", "TRACKS/7", "--path", "x", "--aspect", "9:16"], "--path"),
        (["--spotlight", "ring", "--aspect", "9:16"], "--track"),
        ([], "--size"),
    ],
)
def test_what_is_asked_wrongly_is_answered(
    source: Path, tmp_path: Path, options: list[str], said: str
) -> None:
    file = tracks(tmp_path)
    given = [each.replace("TRACKS", str(file)) for each in options]
    ran = CliRunner().invoke(main, ["export", str(source), str(tmp_path / "out.mp4"), *given])
    assert ran.exit_code != 0
    assert isinstance(ran.exception, (ReelError, SystemExit))
    assert said in ran.output + str(ran.exception)
