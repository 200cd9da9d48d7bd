"""Reels: clips behind each other, a first frame that stands still, titles, slow motion, music. The results
are looked at through ffmpeg."""

import threading
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from pycore.protocol import ExportClip, ExportRequest, Music, Rect, ReelError, Size, SlowMotion
from server.gpu.base import FinishedFile
from server.gpu.local import LocalProcessor, local_processor
from server.gpu.planning import plan_export
from server.tests import clips

WHOLE = Rect(0, 0, 96, 64)
SIZE = Size(96, 64)
RATE = clips.RATE


@pytest.fixture(scope="module")
def processor() -> LocalProcessor:
    return local_processor("cpu")


def export(
    processor: LocalProcessor, sources: dict[str, Path], request: ExportRequest, target: Path
) -> FinishedFile:
    plan = processor.plan(sources, request)
    parts = [target.with_name(f"{target.stem}-{segment.index}.mp4") for segment in plan.segments]
    for segment, part in zip(plan.segments, parts, strict=True):
        processor.run_segment(sources, plan, segment.index, part, lambda share: None, threading.Event())
    made = processor.finish(sources, plan, parts, target)
    assert (made.frames, made.duration_us) == (plan.frames, plan.duration_us)
    return made


def heard(path: Path) -> np.ndarray:
    """float32 (n,), the first channel, as ffmpeg plays it."""
    raw = clips.ffmpeg("-i", str(path), "-map", "0:a:0", "-ac", "2", "-ar", str(RATE), "-f", "f32le", "-")
    return np.frombuffer(raw, np.float32)[::2]


def level(sound: np.ndarray, begin: float, end: float) -> float:
    part = sound[round(begin * RATE) : round(end * RATE)].astype(np.float64)
    return float(np.sqrt(np.mean(part**2)))


