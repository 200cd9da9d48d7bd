"""The kernels' bench runs and tells of every tier; how fast a software adapter is does not matter."""

import pytest

from e2e import gpu_bench
from pycore.bench.table import lines
from pycore.protocol import Size
from pycore.tests.native import native_device
from pycore.tests.running import run

pytestmark = pytest.mark.gpu


def test_the_bench_tells_of_every_tier() -> None:
    async def body():
        async with native_device():  # skips or fails where there is none
            return await gpu_bench.measure([Size(23, 17)])

    report = run(body())
    assert [each.tier for each in report.frames] == ["base", "S", "M", "L"]
    layers = [[stage.name.startswith("conv") for stage in each.stages].count(True) for each in report.frames]
    assert layers == [0, 5, 6, 9]
    assert all(each.ms > 0 for each in report.frames)
    assert report.peak_tflops > 0
    assert report.copy_gbs > 0
    assert all(each.share > 0 for each in report.frames[1:])
    text = "\n".join(lines(report))
    assert "| S |" in text
    assert "23x17" in text
