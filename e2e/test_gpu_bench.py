"""The kernels' bench runs and tells of every tier; how fast a software adapter is does not matter."""

import json

import pytest

from e2e import gpu_bench
from pycore.protocol import Size
from pycore.tests.native import native_device
from pycore.tests.running import run

pytestmark = pytest.mark.gpu


def test_the_bench_tells_of_every_tier(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, small in (("FMA_GROUPS", 1), ("ROUNDS", 1), ("TRIES", 1), ("WARM_SECONDS", 0.0)):
        monkeypatch.setattr(gpu_bench, name, small)

    async def body() -> None:
        async with native_device():  # skips or fails where there is none
            await gpu_bench.bench([Size(23, 17)], as_json=True)

    run(body())
    told = json.loads(capsys.readouterr().out)
    assert [each["tier"] for each in told["frames"]] == ["base", "S", "M", "L"]
    layers = [[name for name, _ in each["stages"]].count("conv") for each in told["frames"]]
    assert layers == [0, 5, 5, 7]
    assert all(each["ms"] > 0 for each in told["frames"])
