"""The exports of this page's own: started, shown with their progress, cancelled."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pycore.backends.gpu import Device, GpuBackend
from pycore.backends.host import Host, MediaFile
from pycore.backends.reels import Footage, Format, ReelFile, Reels
from pycore.exporting import Motion
from pycore.local_export.making import Making
from pycore.local_export.plan import ReelPlan, plan_reel
from pycore.local_export.speed import Speed
from pycore.pipeline import Pipeline
from pycore.protocol import (
    JobState,
    LocalExport,
    LocalResult,
    Problem,
    Project,
    ReelError,
    Tier,
)
from pycore.tasks import Tasks, as_problem

_TELL_EVERY_S = 0.25
_TOLD_AFTER_S = 1.0
"""When the time left is first told."""

_LATE_LOSS_S = 0.3


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be made, as it was when it was asked for. `target`: see Reels.create."""

    project: Project
    file: MediaFile
    motion: Mapping[str, Motion]
    tier: Tier
    sharpness: float
    device: str
    software: bool
    target: Any = None


class LocalExports:
    """`changed()` is called when `list` changes, `on_problem` with the problem of an export that failed,
    `on_made` when one is done."""

    def __init__(
        self,
        host: Host,
        gpu: GpuBackend | None,
        reels: Reels | None,
        tasks: Tasks,
        changed: Callable[[], None],
        on_problem: Callable[[Problem], None],
        on_made: Callable[[], None],
    ) -> None:
        self._host = host
        self._gpu = gpu
        self._reels = reels
        self._tasks = tasks
        self._changed = changed
        self._on_problem = on_problem
        self._on_made = on_made
        self._speed = Speed(host.store)
        self._exports: dict[str, LocalExport] = {}
        self._running: dict[str, asyncio.Task[None]] = {}

    def list(self) -> list[LocalExport]:
        """Newest first."""
        return sorted(self._exports.values(), key=lambda each: each.created_at, reverse=True)

    def find(self, export_id: str) -> LocalExport | None:
        return self._exports.get(export_id)

    def start(self, order: Order) -> None:
        """Raises ReelError `local-export.busy`: one at a time, for each wants the whole GPU."""
        if self._running:
            raise ReelError.of(
                "local-export.busy",
                "A reel is already being made in this browser",
                hint="Wait until it is done, or cancel it.",
                status=409,
            )
        export = LocalExport(
            self._host.uuid(), order.project.name, JobState.RUNNING, self._host.now(), order.device
        )
        self._exports[export.id] = export
        self._running[export.id] = self._tasks.start(self._run(export.id, order), "making a reel")
        self._changed()

    def cancel(self, export_id: str) -> None:
        """Of one that is over: nothing."""
        if (running := self._running.get(export_id)) is not None:
            running.cancel()

    async def _run(self, export_id: str, order: Order) -> None:
        try:
            result = await self._make(export_id, order)
        except asyncio.CancelledError:
            self._update(export_id, state=JobState.CANCELLED, seconds_left=None)
            raise
        except Exception as error:  # noqa: BLE001 -- whatever it was, the person is told, and may export again
            problem = as_problem(error, "making a reel")
            self._update(export_id, state=JobState.FAILED, error=problem, seconds_left=None)
            self._on_problem(problem)
        else:
            self._update(export_id, state=JobState.SUCCEEDED, progress=1.0, result=result, seconds_left=None)
            self._on_made()
        finally:
            del self._running[export_id]

    async def _make(self, export_id: str, order: Order) -> LocalResult:
        assert self._reels is not None
        plan = plan_reel(order.project, order.motion)
        began = self._host.now()
        footage = await self._reels.open(order.file.handle)
        try:
            format = await self._reels.format(plan.size, footage.rate, footage.sound)
            if format is None:
                raise _no_encoder(plan)
            file = await self._reels.create(format, footage, order.target, export_id)
            try:
                made = await self._draw(export_id, order, plan, footage, file)
                length = await file.finish()
            except BaseException:
                await file.abort()
                raise
        finally:
            await footage.close()
        took = self._host.now() - began
        return _result(order, plan, format, file, made, length, took, bool(footage.sound))

    async def _draw(
        self, export_id: str, order: Order, plan: ReelPlan, footage: Footage, file: ReelFile
    ) -> Making:
        device = await self._device(order.software)
        pipeline = Pipeline(device, file.canvas, self._host.store)
        try:
            pipeline.set_look(0.0, order.sharpness)
            await pipeline.improve(order.tier)
            began = self._host.now()
            making = Making(plan, footage, file, pipeline, self._progress(export_id))
            await _unless_lost(device, making.run())
        finally:
            pipeline.close()
        window = plan.cuts[-1].window(footage.size)
        await self._speed.keep(order.device, order.tier, window, making.frames, self._host.now() - began)
        return making

    async def _device(self, software: bool) -> Device:
        """One of its own: its loss is not the preview's, and the other way round."""
        adapter = await self._gpu.adapter(software=software) if self._gpu is not None else None
        if adapter is None:
            raise ReelError.of(
                "gpu.gone", "There is no GPU any more", hint="Reload the page, or export on the server."
            )
        return await adapter.device()

    def _progress(self, export_id: str) -> Callable[[float], None]:
        began = told = self._host.now()

        def tell(share: float) -> None:
            nonlocal told
            now = self._host.now()
            if now - told < _TELL_EVERY_S:
                return
            told = now
            left = None
            if share > 0 and now - began >= _TOLD_AFTER_S:
                left = (now - began) * (1 - share) / share
            self._update(export_id, progress=share, seconds_left=left)

        return tell

    def _update(self, export_id: str, **fields: Any) -> None:
        self._exports[export_id] = replace(self._exports[export_id], **fields)
        self._changed()


async def _unless_lost(device: Device, work: Any) -> None:
    """Runs `work`. Raises ReelError `gpu.lost` when the device is lost before it ends."""

    async def lost() -> str:
        return await device.lost

    making, watching = asyncio.ensure_future(work), asyncio.ensure_future(lost())
    try:
        await asyncio.wait({making, watching}, return_when=asyncio.FIRST_COMPLETED)
        failed = making.done() and making.exception() is not None
        if failed:  # calls to a lost device can fail before it says that it is lost
            await asyncio.wait({watching}, timeout=_LATE_LOSS_S)
        if watching.done() and (failed or not making.done()):
            hint = "Export again; the server does it without this GPU."
            raise ReelError.of("gpu.lost", "The GPU was taken away", watching.result(), hint, 503)
        await making
    finally:
        for each in (making, watching):
            each.cancel()
        await asyncio.gather(making, watching, return_exceptions=True)


def _no_encoder(plan: ReelPlan) -> ReelError:
    return ReelError.of(
        "local-export.no-encoder",
        "This browser encodes no such video",
        f"{plan.size.width}x{plan.size.height} pixels were asked for.",
        "Choose a smaller size, or export on the server.",
        422,
    )


def _result(
    order: Order,
    plan: ReelPlan,
    format: Format,
    file: ReelFile,
    made: Making,
    length: int,
    took: float,
    has_sound: bool,
) -> LocalResult:
    return LocalResult(
        bytes=length,
        frames=made.frames,
        seconds=took,
        size=plan.size,
        duration_us=made.end_us,
        has_sound=has_sound,
        codec=format.label,
        tier=order.tier,
        stored=file.stored,
    )
