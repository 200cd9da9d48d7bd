import itertools
import threading
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import TypeAdapter

from pycore.protocol import ExportClip, ExportRequest, ModelName, ProcessorKind, Rect, ReelError, Size
from server.gpu.base import ExportPlan, FinishedFile, Stopped
from server.gpu.local import LocalProcessor, local_processor
from server.gpu.planning import plan_export
from server.tests import clips
from server.video.probe import probe

WHOLE = Rect(0, 0, 96, 64)
FOREVER = 10**12


@pytest.fixture(scope="module")
def processor() -> LocalProcessor:
    return local_processor("cpu")


def one(
    size: Size = Size(48, 32),
    crop: Rect = WHOLE,
    in_us: int = 0,
    out_us: int = FOREVER,
    model: ModelName = ModelName.QUICK,
) -> ExportRequest:
    """One clip of the medium "in"."""
    return ExportRequest([ExportClip("in", in_us, out_us, crop)], size, model)


def planned(source: Path, asked: ExportRequest) -> ExportPlan:
    return plan_export({"in": source}, asked)


def export(
    processor: LocalProcessor,
    source: Path,
    asked: ExportRequest,
    target: Path,
    order: Sequence[int] | None = None,
) -> tuple[ExportPlan, FinishedFile]:
    sources = {"in": source}
    plan = processor.plan(sources, asked)
    parts = [target.with_name(f"{target.stem}-{segment.index}.mp4") for segment in plan.segments]
    for index in order or range(len(parts)):
        stats = processor.run_segment(
            sources, plan, index, parts[index], lambda share: None, threading.Event()
        )
        assert stats.frames == plan.segments[index].frames
    return plan, processor.finish(sources, plan, parts, target)


