"""Which kernel each layer of a net is computed by on this GPU: a handful of each are timed at the real shape,
and the default stays unless another is a tenth faster; then whether the net's ends are fused (fusing.py).
The whole choice is remembered by adapter, browser and code."""

import hashlib
import json
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from pycore.backends.gpu import Device, Dispatch
from pycore.backends.host import Store
from pycore.protocol import ReelError, Size
from pycore.shaders import ShaderManager
from pycore.upscaler import kernels
from pycore.upscaler.fusing import fuse
from pycore.upscaler.kernels import DEFAULT, Kernel, choices, named
from pycore.upscaler.plan import FEATURES, HALF_BYTES, LUMA_BYTES, SPLIT, Fused, layer
from pycore.upscaler.rig import CHECKED, TOLERANCE, Rig
from pycore.upscaler.timing import GAIN, Effort, compared
from pycore.upscaler.upscaler import cells_of
from pycore.upscaler.weights import Conv

EFFORT = Effort(target_ms=4.0, tries=3)

WARM_MS = 150.0

SHADERS = (
    "look", "f16", "kept_f16", "kept_f32", "cells_in", "cells_in_f16", "cells_in_luma", "cells_in_frame",
    "cells_out", "cells_out_f16", "cells_out_luma", "cells_out_canvas", "crop", "ingest", "paint", "compose",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Timed:
    """A kernel on a layer: milliseconds alone; infinite for one that the driver refuses, or that is wrong."""

    kernel: str
    ms: float


@dataclass(frozen=True, slots=True)
class Tuning:
    """The kernel of each layer, which of them do their neighbours' work, and for layers that were timed, what
    they were chosen from."""

    kernels: tuple[Kernel, ...]
    fused: Fused = SPLIT
    timed: dict[int, list[Timed]] = field(default_factory=dict)


def pick(timed: Sequence[Timed]) -> str:
    """The name of the one to take: the default is first."""
    best = min(timed, key=lambda each: each.ms)
    return best.kernel if best.ms * GAIN < timed[0].ms else timed[0].kernel


async def tune(
    device: Device, shaders: ShaderManager, net: Sequence[Conv], size: Size, effort: Effort = EFFORT
) -> Tuning:
    """Times what can compute each layer of `net`, on a crop of `size`; layers of one shape share their
    kernel. Raises ReelError when not even the default can be had."""
    if not net:
        return Tuning(())
    right = await _right(device, shaders, net)
    rig = Rig(device, shaders, net, size)
    await rig.prepare()
    await _warm(device, [await rig.step(each) for each in rig.upscaler.plan.stages])
    chosen: dict[tuple[int, int, bool], str] = {}
    timed: dict[int, list[Timed]] = {}
    for index, conv in enumerate(net):
        shape = _shape(index, net)
        if shape in chosen:
            continue
        found = choices(conv, device.features)
        sound = [each for each in found if each.name in right[shape]]
        ways = [[await rig.step(layer(index, net, each))] for each in sound]
        took = dict(zip((each.name for each in sound), await compared(device, ways, effort), strict=True))
        timed[index] = [Timed(each.name, took.get(each.name, math.inf)) for each in found]
        chosen[shape] = pick(timed[index])
    names = [chosen[_shape(index, net)] for index in range(len(net))]
    best = tuple(named(name, device.features) or DEFAULT for name in names)
    fused = await fuse(device, shaders, rig, net, best, effort)
    rig.free()
    return Tuning(best, fused, timed)


async def _warm(device: Device, steps: Sequence[Dispatch]) -> None:
    """An idle GPU has a slow clock, which takes its time to rise."""
    spent = 0.0
    while spent < WARM_MS:
        spent += max(0.1, await device.run_ms(steps, 4))


def _shape(index: int, net: Sequence[Conv]) -> tuple[int, int, bool]:
    """What layers must have in common to share a choice: the last adds to the luma."""
    return net[index].inputs, net[index].outputs, index == len(net) - 1


async def _right(
    device: Device, shaders: ShaderManager, net: Sequence[Conv]
) -> dict[tuple[int, int, bool], set[str]]:
    """By shape, the names of the kernels that give what the plainest gives, its own among them."""
    rig = Rig(device, shaders, net, CHECKED)
    await rig.prepare()
    cells = cells_of(CHECKED)
    area = cells.width * cells.height
    right: dict[tuple[int, int, bool], set[str]] = {}
    for index, conv in enumerate(net):
        shape = _shape(index, net)
        if shape in right:
            continue
        right[shape] = {DEFAULT.name}
        last = index == len(net) - 1
        made = "luma" if last else FEATURES[index % 2]
        size = area * (LUMA_BYTES if last else conv.outputs * HALF_BYTES)
        wanted: tuple[float, ...] = ()
        others = [each for each in choices(conv, device.features) if each is not DEFAULT]
        for kernel in (DEFAULT, *others):
            try:
                stage = layer(index, net, kernel)
                steps = [await rig.step(layer(i, net, DEFAULT)) for i in range(index)]
                lanczos = await rig.step(rig.upscaler.plan.stages[0])
                device.submit([lanczos, *steps, await rig.step(stage)])
                data = await device.read_buffer(rig.upscaler.buffer(made), size)
            except ReelError:
                if kernel is DEFAULT:
                    raise
                continue
            got = struct.unpack(f"<{size // 4}f" if last else f"<{size // 2}e", data)
            if kernel is DEFAULT:
                wanted = got
            elif all(abs(a - b) <= TOLERANCE * max(1.0, abs(b)) for a, b in zip(got, wanted, strict=True)):
                right[shape].add(kernel.name)
    rig.free()
    return right


class Remembered:
    """Choices from earlier visits, by net. Lost, unreadable or older ones are made anew."""

    def __init__(self, store: Store, device: Device) -> None:
        self._store = store
        self._device = device
        self._key = ""

    async def recall(self, net: str, layers: int) -> Tuning | None:
        """What was chosen for that net."""
        try:
            kept = json.loads(await self._store.get(await self._name(net)) or "null")
            found = [named(name, self._device.features) for name in kept["kernels"]]
            first, last = kept["fused"]
        except (ValueError, TypeError, KeyError):
            return None
        known = tuple(each for each in found if each is not None)
        if not len(known) == len(found) == layers:
            return None
        return Tuning(known, Fused(first is True, last is True))

    async def keep(self, net: str, tuning: Tuning) -> None:
        kept = {"kernels": [each.name for each in tuning.kernels], "fused": tuning.fused}
        await self._store.put(await self._name(net), json.dumps(kept))

    async def _name(self, net: str) -> str:
        if not self._key:
            facts = self._device.facts
            files = dict.fromkeys(file for kernel in kernels.KERNELS for file in kernel.files)
            code = [await self._device.load_shader(each) for each in (*SHADERS, *files)]
            whose = (facts.vendor, facts.architecture, facts.description, facts.browser)
            told = repr((whose, sorted(self._device.features), kernels.KERNELS, code))
            self._key = hashlib.sha256(told.encode()).hexdigest()[:32]
        return f"kernels-{net}-{self._key}"