def offset(sound: np.ndarray, wanted: np.ndarray) -> int:
    """By how many samples `sound` is late, found by correlation."""
    length = min(len(sound), len(wanted))
    spectrum = np.fft.rfft(sound[:length], 2 * length) * np.conj(np.fft.rfft(wanted[:length], 2 * length))
    found = int(np.argmax(np.fft.irfft(spectrum)))
    return found if found < length else found - 2 * length


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two files that differ in size, rate, time base and codec: 25 frames per second, and 30000/1001."""
    folder = tmp_path_factory.mktemp("pair")
    times = [1001 * number for number in range(20)]
    return {
        "a": clips.make(folder / "a.mp4", clips.numbered(15), audio="aac"),
        "b": clips.make(
            folder / "b.mkv",
            clips.numbered(20, 160, 120),
            pts=times,
            time_base=Fraction(1, 30000),
            audio="libopus",
        ),
    }


def test_clips_of_different_files_keep_their_times(
    processor: LocalProcessor, pair: dict[str, Path], tmp_path: Path
) -> None:
    request = ExportRequest(
        [
            ExportClip("a", 200_000, 480_000, WHOLE),
            ExportClip("b", 0, 10**9, Rect(8, 8, 150, 100)),
            ExportClip("a", 0, 200_000, WHOLE),
        ],
        SIZE,
    )
    made = export(processor, pair, request, tmp_path / "out.mp4")
    first = [Fraction(number, 25) for number in range(7)]
    second = [Fraction(7, 25) + round(1001 * number / 30) * Fraction(1, 1000) for number in range(20)]
    times = clips.video_times(tmp_path / "out.mp4")
    assert times[:7] == first
    # Matroska has milliseconds; what it says is kept
    assert all(
        abs(time - wanted) <= Fraction(1, 1000) for time, wanted in zip(times[7:27], second, strict=True)
    )
    assert len(times) == 32
    assert [b - a for a, b in pairwise(times[27:])] == [Fraction(1, 25)] * 4
    frames = clips.ffmpeg_frames(tmp_path / "out.mp4", 96, 64)
    shown = frames[:, 20:44, 30:66].mean(axis=(1, 2, 3))
    own = np.stack(clips.numbered(15))[:, 20:44, 30:66].mean(axis=(1, 2, 3))
    assert np.abs(shown[:7] - own[5:12]).max() < 3
    assert np.abs(shown[27:] - own[:5]).max() < 3
    assert any("different frame rates (25, 29." in note for note in made.notes)
    assert any("mixed" in note for note in made.notes)


def test_sound_of_joined_clips_lies_under_its_picture(processor: LocalProcessor, tmp_path: Path) -> None:
    source = clips.make(tmp_path / "a.mp4", clips.numbered(75), audio="aac")
    request = ExportRequest(
        [ExportClip("a", 1_000_000, 2_000_000, WHOLE), ExportClip("a", 0, 1_000_000, WHOLE)], SIZE
    )
    export(processor, {"a": source}, request, tmp_path / "out.mp4")
    sound, tone = heard(tmp_path / "out.mp4"), clips.tone(3.0)[0]
    assert len(sound) == pytest.approx(2 * RATE, abs=1024)
    assert abs(offset(sound[4000:40_000], tone[RATE + 4000 : RATE + 40_000])) < RATE / 1000
    assert abs(offset(sound[RATE + 4000 : RATE + 40_000], tone[4000:40_000])) < RATE / 1000


def test_the_first_frame_stands_still_with_silence(processor: LocalProcessor, tmp_path: Path) -> None:
    source = clips.make(tmp_path / "a.mp4", clips.numbered(50), audio="aac")
    request = ExportRequest([ExportClip("a", 400_000, 1_400_000, WHOLE, freeze_us=800_000)], SIZE)
    made = export(processor, {"a": source}, request, tmp_path / "out.mp4")
    assert (made.frames, made.duration_us) == (20 + 25, 1_800_000)
    times = clips.video_times(tmp_path / "out.mp4")
    assert times == [Fraction(number, 25) for number in range(45)]
    frames = clips.ffmpeg_frames(tmp_path / "out.mp4", 96, 64).astype(int)
    assert np.abs(frames[1:20] - frames[0]).mean() < 2
    assert np.abs(frames[21] - frames[20]).mean() > 5
    sound = heard(tmp_path / "out.mp4")
    assert level(sound, 0.05, 0.75) < 0.001
    tone = clips.tone(2.0)[0]
    at = round(0.8 * RATE)
    assert abs(offset(sound[at : at + 30_000], tone[round(0.4 * RATE) :][:30_000])) < RATE / 1000


def test_a_title_is_shown_and_goes(processor: LocalProcessor, tmp_path: Path) -> None:
    grey = [np.full((64, 96, 3), 90, np.uint8)] * 100
    source = clips.make(tmp_path / "a.mp4", grey)
    clip = ExportClip("a", 0, 10**9, WHOLE, title="Mia Øst 10")
    export(processor, {"a": source}, ExportRequest([clip], SIZE), tmp_path / "with.mp4")
    frames = clips.ffmpeg_frames(tmp_path / "with.mp4", 96, 64).astype(int)
    plate = frames[:, 48:60]
    assert np.abs(plate[20] - 90).max() > 80
    assert np.abs(plate[90] - 90).max() < 4
    assert np.abs(frames[20, :40] - 90).max() < 6


@pytest.mark.parametrize("factor", [2, 4])
def test_slow_motion_lasts_longer_and_sound_keeps_its_pitch(
    processor: LocalProcessor, tmp_path: Path, factor: int
) -> None:
    source = clips.make(tmp_path / "a.mp4", clips.numbered(50), audio="aac")
    slow = SlowMotion(480_000, 960_000, factor)
    request = ExportRequest([ExportClip("a", 0, 2_000_000, WHOLE, slow=slow)], SIZE)
    made = export(processor, {"a": source}, request, tmp_path / "out.mp4")
    assert made.duration_us == 2_000_000 + (factor - 1) * 480_000
    times = clips.video_times(tmp_path / "out.mp4")
    assert len(times) == made.frames == 50 + (factor - 1) * 12
    assert all(behind - before == Fraction(1, 25) for before, behind in pairwise(times))
    sound, tone = heard(tmp_path / "out.mp4"), clips.tone(2.0)[0]
    tail = round((0.96 + (factor - 1) * 0.48) * RATE)
    after = tone[round(0.96 * RATE) :][:40_000]
    assert abs(offset(sound[tail : tail + 40_000], after)) < RATE / 1000
    # the tone rises from 300 + 400 * 0.48 to 300 + 400 * 0.96 Hz in the range, at whatever speed
    middle = sound[round((0.48 + factor * 0.24) * RATE) :][:8192]
    pitch = np.argmax(np.abs(np.fft.rfft(middle * np.hanning(len(middle))))) * RATE / len(middle)
    assert pitch == pytest.approx(300 + 400 * 0.72, abs=25)


@pytest.mark.parametrize(("first", "behind"), [(28, 36), (44, 50)], ids=["across segments", "to the end"])
def test_slow_motion_shows_what_lies_between_frames(
    processor: LocalProcessor, tmp_path: Path, first: int, behind: int
) -> None:
    """A ball that goes two pixels a frame goes half a pixel a frame."""
    source = clips.make(tmp_path / "a.mkv", rolling(50), codec="ffv1", pix_fmt="yuv444p")
    slow = SlowMotion(first * 40_000, behind * 40_000, 4)
    request = ExportRequest([ExportClip("a", 0, 10**9, WHOLE, slow=slow)], SIZE)
    made = export(processor, {"a": source}, request, tmp_path / "out.mp4")
    assert made.frames == 50 + 3 * (behind - first)
    shown = [*range(first), *np.arange(first, behind, 0.25), *range(behind, 50)]
    last = [min(each, 49) for each in shown]  # there is nothing behind the last frame to go to
    frames = clips.ffmpeg_frames(tmp_path / "out.mp4", 96, 64).astype(float)
    assert [place(each) for each in frames] == pytest.approx([10 + 1.5 * each for each in last], abs=0.45)


def rolling(count: int) -> list[np.ndarray]:
    """A soft bright ball on a plain ground, 1.5 pixels further to the right in every frame."""
    row, column = np.meshgrid(np.arange(64), np.arange(96), indexing="ij")
    away = [np.hypot(row - 32, column - 10 - 1.5 * number) for number in range(count)]
    grey = [40 + 180 / (1 + np.exp(each - 6)) for each in away]
    return [np.repeat(each.astype(np.uint8)[:, :, None], 3, axis=2) for each in grey]


def place(frame: np.ndarray) -> float:
    """The ball's middle, in columns."""
    light = np.maximum(frame.mean(2) - 60, 0).sum(0)
    return float((light * np.arange(len(light))).sum() / light.sum())