def brightness(frames: np.ndarray) -> list[int]:
    """What tells `clips.numbered` frames apart: the middle's brightness, in order."""
    height, width = frames.shape[1:3]
    middle = frames[:, height // 3 : -height // 3, width // 3 : -width // 3]
    return [round(float(frame.mean())) for frame in middle]


def test_size_frames_times_sound_and_the_files_form(processor: LocalProcessor, tmp_path: Path) -> None:
    source = clips.make(tmp_path / "in.mp4", clips.numbered(40), audio="aac")
    target = tmp_path / "out.mp4"
    plan, made = export(processor, source, one(Size(64, 48)), target)
    assert [segment.frames for segment in plan.segments] == [32, 8]
    assert made.frames == 40
    assert (made.bytes, made.duration_us, made.has_audio) == (target.stat().st_size, 1_600_000, True)
    info = probe(target, "out.mp4")
    assert (info.size, info.frames, info.duration_us, info.codec) == (Size(64, 48), 40, 1_600_000, "h264")
    assert clips.video_times(target) == clips.video_times(source)
    assert clips.packets(target, "audio") == clips.packets(source, "audio")
    assert len(clips.ffmpeg_frames(target, 64, 48)) == 40
    data = target.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_colours_are_tagged_and_right(processor: LocalProcessor, tmp_path: Path) -> None:
    frames = clips.numbered(2)
    source = clips.make(tmp_path / "in.mp4", frames, matrix=6, options={"crf": "1"})
    export(processor, source, one(Size(192, 128)), tmp_path / "out.mp4")
    made = clips.ffmpeg_frames(tmp_path / "out.mp4", 192, 128).astype(int)
    for patch in (np.s_[4:12, 4:20], np.s_[-12:-4, -20:-4], np.s_[26:38, 42:58]):
        wanted = frames[1][patch].repeat(2, 0).repeat(2, 1)
        big = tuple(slice(part.start * 2, part.stop * 2) for part in patch)
        assert np.abs(made[1][big] - wanted).mean() < 4


def test_variable_frame_rate_is_kept_exactly(processor: LocalProcessor, tmp_path: Path) -> None:
    steps = [1001, 1001, 5005, 300, 1001, 20_000, 900] * 6
    times = list(itertools.accumulate(steps, initial=0))
    source = clips.make(tmp_path / "in.mp4", clips.numbered(43), pts=times, time_base=Fraction(1, 30000))
    plan, _ = export(processor, source, one(), tmp_path / "out.mp4")
    assert len(plan.segments) > 1
    assert clips.video_times(tmp_path / "out.mp4") == [Fraction(time, 30000) for time in times]


def test_frames_that_are_coded_out_of_order_are_shown_in_order(
    processor: LocalProcessor, tmp_path: Path
) -> None:
    ramp = [np.full((32, 64, 3), 60, np.uint8) for _ in range(50)]
    for number, frame in enumerate(ramp):
        frame[:, : number + 1] = 200  # a bar that grows
    source = clips.make(tmp_path / "in.mp4", ramp)
    target = tmp_path / "out.mp4"
    export(processor, source, one(Size(64, 32), Rect(0, 0, 64, 32)), target)
    with av.open(str(target)) as container:
        coded = [packet.pts for packet in container.demux(video=0) if packet.pts is not None]
    assert coded != sorted(coded), "the encoder used no B-frames: this test shows nothing"
    assert clips.video_times(target) == [Fraction(number, 25) for number in range(50)]
    shown = brightness(clips.ffmpeg_frames(target, 64, 32))
    assert np.abs(np.subtract(shown, brightness(np.stack(ramp)))).max() <= 1


def test_segments_in_any_order_by_anyone_give_the_same_bytes(
    processor: LocalProcessor, tmp_path: Path
) -> None:
    source = clips.make(tmp_path / "in.mp4", clips.numbered(70, 48, 32), audio="aac")
    asked = one(crop=Rect(0, 0, 48, 32))
    _, first = export(processor, source, asked, tmp_path / "a.mp4")
    _, second = export(local_processor("cpu"), source, asked, tmp_path / "b.mp4", order=[2, 0, 1])
    assert first.sha256 == second.sha256
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_trim_to_the_frame_with_sound_in_step(processor: LocalProcessor, tmp_path: Path) -> None:
    source = clips.make(tmp_path / "in.mp4", clips.numbered(75), audio="aac")
    target = tmp_path / "out.mp4"
    # 1.16 s is frame 29, 2.2 s is frame 55
    plan, made = export(processor, source, one(Size(96, 64), in_us=1_160_000, out_us=2_200_000), target)
    assert [(each.first_frame, each.frames) for each in plan.segments] == [(29, 3), (32, 23)]
    assert (made.frames, made.duration_us) == (26, 1_040_000)
    wanted = brightness(np.stack(clips.numbered(75)[29:55]))
    got = brightness(clips.ffmpeg_frames(target, 96, 64))
    assert np.abs(np.subtract(got, wanted)).max() <= 2
    assert_sound_in_step(target, 1.16, 1.04)
    whole, kept = clips.packets(source, "audio"), clips.packets(target, "audio")
    at = whole.index(kept[0])
    assert whole[at : at + len(kept)] == kept


def assert_sound_in_step(target: Path, start: float, seconds: float) -> None:
    """What sounds at the picture's first moment is `clips.tone` at `start`, to less than 1 ms, as ffmpeg
    plays it."""
    raw = clips.ffmpeg(
        "-i", str(target), "-map", "0:a", "-af", "aresample=48000:async=1:first_pts=0", "-ac", "1",
        "-f", "f32le", "-",
    )  # fmt: skip
    heard = np.frombuffer(raw, np.float32)
    assert len(heard) / clips.RATE == pytest.approx(seconds, abs=0.03)
    length = 20_000
    tone = clips.tone(start + seconds)[0]
    begin = round(start * clips.RATE) + 4000

    def match(lag: int) -> float:
        return float(np.dot(heard[4000 : 4000 + length], tone[begin + lag : begin + lag + length]))

    near = max(range(-2000, 2001, 8), key=match)
    assert abs(max(range(near - 8, near + 9), key=match)) < clips.RATE / 1000


@pytest.mark.parametrize(
    ("suffix", "video", "audio", "copied"),
    [
        ("mp4", "libx264", "aac", True),
        ("mkv", "libx264", "libmp3lame", True),
        ("mkv", "libx264", "ac3", True),
        ("webm", "libvpx", "libopus", True),
        ("mkv", "libx264", "flac", True),
        ("mov", "libx264", "pcm_s16le", False),
        ("ts", "libx264", "mp2", False),
        ("ts", "libx264", "aac", False),
    ],
)
def test_sound_is_copied_or_else_made_anew(
    processor: LocalProcessor, tmp_path: Path, suffix: str, video: str, audio: str, copied: bool
) -> None:
    source = clips.make(tmp_path / f"in.{suffix}", clips.numbered(50), codec=video, audio=audio)
    target = tmp_path / "out.mp4"
    _, made = export(processor, source, one(in_us=480_000, out_us=1_440_000), target)
    assert made.has_audio
    assert any("re-encoded" in note for note in made.notes) is not copied
    whole, kept = clips.packets(source, "audio"), clips.packets(target, "audio")
    assert (kept[0] in whole and kept == whole[whole.index(kept[0]) :][: len(kept)]) is copied
    assert_sound_in_step(target, 0.48, 0.96)


def test_without_sound(processor: LocalProcessor, tmp_path: Path) -> None:
    source = clips.make(tmp_path / "in.mp4", clips.numbered(5))
    plan, made = export(processor, source, one(), tmp_path / "out.mp4")
    assert not plan.has_audio
    assert not made.has_audio
    assert not probe(tmp_path / "out.mp4", "out").has_audio


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_crop_of_a_turned_picture(processor: LocalProcessor, tmp_path: Path, rotation: int) -> None:
    source = clips.make(tmp_path / "in.mp4", clips.numbered(2), rotation=rotation, options={"crf": "4"})
    upright = Size(96, 64) if rotation == 180 else Size(64, 96)
    crop = Rect(8, 4, 40, 52)
    export(processor, source, one(Size(80, 104), crop), tmp_path / "out.mp4")
    made = clips.ffmpeg_frames(tmp_path / "out.mp4", 80, 104)[0]
    whole = clips.ffmpeg_frames(source, upright.width, upright.height)[0]
    wanted = Image.fromarray(whole[4:56, 8:48]).resize((80, 104), Image.Resampling.BICUBIC)
    assert np.abs(made.astype(int) - np.asarray(wanted)).mean() < 5


def test_odd_sizes_and_ten_bits(processor: LocalProcessor, tmp_path: Path) -> None:
    source = clips.make(tmp_path / "in.mkv", clips.numbered(3, 97, 63), pix_fmt="yuv444p10le")
    plan, _ = export(processor, source, one(Size(194, 126), Rect(0, 0, 97, 63)), tmp_path / "out.mp4")
    assert plan.clips[0].in_size == Size(97, 63)
    assert probe(tmp_path / "out.mp4", "out").size == Size(194, 126)


def test_better_than_bicubic_on_real_frames(processor: LocalProcessor, tmp_path: Path) -> None:
    """Frames of the demo clip, quartered and compressed, exported to their own size again."""
    originals = clips.demo_frames(4, 256)
    small = [
        np.asarray(Image.fromarray(each).resize((64, 64), Image.Resampling.BICUBIC)) for each in originals
    ]
    source = clips.make(tmp_path / "in.mp4", small, options={"crf": "12"})
    export(processor, source, one(Size(256, 256), Rect(0, 0, 64, 64)), tmp_path / "out.mp4")
    made = clips.ffmpeg_frames(tmp_path / "out.mp4", 256, 256)
    decoded = clips.ffmpeg_frames(source, 64, 64)
    bicubic = np.stack(
        [np.asarray(Image.fromarray(each).resize((256, 256), Image.Resampling.BICUBIC)) for each in decoded]
    )
    originals = np.stack(originals)
    assert clips.psnr_y(made, originals) > clips.psnr_y(bicubic, originals) + 0.3


def test_stop_ends_within_a_segment_and_leaves_nothing(processor: LocalProcessor, tmp_path: Path) -> None:
    source = clips.make(tmp_path / "in.mp4", clips.numbered(32, 48, 32))
    plan = planned(source, one(crop=Rect(0, 0, 48, 32)))
    stop = threading.Event()
    shares: list[float] = []

    def progress(share: float) -> None:
        shares.append(share)
        if len(shares) == 30:  # by then the encoder has begun to write
            assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".part")]
            stop.set()

    with pytest.raises(Stopped):
        processor.run_segment({"in": source}, plan, 0, tmp_path / "part.mp4", progress, stop)
    assert shares[:30] == pytest.approx([number / 32 for number in range(1, 31)])
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_a_crop_of_another_shape_is_narrowed_to_fill(processor: LocalProcessor, tmp_path: Path) -> None:
    source = clips.make(tmp_path / "in.mp4", clips.numbered(2))
    plan = planned(source, one(Size(64, 64)))
    assert (plan.clips[0].crop, plan.clips[0].in_size) == (Rect(16, 0, 64, 64), Size(64, 64))
    assert plan.notes[0] == "The crop was narrowed from 96×64 to 64×64 to fill 64×64."
    assert plan.notes[1:] == ["The crop has as many pixels as the result: nothing had to be upscaled."]
    assert plan.clips[0].scale == 1
    assert planned(source, one(Size(1080, 1920), Rect(3, 0, 36, 64))).notes == []


