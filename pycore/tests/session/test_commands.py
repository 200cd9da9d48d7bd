"""A session of the worker's application without GPU and without server: commands, answers, states."""

from pathlib import Path

import pytest

from pycore.protocol import Aspect, Clip, Rect, Size, WebGPULevel
from pycore.tests.session.real_server import Page, in_a_session

NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "match day.mp4"
    path.write_bytes(b"no bytes of it are looked at before an export")
    return path


@pytest.fixture
def page() -> Page:
    return Page(NOBODY, server=False)


class Frame:
    closed = False

    def close(self) -> None:
        self.closed = True


@in_a_session
async def test_without_a_gpu_the_preview_says_why(page: Page) -> None:
    state = await page.until(lambda state: state.capability, "a capability")
    assert state.capability is not None
    assert state.capability.level is WebGPULevel.NONE
    assert not state.preview.live
    assert state.preview.message == state.capability.reason
    assert "no GPU" in state.preview.message


@in_a_session
async def test_a_frame_that_nothing_can_draw_is_closed_and_answered(page: Page, clip: Path) -> None:
    await page.do("attach-canvas", {"canvas": object()})
    await page.open(clip)
    frame = Frame()
    await page.app.frame(frame, 40_000)
    assert frame.closed
    assert page.frames == [
        {
            "type": "frame",
            "time_us": 40_000,
            "presented": False,
            "gpu_ms": 0.0,
            "cpu_ms": 0.0,
            "width": 0,
            "height": 0,
        }
    ]


@in_a_session
async def test_an_unreachable_server_is_told_with_a_hint(page: Page) -> None:
    state = await page.until(lambda state: state.server_problem, "a problem with the server")
    assert state.server is None
    assert state.server_problem is not None
    assert state.server_problem.code == "server.unreachable"
    assert "build.py run" in state.server_problem.hint
    assert not page.notices


@in_a_session
async def test_opening_starts_an_upright_project_on_the_whole_clip(page: Page, clip: Path) -> None:
    await page.open(clip, size={"width": 1920, "height": 1080}, duration_us=8_000_000)
    project = page.state.project
    assert project is not None
    assert project.name == "match day"
    assert len(project.id) == 32
    assert project.output.size == Size(1080, 1920)
    (only,) = project.clips
    assert (only.in_us, only.out_us, only.aspect) == (0, 8_000_000, Aspect.PORTRAIT)
    assert only.crop == Rect(656.25, 0, 607.5, 1080)
    assert (only.media.id, only.media.bytes) == ("", clip.stat().st_size)


@in_a_session
async def test_edits_undo_and_redo_and_a_drag_is_one_step(page: Page, clip: Path) -> None:
    await page.open(clip, size={"width": 1920, "height": 1080})
    first = page.state.project
    for x in (10, 20, 30):
        await page.do("set-crop", crop={"x": x, "y": 0, "width": 607.5, "height": 1080}, gesture="one drag")
    await page.do("set-aspect", aspect="1:1")
    square = page.state.project
    assert square is not None
    assert square.output.size == Size(1080, 1080)
    await page.do("undo")
    assert page.state.project is not None
    assert page.state.project.clips[0].crop.x == 30
    await page.do("undo")
    assert page.state.project == first
    assert (page.state.can_undo, page.state.can_redo) == (False, True)
    await page.do("undo")  # nothing left: no change, no error
    await page.do("redo")
    await page.do("redo")
    assert page.state.project == square


@in_a_session
async def test_a_state_is_posted_once_per_command_and_only_when_something_changed(
    page: Page, clip: Path
) -> None:
    await page.open(clip)
    await page.until(lambda state: state.server_problem and state.capability, "the start's news")
    page.posted.clear()
    await page.do("set-aspect", aspect="16:9")
    assert [message["event"]["type"] for message in page.posted] == ["state"]
    await page.do("set-aspect", aspect="16:9")
    assert len(page.posted) == 1


