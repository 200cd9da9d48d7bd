"""How long the preview's kernels take on this machine's GPU, by its own clock (timestamp queries), through
wgpu-native: no browser, no display. The browser's bench is `python3 build.py bench`; both run pycore/bench.

    python -m e2e.gpu_bench [--json] [WIDTHxHEIGHT ...]
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence

from pycore import bench
from pycore.backends.native_gpu import NativeGpu
from pycore.bench.table import lines
from pycore.protocol import BenchProgress, BenchReport, Size, encode

SIZES = ("640x360", "1280x720", "1920x1080")


async def measure(sizes: Sequence[Size]) -> BenchReport:
    """On this machine's fastest adapter; a software one only shows that all runs."""
    adapter = await NativeGpu().adapter()
    if adapter is None:
        sys.exit("No GPU adapter here: install a Vulkan driver.")
    device = await adapter.device()
    scale = bench.Scale.smoke() if adapter.facts.software else bench.Scale()
    report = await bench.run(device, sizes, scale, _tell)
    device.destroy()
    return report


def _tell(progress: BenchProgress) -> None:
    print(f"{progress.done}/{progress.total} {progress.message}", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("sizes", nargs="*", default=SIZES, metavar="WIDTHxHEIGHT")
    given = parser.parse_args()
    sizes = [Size(*(int(side) for side in each.split("x"))) for each in given.sizes]
    report = asyncio.run(measure(sizes))
    if given.json:
        print(json.dumps(encode(report), indent=1))
    else:
        print("\n".join(lines(report)))


if __name__ == "__main__":
    main()
