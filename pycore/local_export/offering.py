"""Whether the present reel can be made in this browser, and how long that would take."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pycore.backends.host import Host, MediaFile
from pycore.backends.reels import Footage, Format, Reels
from pycore.exporting import Motion
from pycore.local_export.plan import ReelPlan, obstacle, plan_reel
from pycore.local_export.speed import Speed
from pycore.protocol import Capability, LocalOffer, Project, ReelError, Tier, WebGPULevel
from pycore.tasks import Tasks

_SETTLE_S = 0.15


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an offer is about."""

    project: Project
    file: MediaFile
    motion: Mapping[str, Motion]
    capability: Capability


class Offering:
    """Keeps `offer` that for what was last given to `want`. `forced`: the tier to draw with, whatever the
    device."""

    def __init__(
        self, host: Host, reels: Reels | None, tasks: Tasks, changed: Callable[[], None], forced: Tier | None
    ) -> None:
        self._host = host
        self._reels = reels
        self._tasks = tasks
        self._changed = changed
        self._forced = forced
        self._speed = Speed(host.store)
        self._wanted: Wanted | None = None
        self._answered: Wanted | None = None
        self._busy = False
        self._footage: tuple[MediaFile, Footage | ReelError] | None = None
        self.offer: LocalOffer | None = None

    def want(self, wanted: Wanted | None) -> None:
        """None: nothing is open, or there is no GPU."""
        if self._reels is None or (wanted and wanted.capability.level is WebGPULevel.NONE):
            wanted = None
        self._wanted = wanted
        if wanted is None:
            self._show(None, None)
        elif wanted != self._answered and not self._busy:
            self._busy = True
            self._tasks.start(self._catch_up(), "looking whether this browser can export")

    def forget(self) -> None:
        """The next `want` answers anew: an export was made, so more is known."""
        self._answered = None

    def tier(self, capability: Capability) -> Tier:
        """What an export is drawn with: the best, for it need not keep up with a video."""
        return self._forced or (Tier.BASE if capability.software else Tier.L)

    async def _catch_up(self) -> None:
        try:
            while (wanted := self._wanted) is not None and wanted != self._answered:
                await self._host.sleep(_SETTLE_S)
                if wanted is not self._wanted:
                    continue
                offer = await self._judge(wanted)
                if wanted is self._wanted:
                    self._show(wanted, offer)
            if self._wanted is None:
                await self._drop()
        finally:
            self._busy = False

    async def _judge(self, wanted: Wanted) -> LocalOffer:
        project, capability = wanted.project, wanted.capability
        device = device_name(capability)
        if capability.level is not WebGPULevel.FULL:
            return LocalOffer(False, "This GPU is too slow for exports.", device)
        if why := obstacle(project):
            return LocalOffer(False, why, device)
        try:
            footage = await self._opened(wanted.file)
            format = await self._format(footage, project)
        except ReelError as error:
            return LocalOffer(False, str(error), device)
        size = project.output.size
        if format is None:
            return LocalOffer(
                False, f"This browser encodes no video of {size.width} × {size.height}.", device
            )
        plan = plan_reel(project, wanted.motion)
        tier = self.tier(capability)
        seconds = await self._seconds(plan, footage, device, tier)
        basis = "not measured yet" if seconds is None else "measured at the last export"
        return LocalOffer(
            True, "", device, tier, seconds, basis, codec=format.label, extension=format.extension
        )

    async def _opened(self, file: MediaFile) -> Footage:
        assert self._reels is not None
        if self._footage is None or self._footage[0] is not file:
            await self._drop()
            try:
                self._footage = file, await self._reels.open(file.handle)
            except ReelError as error:
                self._footage = file, error
        found = self._footage[1]
        if isinstance(found, ReelError):
            raise found
        return found

    async def _format(self, footage: Footage, project: Project) -> Format | None:
        assert self._reels is not None
        return await self._reels.format(project.output.size, footage.rate, footage.sound)

    async def _seconds(self, plan: ReelPlan, footage: Footage, device: str, tier: Tier) -> float | None:
        per_pixel = await self._speed.recall(device, tier)
        if per_pixel is None:
            return None
        windows = [(cut.window(footage.size), cut.out_us - cut.in_us) for cut in plan.cuts]
        pixels = sum(size.width * size.height * lasts / 1e6 * footage.rate for size, lasts in windows)
        return pixels * per_pixel / 1e6

    async def _drop(self) -> None:
        kept, self._footage = self._footage, None
        if kept is not None and not isinstance(kept[1], ReelError):
            await kept[1].close()

    def _show(self, wanted: Wanted | None, offer: LocalOffer | None) -> None:
        self._answered = wanted
        if offer != self.offer:
            self.offer = offer
            self._changed()


def device_name(capability: Capability) -> str:
    """The GPU's, for people."""
    named = " ".join(filter(None, (capability.vendor, capability.architecture)))
    return named or "this computer's GPU"