def test_a_cut_is_not_blended(processor: LocalProcessor, tmp_path: Path) -> None:
    one, two = clips.demo_frames(2, 96)[0], 255 - clips.demo_frames(1, 96)[0][::-1]
    scenes = [one] * 5 + [np.ascontiguousarray(two)] * 5
    source = clips.make(tmp_path / "a.mkv", scenes, codec="ffv1", pix_fmt="yuv444p")
    clip = ExportClip("a", 0, 10**9, Rect(0, 0, 96, 96), slow=SlowMotion(0, 10**9, 2))
    export(processor, {"a": source}, ExportRequest([clip], Size(96, 96)), tmp_path / "out.mp4")
    frames = clips.ffmpeg_frames(tmp_path / "out.mp4", 96, 96).astype(float)
    nearer = [abs(each - frames[0]).mean() < abs(each - frames[-1]).mean() for each in frames]
    assert nearer == [True] * 10 + [False] * 10
    assert all(min(abs(each - frames[0]).mean(), abs(each - frames[-1]).mean()) < 6 for each in frames)


def test_music_lies_under_the_sound_and_steps_back(processor: LocalProcessor, tmp_path: Path) -> None:
    quiet = clips.make(tmp_path / "quiet.mp4", clips.numbered(100))
    loud = clips.make(tmp_path / "loud.mp4", clips.numbered(100), audio="aac")
    song = clips.make(tmp_path / "song.mp4", clips.numbered(50), audio="aac")
    clip = ExportClip("clip", 0, 4_000_000, WHOLE)
    request = ExportRequest([clip], SIZE, music=Music("song", volume=1.0))
    for name, source in (("quiet", quiet), ("loud", loud)):
        made = export(processor, {"clip": source, "song": song}, request, tmp_path / f"{name}-out.mp4")
        assert made.has_audio
        assert any("there is music" in note for note in made.notes)
    alone = heard(tmp_path / "quiet-out.mp4")
    assert len(alone) == pytest.approx(4 * RATE, abs=1024)
    assert level(alone, 0.0, 0.05) < 0.3 * level(alone, 1.0, 2.0)
    assert level(alone, 2.5, 3.0) > 0.5 * level(alone, 1.0, 1.5), "music of two seconds goes on"
    assert level(alone, 3.9, 4.0) < 0.2 * level(alone, 2.0, 2.4)
    both = heard(tmp_path / "loud-out.mp4")
    assert level(both, 1.0, 1.5) < 1.6 * level(clips.tone(4.0)[0], 1.0, 1.5)