@pytest.mark.parametrize(
    ("command", "code", "says"),
    [
        ({"type": "make-coffee"}, "command.malformed", "'make-coffee'"),
        ({"type": "set-crop", "crop": {"x": 0, "y": 0, "width": 9}}, "command.malformed", "crop.height"),
        ({"type": "set-aspect", "aspect": "2:1"}, "command.malformed", "'9:16'"),
        ({"type": "set-trim", "in_us": 0.5, "out_us": 1}, "command.malformed", "in_us"),
        ({"type": "undo", "twice": True}, "command.malformed", "twice"),
        (None, "command.malformed", "command"),
        ({"type": "set-crop", "crop": {"x": 0, "y": 0, "width": 9, "height": 9}}, "media.none", "open"),
        ({"type": "open-media", "name": "a", "bytes": 1, "duration_us": 1}, "command.malformed", "size"),
        ({"type": "attach-canvas"}, "command.attachment", "canvas"),
        ({"type": "set-preview", "split": 1.5}, "preview.range", "split"),
        ({"type": "download-result", "job_id": "x"}, "job.no-result", "not in the list"),
        ({"type": "start-export"}, "media.none", "open"),
    ],
)
@in_a_session
async def test_a_command_that_cannot_be_run_is_answered_with_the_reason(
    page: Page, command: object, code: str, says: str
) -> None:
    answer = await page.app.handle({"id": 5, "command": command})
    assert (answer["id"], answer["ok"]) == (5, False)
    assert answer["error"]["code"] == code
    assert says in str(answer["error"])


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"size": {"width": 0, "height": 64}}, "media.unusable"),
        ({"duration_us": 0}, "media.unusable"),
        ({"bytes": 0}, "media.unusable"),
    ],
)
@in_a_session
async def test_a_medium_without_picture_or_length_is_refused_and_the_old_one_stays(
    page: Page, clip: Path, fields: dict[str, object], code: str
) -> None:
    await page.open(clip)
    before = page.state.project
    usual = {"name": "b.mp4", "bytes": 3, "size": {"width": 9, "height": 9}, "duration_us": 9}
    answer = await page.ask("open-media", {"file": clip}, **{**usual, **fields})
    assert answer["error"]["code"] == code
    assert page.state.project == before


@pytest.mark.parametrize(
    ("size", "code"),
    [
        ((1080, 1921), "output.size"),
        ((0, 0), "output.size"),
        ((9000, 16000), "output.size"),
        ((1080, 1080), "output.aspect"),
    ],
)
@in_a_session
async def test_an_output_that_no_encoder_takes_or_that_distorts_is_refused(
    page: Page, clip: Path, size: tuple[int, int], code: str
) -> None:
    await page.open(clip, size={"width": 1920, "height": 1080})
    answer = await page.ask("set-output", size={"width": size[0], "height": size[1]})
    assert answer["error"]["code"] == code
    assert answer["error"]["hint"]
    await page.do("set-output", size={"width": 720, "height": 1280}, model="best")
    assert page.state.project is not None
    assert page.state.project.output.size == Size(720, 1280)


@in_a_session
async def test_an_export_without_a_server_is_refused_and_nothing_is_lost(page: Page, clip: Path) -> None:
    await page.open(clip)
    await page.until(lambda state: state.server_problem, "a problem with the server")
    answer = await page.ask("start-export")
    assert answer["error"]["code"] == "server.unreachable"
    assert page.state.project is not None


@in_a_session
async def test_closing_the_medium_closes_the_project(page: Page, clip: Path) -> None:
    await page.open(clip)
    await page.do("close-media")
    assert page.state.project is None
    assert not page.state.can_undo


@in_a_session
async def test_looks_of_the_preview_are_kept_one_by_one(page: Page) -> None:
    await page.do("set-preview", split=0.25)
    await page.do("set-preview", sharpness=1)
    assert (page.state.preview.split, page.state.preview.sharpness) == (0.25, 1.0)


def only(page: Page) -> Clip:
    assert page.state.project is not None
    return page.state.project.clips[0]


@in_a_session
async def test_framing_spotlight_and_keyframes_are_edits(page: Page, clip: Path) -> None:
    await page.open(clip)
    assert [each.name for each in page.state.presets] == ["steady", "close", "action"]
    framing = {"follow": True, "player_share": 0.5, "smoothness": 0.2, "margin": 0.1, "ball": 0.0}
    await page.do("set-framing", framing=framing)
    await page.do("set-spotlight", spotlight={"style": "ring", "label": "Ana"})
    await page.do("set-keyframe", time_us=40_000, crop={"x": 0, "y": 0, "width": 90, "height": 160})
    assert only(page).framing.player_share == 0.5
    assert only(page).spotlight.label == "Ana"
    assert [each.time_us for each in only(page).keyframes] == [40_000]
    await page.do("remove-keyframe", time_us=0)
    assert only(page).keyframes == []
    for _ in range(4):
        await page.do("undo")
    assert only(page).framing.player_share == 0.3
    assert not page.state.can_undo
