"""Which tier a device draws a crop with: the largest net that it is fast enough for.

The first frames are drawn with the base tier, which needs nothing but its shaders. `measure_nets` then
compiles and times the nets, smallest first, beside the frames; whichever fits is used from then on.
"""

from asyncio import sleep

from pycore.backends.gpu import Device
from pycore.protocol import Size, Tier
from pycore.shaders import ShaderManager
from pycore.upscaler.benchmark import CROP, measure
from pycore.upscaler.plan import Plan, plan_for
from pycore.upscaler.upscaler import Upscaler
from pycore.upscaler.weights import parse

NETS = (Tier.S, Tier.M, Tier.L)

BUDGET_MS = 1000 / 60 / 3
"""A third of a 60 fps interval: the rest is the decoder's and the page's."""


class Tiers:
    """The upscalers of one device and canvas format, by tier."""

    def __init__(self, device: Device, format: str) -> None:
        self._device = device
        self._format = format
        self._shaders = ShaderManager(device)
        self._ready: dict[Tier, Upscaler] = {}
        self._pixel_ms: dict[Tier, float] = {}
        self._current: Tier | None = None
        self._forced: Tier | None = None

    async def prepare_base(self) -> None:
        """Compiles the base tier, once. Raises ReelError (see ShaderManager)."""
        if Tier.BASE not in self._ready:
            self._ready[Tier.BASE] = await self._upscaler(await self._plan(Tier.BASE))

    async def measure_nets(self) -> None:
        """Takes in every net that is fast enough for some crop; stops at the first that is not, for the next
        is slower still. Raises ReelError when a model or a shader cannot be had."""
        for tier in NETS:
            plan = await self._plan(tier)
            took = await measure(self._device, self._shaders, plan)
            self._pixel_ms[tier] = took / (CROP.width * CROP.height)
            if took > BUDGET_MS:
                return
            self._ready[tier] = await self._upscaler(plan)

    async def force(self, tier: Tier) -> None:
        """Every frame from now on is that tier's, however slow it is."""
        if tier not in self._ready:
            self._ready[tier] = await self._upscaler(await self._plan(tier))
        self._forced = tier

    def best(self, size: Size) -> Tier:
        """The tier for a crop of that size."""
        if self._forced is not None:
            return self._forced
        fits = [
            tier
            for tier in NETS
            if tier in self._ready and self._pixel_ms[tier] * size.width * size.height <= BUDGET_MS
        ]
        return fits[-1] if fits else Tier.BASE

    def use(self, size: Size) -> Upscaler:
        """The upscaler for a crop of that size. The one that was used before gives its memory back."""
        tier = self.best(size)
        if self._current is not None and tier is not self._current:
            self._ready[self._current].rest()
        self._current = tier
        return self._ready[tier]

    async def _upscaler(self, plan: Plan) -> Upscaler:
        upscaler = Upscaler(self._device, self._shaders, plan)
        await upscaler.prepare()
        return upscaler

    async def _plan(self, tier: Tier) -> Plan:
        kind = self._device.frame_kind
        if tier is Tier.BASE:
            return plan_for(kind, self._format)
        name = tier.lower()
        data = await self._device.load_model(name)
        await sleep(0)  # a frame may wait
        return plan_for(kind, self._format, parse(data, name))
