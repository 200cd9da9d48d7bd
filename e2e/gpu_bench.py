"""How long the preview's kernels take on this machine's GPU, by its own clock (timestamp queries), through
wgpu-native: no browser, no display.

    python -m e2e.gpu_bench [--json] [WIDTHxHEIGHT ...]

Prints milliseconds per frame for every tier, of all its stages and each by itself, and the GPU's peak of f32
fused multiply-adds. Before each figure the GPU is kept busy, because an idle one has a slow clock.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import wgpu

from pycore.backends.gpu import Dispatch, OffscreenTarget, TextureUsage
from pycore.backends.native_gpu import WEB, NativeAdapter, NativeDevice
from pycore.protocol import Size, Tier
from pycore.shaders import ShaderManager
from pycore.upscaler.look import Look
from pycore.upscaler.plan import plan_for
from pycore.upscaler.upscaler import Upscaler
from pycore.upscaler.weights import parse

SIZES = ("640x360", "1280x720", "1920x1080")
ROUNDS = 8
TRIES = 5
WARM_SECONDS = 0.25

FMA = """
@group(0) @binding(0) var<storage, read_write> out: array<vec4f>;
@group(0) @binding(1) var<uniform> given: array<vec4f, 2>;
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let a = given[0]; let b = given[1]; let x = f32(id.x);
    SUMS
    for (var i = 0; i < 512; i++) {
        STEPS
    }
    let sum = TOTAL;
    if (sum.x == 12345.0) { out[0] = sum; }
}
"""
CHAINS = 16
FMA_GROUPS = 8192
FMA_FLOP = 2 * 4 * CHAINS * 512 * 256 * FMA_GROUPS


@dataclass(frozen=True)
class Figure:
    """Milliseconds per frame: all of it, and its stages by the file that each is named after."""

    tier: Tier
    width: int
    height: int
    ms: float
    stages: list[tuple[str, float]]


class Clock:
    """Times dispatches on the GPU."""

    def __init__(self, device: Any) -> None:
        self._device = device
        usage = wgpu.BufferUsage
        self._times = device.create_query_set(type="timestamp", count=2)
        self._read = device.create_buffer(size=16, usage=usage.QUERY_RESOLVE | usage.COPY_SRC)
        numbers = [f"s{index}" for index in range(CHAINS)]
        code = FMA.replace("SUMS", " ".join(f"var {s} = vec4f(x + {i}.0);" for i, s in enumerate(numbers)))
        code = code.replace("STEPS", " ".join(f"{s} = fma({s}, a, b);" for s in numbers))
        code = code.replace("TOTAL", " + ".join(numbers))
        pipeline = device.create_compute_pipeline(
            layout="auto",
            compute={"module": device.create_shader_module(code=code), "entry_point": "main"},
        )
        buffers = [
            device.create_buffer(size=16, usage=usage.STORAGE),
            device.create_buffer(size=32, usage=usage.UNIFORM),
        ]
        entries = [{"binding": index, "resource": {"buffer": each}} for index, each in enumerate(buffers)]
        bindings = device.create_bind_group(layout=pipeline.get_bind_group_layout(0), entries=entries)
        self._fma = Dispatch(pipeline, bindings, FMA_GROUPS, 1)

    def peak_tflops(self) -> float:
        self._warm()
        return FMA_FLOP / min(self._round([self._fma]) for _ in range(TRIES)) / 1e9

    def milliseconds(self, steps: Sequence[Dispatch]) -> float:
        """Per round of `steps`, the best of TRIES batches."""
        self._warm()
        return min(self._round(list(steps) * ROUNDS) for _ in range(TRIES)) / ROUNDS

    def _warm(self) -> None:
        until = time.monotonic() + WARM_SECONDS
        while time.monotonic() < until:
            self._round([self._fma])

    def _round(self, steps: Sequence[Dispatch]) -> float:
        encoder = self._device.create_command_encoder()
        times = {
            "query_set": self._times,
            "beginning_of_pass_write_index": 0,
            "end_of_pass_write_index": 1,
        }
        compute = encoder.begin_compute_pass(timestamp_writes=times)
        for pipeline, bindings, x, y in steps:
            compute.set_pipeline(pipeline)
            compute.set_bind_group(0, bindings)
            compute.dispatch_workgroups(x, y)
        compute.end()
        encoder.resolve_query_set(self._times, 0, 2, self._read, 0)
        self._device.queue.submit([encoder.finish()])
        began, ended = memoryview(self._device.queue.read_buffer(self._read)).cast("Q")
        return (ended - began) / 1e6


async def figure(
    device: NativeDevice, shaders: ShaderManager, clock: Clock, tier: Tier, size: Size
) -> Figure:
    net = () if tier is Tier.BASE else parse(await device.load_model(tier.lower()), tier.lower())
    target = OffscreenTarget(device)
    plan = plan_for(device.frame_kind, target.format, net)
    upscaler = Upscaler(device, shaders, plan)
    await upscaler.prepare()
    upscaler.show(Look(0, 0, size.width, size.height), target)
    frame = device.create_texture(size, "rgba8unorm", TextureUsage.TEXTURE_BINDING | TextureUsage.COPY_DST)
    device.write_texture(frame, os.urandom(size.width * size.height * 4))
    steps = upscaler.steps(frame)
    names = [stage.files[-1] for stage in (plan.ingest, *plan.stages, plan.compose)]
    stages = [(name, clock.milliseconds([step])) for name, step in zip(names, steps, strict=True)]
    whole = clock.milliseconds(steps)
    upscaler.free()
    device.free_texture(frame)
    return Figure(tier, size.width, size.height, whole, stages)


async def bench(sizes: Sequence[Size], as_json: bool) -> None:
    found = [each for each in await wgpu.gpu.enumerate_adapters_async() if "timestamp-query" in each.features]
    if not found:
        sys.exit("No adapter here has timestamp queries.")
    found.sort(key=lambda each: each.info["adapter_type"] == "CPU")
    facts = NativeAdapter(found[0], WEB).facts
    raw = await found[0].request_device_async(required_features=["timestamp-query"])
    device, clock = NativeDevice(raw, facts, WEB), Clock(raw)
    shaders = ShaderManager(device)
    peak = clock.peak_tflops()
    figures = [await figure(device, shaders, clock, tier, size) for size in sizes for tier in Tier]
    if as_json:
        answer = {"gpu": facts.description, "peak_tflops": peak, "frames": [asdict(each) for each in figures]}
        print(json.dumps(answer, indent=1))
        return
    print(f"{facts.description}: {peak:.1f} TFLOP/s of f32 fused multiply-adds")
    for each in figures:
        stages = ", ".join(f"{name} {ms:.3f}" for name, ms in each.stages)
        print(f"{each.width}x{each.height} {each.tier:>4}: {each.ms:.3f} ms ({stages})")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("sizes", nargs="*", default=SIZES, metavar="WIDTHxHEIGHT")
    given = parser.parse_args()
    sizes = [Size(*(int(side) for side in each.split("x"))) for each in given.sizes]
    asyncio.run(bench(sizes, given.json))


if __name__ == "__main__":
    main()
