"""Which tier a device draws a crop with: the largest net that it is fast enough for.

The first frames are drawn with the base tier, which needs nothing but its shaders. `measure_nets` then
compiles and times the nets, smallest first, beside the frames; whichever fits is used from then on. Then the
net in use is tuned, once, at the crop's own size. Under sustained load smaller ones are used for a while.
"""

from asyncio import sleep

from pycore.backends.gpu import Device
from pycore.backends.host import Store
from pycore.protocol import Size, Tier
from pycore.shaders import ShaderManager
from pycore.upscaler.benchmark import CROP, measure
from pycore.upscaler.kernels import defaults
from pycore.upscaler.load import Load
from pycore.upscaler.plan import Fused, Plan, plan_for
from pycore.upscaler.tuner import Remembered, Tuning, tune
from pycore.upscaler.upscaler import Upscaler
from pycore.upscaler.weights import Conv, parse

NETS = (Tier.S, Tier.M, Tier.L)

BUDGET_MS = 1000 / 60 / 3
"""A third of a 60 fps interval: the rest is the decoder's and the page's."""


class Tiers:
    """The upscalers of one device and canvas format, by tier."""

    def __init__(self, device: Device, format: str, store: Store | None = None, lower: int = 0) -> None:
        """`store`: where tuned choices are kept. `lower`: how many tiers to stay below the one that fits."""
        self._device = device
        self._format = format
        self._shaders = ShaderManager(device)
        self._remembered = None if store is None else Remembered(store, device)
        self._lower = lower
        self._load = Load(len(NETS))
        self._nets: dict[Tier, list[Conv]] = {}
        self._ready: dict[Tier, Upscaler] = {}
        self._pixel_ms: dict[Tier, float] = {}
        self._tuned: set[Tier] = set()
        self._current: Upscaler | None = None
        self._forced: Tier | None = None

    async def prepare_base(self) -> None:
        """Compiles the base tier, once. Raises ReelError (see ShaderManager)."""
        if Tier.BASE not in self._ready:
            self._ready[Tier.BASE] = await self._upscaler(plan_for(self._device.frame_kind, self._format))

    async def measure_nets(self) -> None:
        """Takes in every net that is fast enough for some crop; stops at the first that is not, for the next
        is slower still. Raises ReelError when a model or a shader cannot be had."""
        for tier in NETS:
            plan = await self._plan(tier)
            if not await self._measured(tier, plan):
                return
            self._ready[tier] = await self._upscaler(plan)

    async def _measured(self, tier: Tier, plan: Plan) -> bool:
        """Times it; whether it is fast enough for some crop."""
        took = await measure(self._device, self._shaders, plan)
        self._pixel_ms[tier] = took / (CROP.width * CROP.height)
        return took <= BUDGET_MS

    async def force(self, tier: Tier) -> None:
        """Every frame from now on is that tier's, however slow it is."""
        if tier not in self._ready:
            plan = (
                plan_for(self._device.frame_kind, self._format)
                if tier is Tier.BASE
                else await self._plan(tier)
            )
            self._ready[tier] = await self._upscaler(plan)
        self._forced = tier

    def untuned(self, size: Size) -> bool:
        """Whether the tier for a crop of that size is a net whose kernels are not chosen yet. On software
        adapters nothing is worth choosing."""
        tier = self.best(size)
        return tier is not Tier.BASE and tier not in self._tuned and not self._device.facts.software

    async def tune(self, size: Size) -> None:
        """Chooses the kernels of the tier for a crop of that size, timed at that size, and draws with them
        from then on; keeps the choice. Frames may be drawn meanwhile. Raises ReelError (see tuner.tune)."""
        tier = self.best(size)
        self._tuned.add(tier)
        net = await self._net(tier)
        tuning = await tune(self._device, self._shaders, net, size)
        plan = plan_for(self._device.frame_kind, self._format, net, tuning.kernels, tuning.fused)
        better = await self._upscaler(plan)
        if self._forced is None:
            await self._measured(tier, plan)
        old, self._ready[tier] = self._ready[tier], better
        old.free()
        if self._current is old:
            self._current = None
        if self._remembered is not None:
            await self._remembered.keep(tier, tuning)

    def felt(self, took_ms: float, now: float) -> None:
        """A frame was `took_ms` under way on the GPU; `now` in seconds."""
        self._load.frame(took_ms, now)

    def best(self, size: Size) -> Tier:
        """The tier for a crop of that size."""
        if self._forced is not None:
            return self._forced
        fits = [
            tier
            for tier in NETS
            if tier in self._ready and self._pixel_ms[tier] * size.width * size.height <= BUDGET_MS
        ]
        return [Tier.BASE, *fits][max(0, len(fits) - self._lower - self._load.lowered)]

    def use(self, tier: Tier) -> Upscaler:
        """The upscaler of that tier, one that `best` gave. The one that was used before gives its memory
        back."""
        upscaler = self._ready[tier]
        if self._current is not None and upscaler is not self._current:
            self._current.rest()
        self._current = upscaler
        return upscaler

    async def _upscaler(self, plan: Plan) -> Upscaler:
        upscaler = Upscaler(self._device, self._shaders, plan)
        await upscaler.prepare()
        return upscaler

    async def _plan(self, tier: Tier) -> Plan:
        """With the kernels that an earlier visit chose, else the default ones."""
        net = await self._net(tier)
        tuning = Tuning(defaults(net, self._device.features), Fused())
        if self._remembered is not None and (kept := await self._remembered.recall(tier, len(net))):
            tuning = kept
            self._tuned.add(tier)
        return plan_for(self._device.frame_kind, self._format, net, tuning.kernels, tuning.fused)

    async def _net(self, tier: Tier) -> list[Conv]:
        if tier not in self._nets:
            name = tier.lower()
            data = await self._device.load_model(name)
            await sleep(0)  # a frame may wait
            self._nets[tier] = parse(data, name)
        return self._nets[tier]
