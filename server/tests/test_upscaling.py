import gc
import threading
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from pycore.protocol import ExportClip, ExportRequest, Rect, ReelError, Size
from server.gpu.base import Stopped
from server.gpu.local import local_processor
from server.gpu.models import registry
from server.gpu.models.basicvsr import BasicVSR, Windows
from server.gpu.models.descriptor import BEST, NOTHING, QUICK, Descriptor
from server.gpu.segments import run_segments
from server.gpu.upscaling import Upscaler
from server.tests import clips

CPU = torch.device("cpu")


class Counting:
    """A FrameNet that repeats pixels, counts, and runs out of memory above `most` pixels."""

    def __init__(self, most: int = 10**9) -> None:
        self.seen: list[tuple[int, ...]] = []
        self.most = most

    def frame(self, picture: Tensor) -> Tensor:
        if picture.shape[0] * picture.shape[1] > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        self.seen.append(tuple(picture.shape))
        large = picture.repeat_interleave(4, 0).repeat_interleave(4, 1)
        return large.permute(2, 0, 1)[None].float() / 255


@pytest.fixture
def upscaler() -> Upscaler:
    return Upscaler(CPU, "this machine")


def use(monkeypatch: pytest.MonkeyPatch, model: Descriptor, net: object) -> None:
    monkeypatch.setattr(registry, "load", lambda wanted, device: {model.key: net}[wanted.key])


@pytest.fixture
def small_best(monkeypatch: pytest.MonkeyPatch) -> Windows:
    """`best` with few channels and random weights."""
    torch.manual_seed(4)
    net = Windows(BasicVSR(channels=8, blocks=1).eval().requires_grad_(False))
    use(monkeypatch, BEST, net)
    return net


def film(count: int) -> list[np.ndarray]:
    """A part of the demo clip, a pixel further to the right in every frame."""
    (frame,) = clips.demo_frames(1, 256)
    return [np.ascontiguousarray(frame[100:132, 100 + n : 140 + n]) for n in range(count)]


def made(
    upscaler: Upscaler, model: Descriptor, frames: list[np.ndarray], keep: range | None = None
) -> list[np.ndarray]:
    keep = keep or range(len(frames))
    return [each[0].numpy().copy() for each in upscaler.run(model, frames, keep, threading.Event())]


def test_equal_frames_are_computed_once(upscaler: Upscaler, monkeypatch: pytest.MonkeyPatch) -> None:
    net = Counting()
    use(monkeypatch, QUICK, net)
    one, two = film(2)
    results = made(upscaler, QUICK, [one, one.copy(), two, two.copy(), one])
    assert len(net.seen) == 3
    assert [np.array_equal(each, results[0]) for each in results] == [True, True, False, False, True]