def test_windows_do_not_depend_on_the_trim(tmp_path: Path) -> None:
    source = clips.make(tmp_path / "in.mp4", clips.numbered(100))
    whole = {(each.first_frame, each.frames) for each in planned(source, one()).segments}
    cut = planned(source, one(in_us=400_000, out_us=3_600_000)).segments
    assert whole == {(0, 32), (32, 32), (64, 32), (96, 4)}
    assert [(each.first_frame, each.frames) for each in cut] == [(10, 22), (32, 32), (64, 26)]


def test_plans_travel_as_json(tmp_path: Path) -> None:
    plan = planned(clips.make(tmp_path / "in.mp4", clips.numbered(40)), one())
    adapter = TypeAdapter(ExportPlan)
    assert adapter.validate_json(adapter.dump_json(plan)) == plan


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"size": Size(49, 32)}, "export.odd-size"),
        ({"size": Size(0, 0)}, "export.size-out-of-range"),
        ({"size": Size(10_000, 32)}, "export.size-out-of-range"),
        ({"crop": Rect(90, 0, 20, 20)}, "export.crop-outside"),
        ({"crop": Rect(-3, 0, 20, 20)}, "export.crop-outside"),
        ({"crop": Rect(0, 0, 0, 0)}, "export.crop-outside"),
        ({"crop": Rect(float("nan"), 0, 20, 20)}, "export.crop-outside"),
        ({"in_us": 300_000, "out_us": 200_000}, "export.empty-range"),
        ({"in_us": FOREVER, "out_us": FOREVER + 1}, "export.empty-range"),
    ],
)
def test_what_cannot_be_done_is_refused(tmp_path: Path, change: dict[str, object], code: str) -> None:
    source = clips.make(tmp_path / "in.mp4", clips.numbered(10))
    with pytest.raises(ReelError) as caught:
        planned(source, one(**change))  # type: ignore[arg-type]
    assert caught.value.problem.code == code
    assert caught.value.problem.hint
    assert caught.value.problem.status == 422


def test_segments_that_do_not_fit_are_refused(processor: LocalProcessor, tmp_path: Path) -> None:
    source = clips.make(tmp_path / "in.mp4", clips.numbered(40))
    plan = planned(source, one())
    parts = [tmp_path / "0.mp4", tmp_path / "1.mp4"]
    for index, part in enumerate(parts):
        processor.run_segment({"in": source}, plan, index, part, lambda share: None, threading.Event())
    with pytest.raises(ReelError, match="has 8 frames, not 32"):
        processor.finish({"in": source}, plan, parts[::-1], tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


def test_threads_are_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    monkeypatch.setenv("REELBALLERS_THREADS", "3")
    try:
        local_processor("cpu")
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    monkeypatch.setenv("REELBALLERS_THREADS", "many")
    with pytest.raises(ReelError, match="REELBALLERS_THREADS is 'many'"):
        local_processor("cpu")


def test_devices() -> None:
    info = local_processor("cpu").info()
    assert info.kind is ProcessorKind.CPU
    assert info.available
    assert info.name
    with pytest.raises(ReelError, match="no device “abacus”"):
        local_processor("abacus")