@pytest.mark.parametrize("name", ["song.mp3", "song.m4a", "song.wav", "song.flac", "song.ogg"])
def test_music_may_be_a_file_of_sound_alone(processor: LocalProcessor, tmp_path: Path, name: str) -> None:
    quiet = clips.make(tmp_path / "quiet.mp4", clips.numbered(10))
    clips.ffmpeg("-f", "lavfi", "-i", "sine=1000:d=2:sample_rate=44100", str(tmp_path / name))
    request = ExportRequest([ExportClip("clip", 0, 400_000, WHOLE)], SIZE, music=Music("song", volume=1.0))
    export(processor, {"clip": quiet, "song": tmp_path / name}, request, tmp_path / "out.mp4")
    sound = heard(tmp_path / "out.mp4")[4800:14400]
    pitch = np.argmax(np.abs(np.fft.rfft(sound * np.hanning(len(sound))))) * RATE / len(sound)
    assert pitch == pytest.approx(1000, abs=10)


def test_what_is_no_music_is_refused(processor: LocalProcessor, tmp_path: Path) -> None:
    quiet = clips.make(tmp_path / "quiet.mp4", clips.numbered(10))
    (tmp_path / "text.mp3").write_text("no music\n" * 100)
    request = ExportRequest([ExportClip("clip", 0, 400_000, WHOLE)], SIZE, music=Music("song"))
    for song, code in ((quiet, "media.no-sound"), (tmp_path / "text.mp3", "media.")):
        with pytest.raises(ReelError) as caught:
            processor.plan({"clip": quiet, "song": song}, request)
        assert caught.value.problem.code.startswith(code)
        assert caught.value.problem.hint


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"freeze_us": -1}, "export.freeze"),
        ({"freeze_us": 10**8}, "export.freeze"),
        ({"slow": SlowMotion(0, 100, 3)}, "export.slow"),
        ({"slow": SlowMotion(100, 100, 2)}, "export.slow"),
    ],
)
def test_times_that_make_no_sense_are_refused(
    pair: dict[str, Path], change: dict[str, object], code: str
) -> None:
    clip = replace(ExportClip("a", 0, 10**9, WHOLE), **change)  # type: ignore[arg-type]
    with pytest.raises(ReelError) as caught:
        plan_export(pair, ExportRequest([clip], SIZE))
    assert (caught.value.problem.code, caught.value.problem.status) == (code, 422)


def test_a_number_of_clips_that_makes_no_sense_is_refused(pair: dict[str, Path]) -> None:
    for count in (0, 201):
        with pytest.raises(ReelError, match="1 to 200"):
            plan_export(pair, ExportRequest([ExportClip("a", 0, 1, WHOLE)] * count, SIZE))


def test_one_clip_keeps_all_sound_tracks_chapters_and_the_time_it_was_made(
    processor: LocalProcessor, tmp_path: Path
) -> None:
    one = clips.make(tmp_path / "one.mp4", clips.numbered(50), audio="aac")
    notes = tmp_path / "chapters.txt"
    notes.write_text(
        ";FFMETADATA1\ncreation_time=2024-05-06T07:08:09Z\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1000\ntitle=First half\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=1000\nEND=2000\ntitle=Second half\n"
    )
    source = tmp_path / "in.mp4"
    clips.ffmpeg(
        "-i", str(one), "-i", str(notes), "-f", "lavfi", "-t", "2", "-i", "sine=440", "-map", "0",
        "-map", "2",
        "-map_metadata", "1", "-map_chapters", "1", "-c:v", "copy", "-c:a:0", "copy", "-c:a:1", "libmp3lame",
        "-metadata:s:a:1", "language=deu", str(source),
    )  # fmt: skip
    request = ExportRequest([ExportClip("in", 480_000, 1_600_000, WHOLE)], SIZE)
    made = export(processor, {"in": source}, request, tmp_path / "out.mp4")
    assert not any("sound" in note for note in made.notes)
    with av.open(str(source)) as before, av.open(str(tmp_path / "out.mp4")) as after:
        assert [stream.codec_context.name for stream in after.streams.audio] == ["aac", "mp3float"]
        assert after.streams.audio[1].metadata["language"] == "deu"
        assert after.metadata["creation_time"] == "2024-05-06T07:08:09.000000Z"
        whole, kept = [[], []], [[], []]
        for container, found in ((before, whole), (after, kept)):
            for packet in container.demux(container.streams.audio):
                if packet.size:
                    found[packet.stream.index - 1].append(bytes(packet))
        for track in (0, 1):
            at = whole[track].index(kept[track][0])
            assert len(kept[track]) > 20
            assert whole[track][at : at + len(kept[track])] == kept[track]
        chapters = [
            (each["start"] * base, each["end"] * base, each["metadata"]["title"])
            for each in after.chapters()
            if (base := each["time_base"]) is not None
        ]
    assert chapters == [
        (0, Fraction(52, 100), "First half"),
        (Fraction(52, 100), Fraction(112, 100), "Second half"),
    ]
