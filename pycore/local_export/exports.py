"""The exports of this page's own: started, shown with their progress, paused, cancelled."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pycore.backends.gpu import Device, GpuBackend
from pycore.backends.host import Host, MediaFile
from pycore.backends.reels import Footage, ReelFile, Reels
from pycore.exporting import Motion
from pycore.local_export.joining import join
from pycore.local_export.losing import unless_lost
from pycore.local_export.making import Making
from pycore.local_export.pieces import Checkpoint, name_of
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
        self._going = asyncio.Event()
        self._going.set()
        self._paused_s = 0.0

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
        self._going.set()
        self._paused_s = 0.0
        self._running[export.id] = self._tasks.start(self._run(export.id, order), "making a reel")
        self._changed()

    def cancel(self, export_id: str) -> None:
        """Of one that is over: nothing."""
        if (running := self._running.get(export_id)) is not None:
            running.cancel()

    def pause(self, export_id: str, paused: bool) -> None:
        """Holds one that runs before its next frame, or lets it go on. Of one that is over: nothing."""
        if export_id not in self._running or self._exports[export_id].paused == paused:
            return
        if paused:
            self._going.clear()
        else:
            self._going.set()
        self._update(export_id, paused=paused, seconds_left=None)

    async def _go_on(self) -> None:
        if not self._going.is_set():
            began = self._host.now()
            await self._going.wait()
            self._paused_s += self._host.now() - began

    async def _run(self, export_id: str, order: Order) -> None:
        try:
            result = await self._make(export_id, order)
        except asyncio.CancelledError:
            self._update(export_id, state=JobState.CANCELLED, paused=False, seconds_left=None)
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
            look = (order.sharpness, order.device)
            name = await name_of(plan, order.file, format, order.tier, look)
            checkpoint = Checkpoint(self._host.store, await self._reels.parts(format, name), name)
            await checkpoint.read()
            if checkpoint.begun:
                self._update(export_id, message="taken up where it broke off")
            try:
                made = await self._draw(export_id, order, plan, footage, checkpoint)
                file = await self._reels.create(format, footage, order.target, export_id)
                length = await _joined(plan, made, checkpoint, footage, file)
            except (asyncio.CancelledError, ReelError) as error:
                if _is_given_up(error):
                    await checkpoint.drop()
                raise
            await checkpoint.drop()
        finally:
            await footage.close()
        took = self._host.now() - began - self._paused_s
        return LocalResult(
            bytes=length,
            frames=made.frames,
            seconds=took,
            size=plan.size,
            duration_us=made.end_us,
            has_sound=bool(footage.sound),
            codec=format.label,
            tier=order.tier,
            stored=file.stored,
        )

    async def _draw(
        self, export_id: str, order: Order, plan: ReelPlan, footage: Footage, checkpoint: Checkpoint
    ) -> Making:
        device = await self._device(order.software)
        pipeline = Pipeline(device, checkpoint.parts.canvas, self._host.store)
        try:
            pipeline.set_look(0.0, order.sharpness)
            await pipeline.improve(order.tier)
            began = self._host.now() - self._paused_s
            making = Making(plan, footage, checkpoint, pipeline, self._progress(export_id), self._go_on)
            await unless_lost(device, making.run())
        finally:
            pipeline.close()
        if making.drawn:
            window = plan.cuts[-1].window(footage.size)
            took = self._host.now() - self._paused_s - began
            await self._speed.keep(order.device, order.tier, window, making.drawn, took)
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
        first: float | None = None

        def tell(share: float) -> None:
            nonlocal told, first
            first = share if first is None else first  # what an export that was broken off has left
            now = self._host.now()
            if now - told < _TELL_EVERY_S:
                return
            told = now
            left, took = None, now - began - self._paused_s
            if share > first and took >= _TOLD_AFTER_S and self._going.is_set():
                left = took * (1 - share) / (share - first)
            self._update(export_id, progress=share, seconds_left=left)

        return tell

    def _update(self, export_id: str, **fields: Any) -> None:
        self._exports[export_id] = replace(self._exports[export_id], **fields)
        self._changed()


async def _joined(
    plan: ReelPlan, made: Making, checkpoint: Checkpoint, footage: Footage, file: ReelFile
) -> int:
    """The reel's length in bytes; no file is left where that fails."""
    try:
        await join(plan, made.pieces, checkpoint, footage, file)
        return await file.finish()
    except BaseException:
        await file.abort()
        raise


def _is_given_up(error: BaseException) -> bool:
    """Whether another try has nothing to gain from what was made so far: the person cancelled it, or a part
    of it is broken."""
    return not isinstance(error, ReelError) or error.problem.code == "local-export.part"


def _no_encoder(plan: ReelPlan) -> ReelError:
    return ReelError.of(
        "local-export.no-encoder",
        "This browser encodes no such video",
        f"{plan.size.width}x{plan.size.height} pixels were asked for.",
        "Choose a smaller size, or export on the server.",
        422,
    )