def test_equal_frames_of_a_window_are_computed_once(upscaler: Upscaler, small_best: Windows) -> None:
    frames = film(4)
    doubled = [each for frame in frames for each in (frame, frame.copy())]
    once = made(upscaler, BEST, frames)
    twice = made(upscaler, BEST, doubled)
    assert len(twice) == 8
    assert all(np.array_equal(each, once[number // 2]) for number, each in enumerate(twice))
    middle = made(upscaler, BEST, doubled, range(3, 6))
    assert all(np.array_equal(a, b) for a, b in zip(middle, twice[3:6], strict=True))


def test_only_the_wanted_frames_come_out(upscaler: Upscaler, small_best: Windows) -> None:
    frames = film(7)
    whole, part = made(upscaler, BEST, frames), made(upscaler, BEST, frames, range(2, 5))
    assert all(np.array_equal(a, b) for a, b in zip(part, whole[2:5], strict=True))


def test_the_frames_around_a_window_help(upscaler: Upscaler, small_best: Windows) -> None:
    frames = film(7)
    alone, helped = made(upscaler, BEST, frames[2:5]), made(upscaler, BEST, frames, range(2, 5))
    assert np.abs(alone[0] - helped[0]).max() > 1e-4


def test_a_new_scene_is_seen_and_starts_anew(upscaler: Upscaler) -> None:
    """With the real weights, whose flow tells scenes apart."""
    net = registry.load(BEST, CPU)
    assert isinstance(net, registry.WindowNet)
    (frame,) = clips.demo_frames(1, 256)
    here = [frame[60:124, 40 + n : 120 + n] for n in range(0, 9, 3)]
    there = [np.rot90(frame, 2)[90:154, 10 + n : 90 + n] for n in range(0, 9, 3)]
    both = torch.from_numpy(np.stack([*here, *there]))
    assert net.cuts(both) == {3}
    assert net.cuts(both[:3]) == net.cuts(both[:1]) == frozenset()


def test_a_large_enough_picture_passes_through(upscaler: Upscaler) -> None:
    (picture,) = film(1)
    (result,) = made(upscaler, NOTHING, [picture])
    assert np.array_equal((result * 255).round().astype(np.uint8), picture.transpose(2, 0, 1))


def test_out_of_memory_makes_the_tiles_smaller_and_says_so(
    upscaler: Upscaler, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = Counting(most=9000)
    use(monkeypatch, QUICK, net)
    picture = np.random.default_rng(1).integers(0, 256, (150, 170, 3), dtype=np.uint8)
    (result,) = made(upscaler, QUICK, [picture])
    assert np.array_equal((result[:, ::4, ::4] * 255).round().astype(np.uint8), picture.transpose(2, 0, 1))
    assert len(net.seen) > 1
    (note,) = upscaler.notes(QUICK)
    assert note.startswith("this machine ran out of memory: pictures went through in tiles of")


class Breaking(Counting):
    """Works once more only when it is loaded again."""

    def frame(self, picture: Tensor) -> Tensor:
        raise RuntimeError(
            "CUDA error: unspecified launch failure\nCUDA kernel errors might be reported late"
        )


def test_a_lost_gpu_is_told_and_nothing_is_kept_of_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source = clips.make(tmp_path / "a.mp4", clips.numbered(3))
    processor = local_processor("cpu")
    request = ExportRequest([ExportClip("a", 0, 10**9, Rect(0, 0, 48, 32))], Size(96, 64))
    plan = processor.plan({"a": source}, request)
    monkeypatch.setitem(registry._loaded, (QUICK.key, "cpu"), Breaking())

    def run() -> int:
        part = tmp_path / "0.mp4"
        made = processor.run_segment({"a": source}, plan, 0, part, lambda share: None, threading.Event())
        return made.frames

    with pytest.raises(ReelError, match="stopped in the middle of the work: CUDA error") as caught:
        run()
    assert (caught.value.problem.code, caught.value.problem.status) == ("device.lost", 503)
    assert "\n" not in caught.value.problem.detail
    assert not (tmp_path / "0.mp4").exists()
    assert run() == 3, "tried again, the net is loaded anew"


def test_tiles_of_a_window_show_no_seams(
    upscaler: Upscaler, small_best: Windows, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = replace(BEST, radius=15)  # of a net this small
    frames = [each[:, :36] for each in film(2)]
    whole = made(upscaler, model, frames)
    monkeypatch.setitem(upscaler._tile_pixels, BEST.key, 1000)
    tiled = made(upscaler, model, frames)
    assert np.mean(np.abs(np.stack(tiled) - np.stack(whole))) < 1e-3


def test_hopeless_lack_of_memory_is_told(upscaler: Upscaler, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, QUICK, Counting(most=1))
    with pytest.raises(ReelError, match="too little memory free for a picture of 40×32") as caught:
        made(upscaler, QUICK, film(1))
    assert caught.value.problem.code == "device.out-of-memory"


def test_stopping_ends_it(upscaler: Upscaler, small_best: Windows) -> None:
    stop = threading.Event()
    running = upscaler.run(BEST, film(5), range(5), stop)
    next(running)
    stop.set()
    with pytest.raises(Stopped):
        next(running)
    assert len(made(upscaler, BEST, film(2))) == 2  # nothing is left locked


def test_a_window_tells_of_every_step_and_stops_at_any(upscaler: Upscaler, small_best: Windows) -> None:
    """On a CPU half a window takes minutes before its first frame comes."""
    shares: list[float] = []
    before: list[int] = []
    for _ in upscaler.run(BEST, film(6), range(1, 5), threading.Event(), shares.append):
        before.append(len(shares))
    assert shares == [step / 10 for step in range(1, 11)]
    assert before == [7, 8, 9, 10]

    stop = threading.Event()
    told: list[float] = []

    def progress(share: float) -> None:
        told.append(share)
        stop.set()

    with pytest.raises(Stopped):
        next(upscaler.run(BEST, film(6), range(1, 5), stop, progress))
    assert told == [0.1]


def test_memory_does_not_grow_with_the_clip(upscaler: Upscaler, small_best: Windows) -> None:
    """What a window took is given back: after six windows none of their results is alive."""
    results = []
    for _ in range(6):
        for each in upscaler.run(BEST, film(4), range(4), threading.Event()):
            results.append(weakref.ref(each.untyped_storage()))
    gc.collect()
    assert sum(each() is not None for each in results) <= 1


def test_windows_are_the_same_in_any_order_and_at_once(upscaler: Upscaler, small_best: Windows) -> None:
    frames = film(12)
    windows = [(frames[max(n - 1, 0) : n + 4], range(min(n, 1), min(n, 1) + 3)) for n in (0, 3, 6)]

    def run(index: int, stop: threading.Event) -> list[np.ndarray]:
        part, keep = windows[index]
        return [each[0].numpy().copy() for each in upscaler.run(BEST, part, keep, stop)]

    forwards = run_segments(1, [0, 1, 2], run, threading.Event())
    backwards = run_segments(1, [2, 1, 0], run, threading.Event())
    together = run_segments(3, [0, 1, 2], run, threading.Event())
    for a, b, c in zip(forwards, backwards[::-1], together, strict=True):
        assert all(np.array_equal(x, y) and np.array_equal(x, z) for x, y, z in zip(a, b, c, strict=True))


def test_when_one_segment_fails_the_others_stop() -> None:
    started = threading.Barrier(2)

    def run(index: int, stop: threading.Event) -> int:
        started.wait(10)
        if index == 1:
            raise ReelError.of("x", "Broken", "It broke.", "", 500)
        while not stop.is_set():
            threading.Event().wait(0.001)
        raise Stopped

    with pytest.raises(ReelError, match="It broke"):
        run_segments(2, [0, 1], run, threading.Event())


def test_half_precision_stays_true(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights, features and pictures in 16 bits, as on a GPU, cost less than 0.02 dB."""
    from server.gpu.models import basicvsr, state

    net = basicvsr.build(state.read(registry.weights_path(BEST.weights[0]))).eval().requires_grad_(False)
    (frame,) = clips.demo_frames(1, 256)
    truth = [np.ascontiguousarray(frame[40:136, 60 + 2 * n : 156 + 2 * n]) for n in range(3)]
    small = torch.from_numpy(np.stack([_reduced(each) for each in truth]))
    full = list(Windows(net).run(small, frozenset(), range(3)))
    half = list(Windows(net.half()).run(small, frozenset(), range(3)))
    for one, two, real in zip(full, half, truth, strict=True):
        assert clips.psnr_y(_shown(two), real) > clips.psnr_y(_shown(one), real) - 0.02


def _reduced(picture: np.ndarray) -> np.ndarray:
    from PIL import Image

    size = (picture.shape[1] // 4, picture.shape[0] // 4)
    return np.array(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))


def _shown(made: Tensor) -> np.ndarray:
    return made[0].permute(1, 2, 0).clamp(0, 1).numpy() * 255
