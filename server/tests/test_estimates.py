import re
from pathlib import Path

import pytest

from pycore.protocol import ModelName, Processor, ProcessorKind, ReelError, Route, Size
from server.gpu import prices
from server.gpu.estimates import START_SECONDS, TRANSFER_SECONDS, Work, estimate, estimate_remote, work_pixels
from server.gpu.models.descriptor import available

CPU = Processor(ProcessorKind.CPU, "Some CPU", True)
GPU = Processor(ProcessorKind.CUDA, "NVIDIA H200", True)
REMOTE = Processor(ProcessorKind.RUNPOD, "RunPod RTX 4090", True)
PIXELS = work_pixels(Size(608, 1080), 300, ModelName.QUICK)
UHD = Size(3840, 2160)
WORK = Work.of_export(PIXELS, 300, ModelName.QUICK)


def test_work_is_what_comes_out_of_the_net() -> None:
    assert work_pixels(Size(100, 50), 30, ModelName.QUICK) == 100 * 50 * 16 * 30


def test_defaults_differ_by_kind_and_say_so() -> None:
    slow, fast = (estimate(each, WORK) for each in (CPU, GPU))
    assert slow.seconds > 10 * fast.seconds
    assert (slow.basis, fast.basis) == ("default for CPUs", "default for NVIDIA GPUs")
    assert (slow.route, slow.cost_usd, slow.frames) == (Route.LOCAL, 0.0, 300)


def test_a_measured_throughput_wins() -> None:
    made = estimate(CPU, WORK, measured=PIXELS / 60)
    assert made.seconds == pytest.approx(60 + START_SECONDS, abs=0.1)
    assert made.basis == "measured on this machine"


@pytest.mark.parametrize("model", [each.name for each in available()])
def test_every_model_has_a_figure_before_anything_was_measured(model: ModelName) -> None:
    assert estimate(CPU, Work.of_export(PIXELS, 300, model)).seconds > START_SECONDS


def test_tracking_follows_what_goes_into_the_detector() -> None:
    small, full, huge = (Work.of_tracking(size, 100) for size in (Size(640, 360), Size(1920, 1080), UHD))
    for kind, pixels in ((ProcessorKind.CPU, 960 * 540), (ProcessorKind.CUDA, 1920 * 1080)):
        assert full.pixels(kind) == huge.pixels(kind) == pytest.approx(100 * pixels)
    assert small.pixels(ProcessorKind.CUDA) == pytest.approx(100 * 1280 * 720), "small players are enlarged"
    assert estimate(CPU, full).seconds > 10 * estimate(GPU, full).seconds
    assert estimate(GPU, full, measured=full.pixels(GPU.kind) / 60).seconds == 60 + START_SECONDS


# RunPod


def test_start_and_idle_time_are_in_the_price() -> None:
    table = prices.load()
    made = estimate_remote(REMOTE, table, "4090", WORK, measured=PIXELS / 60)
    working = 60 + TRANSFER_SECONDS
    assert made.seconds == pytest.approx(table.start_seconds + working, abs=0.1)
    billed = table.start_seconds + working + table.idle_seconds
    assert made.cost_usd == pytest.approx(billed * 0.00031, abs=1e-4)
    assert made.route is Route.RUNPOD
    assert made.basis == "measured there before; 30 s to start it included"


def test_a_worker_that_is_always_on_starts_at_once_and_is_billed_for_work() -> None:
    made = estimate_remote(REMOTE, prices.load(), "4090", WORK, measured=PIXELS / 60, active=True)
    assert made.cost_usd == pytest.approx((60 + TRANSFER_SECONDS) * 0.00021, abs=1e-4)
    assert made.basis == "measured there before"


def test_a_faster_class_takes_less_time_until_both_are_measured() -> None:
    slow, fast = (estimate_remote(REMOTE, prices.load(), gpu, WORK) for gpu in ("l4", "h100"))
    assert slow.seconds > 2 * fast.seconds
    assert slow.basis.startswith("default for L4")


def test_the_shipped_table_has_all_classes_and_prices() -> None:
    table = prices.load()
    assert {name: (each.flex, each.active) for name, each in table.gpu.items()} == {
        "a4000": (0.00016, 0.00011),
        "l4": (0.00019, 0.00013),
        "a5000": (0.00019, 0.00013),
        "4090": (0.00031, 0.00021),
        "a6000": (0.00034, 0.00024),
        "a40": (0.00034, 0.00024),
        "l40s": (0.00053, 0.00037),
        "a100": (0.00076, 0.00060),
        "h100": (0.00116, 0.00093),
    }
    devices = [device for each in table.gpu.values() for device in each.devices]
    assert len(devices) == len(set(devices))
    assert table.class_of("NVIDIA L40S", "l4") == "l40s"
    assert table.class_of("something new", "l4") == "l4"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("start_seconds = 1", "idle_seconds"),
        ("start_seconds = -1\nidle_seconds = 1\n[gpu]", "start_seconds must be 0 or more"),
        ('start_seconds = 1\nidle_seconds = 1\n[gpu.x]\nlabel = "X"\nflex = 1', "gpu.x.devices"),
        ("no toml", "is not TOML"),
    ],
)
def test_a_table_that_does_not_fit_says_where(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "pricing.toml"
    path.write_text(text)
    with pytest.raises(ReelError, match=why):
        prices.load(path)
    with pytest.raises(ReelError, match="no GPU class “b200”"):
        prices.load().of("b200")


def test_the_deploy_guides_cost_table_follows_from_the_prices() -> None:
    guide = (Path(__file__).parents[2] / "deploy" / "README.md").read_text()
    rows = re.findall(r"\| (\d+) s, (\d+) fps \| (\d+) × (\d+) \| (.+) \|", guide)
    assert len(rows) == 6
    for seconds, fps, width, height, costs in rows:
        frames = int(seconds) * int(fps)
        work = work_pixels(Size(int(width), int(height)), frames, ModelName.QUICK)
        for gpu, cost in zip(("4090", "l4", "h100"), costs.split(" | "), strict=True):
            made = estimate_remote(REMOTE, prices.load(), gpu, Work.of_export(work, frames, ModelName.QUICK))
            assert f"${made.cost_usd:.2f}" == cost, (seconds, width, gpu)
