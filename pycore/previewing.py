"""Reel: finds a GPU, makes the pipeline once canvas, medium and device are there, and makes it anew when the
device is lost."""

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from pycore import pipeline
from pycore.backends.gpu import Device, Frame, GpuBackend
from pycore.backends.host import Store
from pycore.document import selected_clip
from pycore.framing.path import Path
from pycore.protocol import (
    Capability,
    Fallback,
    FramePresented,
    PathPoint,
    Preview,
    Problem,
    Project,
    Rect,
    ReelError,
    SetPreview,
    Size,
    Spotlight,
    Tier,
    WebGPULevel,
)
from pycore.spotlight.mark import Marker
from pycore.tasks import Tasks, as_problem

_MAX_LOSSES = 2
_MAX_FAILURES = 3
_LIVE_ZOOM = 0.12
"""Change of a live crop's height that is worth new textures."""


class Previewing:
    """`changed()` is called when `capability` or `preview` change. `tier`: the one to draw with, measured or
    not."""

    def __init__(
        self,
        gpu: GpuBackend | None,
        tasks: Tasks,
        changed: Callable[[], None],
        on_problem: Callable[[Problem], None],
        *,
        force_software: bool,
        tier: Tier | None = None,
        store: Store | None = None,
    ) -> None:
        self._gpu = gpu
        self._tasks = tasks
        self._changed = changed
        self._on_problem = on_problem
        self._force_software = force_software
        self._tier = tier
        self._store = store
        self._improved: pipeline.Pipeline | None = None
        self._choosing = False
        self._device: Device | None = None
        self._canvas: Any = None
        self._source: Size | None = None
        self._crop: Rect | None = None
        self._spotlight = Spotlight()
        self._path: list[PathPoint] = []
        self._subject: list[PathPoint] = []
        self._live: Rect | None = None
        self._refusal = ""
        self._pipeline: pipeline.Pipeline | None = None
        self._losses = 0
        self._failures = 0
        self.capability: Capability | None = None
        self.preview = Preview(message="Looking for a GPU.")

    async def detect(self) -> None:
        """Looks for a GPU and measures it. An adapter that does not work counts as none, and its problem is
        told."""
        self.capability, self._device = None, None
        self._judge()
        if self._gpu is None:
            reason = "There is no GPU here that the preview could run on; exports run on the server."
            self.capability = Capability(WebGPULevel.NONE, reason, Fallback.RUNPOD)
        else:
            try:
                detected = await pipeline.detect(self._gpu, force_software=self._force_software)
                self.capability, self._device = detected
            except ReelError as error:
                self.capability = Capability(WebGPULevel.NONE, str(error), Fallback.RUNPOD)
                self._on_problem(error.problem)
        if self._device is not None:
            self._tasks.start(self._watch(self._device), "watching the GPU")
        self._equip()

    def attach(self, canvas: Any) -> None:
        """Where Reel is drawn from now on."""
        self._canvas = canvas
        if self._pipeline is not None:  # closing it gives its device back
            self._release()
            self._tasks.start(self.detect(), "looking for a GPU")
        self._equip()

    def show(self, project: Project | None) -> None:
        """What Reel shows; None: nothing is open."""
        clip = None if project is None else selected_clip(project)
        if clip is None:
            self._source = self._crop = None
        elif (clip.media.size, clip.crop, clip.spotlight) != (self._source, self._crop, self._spotlight):
            self._source, self._crop, self._spotlight = clip.media.size, clip.crop, clip.spotlight
        else:
            return
        self._equip()

    def follow(self, crop: list[PathPoint], subject: list[PathPoint], live: Rect | None) -> None:
        """How the crop moves and where the player is; `live`: the crop right now, while there is no path
        yet."""
        if live is not None and self._live is not None:
            # New sizes cost new textures: small ones wait until they add up.
            change = abs(live.height / self._live.height - 1)
            if change < _LIVE_ZOOM:
                width, height = self._live.width, self._live.height
                x, y = live.x + (live.width - width) / 2, live.y + (live.height - height) / 2
                live = Rect(x, y, width, height)
        self._path, self._subject, self._live = crop, subject, live
        self._equip()

    def look(self, command: SetPreview) -> None:
        """Raises ReelError `preview.range` for a value outside of 0 to 1."""
        values = {"split": command.split, "sharpness": command.sharpness}
        given = {name: value for name, value in values.items() if value is not None}
        for name, value in given.items():
            if not 0 <= value <= 1:
                raise ReelError.of(
                    "preview.range",
                    f"{name} is out of range",
                    f"{value} was given.",
                    "Give a number from 0 to 1.",
                )
        self._set(replace(self.preview, **given))
        if self._pipeline is not None:
            self._pipeline.set_look(self.preview.split, self.preview.sharpness)

    async def frame(self, frame: Frame, time_us: int) -> FramePresented:
        """Draws a frame, or drops it when there is nothing to draw with or the last one is still under way.
        Closes it."""
        if self._pipeline is None or not self.preview.live:
            frame.close()
            return FramePresented(time_us, presented=False)
        try:
            presented = await self._pipeline.render(frame, time_us)
            self._failures = 0
            self._improve()
            if (
                self.capability is not None
                and self._pipeline
                and self.capability.tier is not self._pipeline.tier
            ):
                self._judge()  # under load it is another
            return presented
        except Exception as error:  # noqa: BLE001 -- the page waits for an answer whatever went wrong; it is shown
            self._failed(as_problem(error, "drawing a frame"))
            return FramePresented(time_us, presented=False)

    def close(self) -> None:
        """Gives the GPU back."""
        self._release()

    def _equip(self) -> None:
        """Makes the pipeline if all that it needs is there, and tells it what to show."""
        self._refusal = ""
        if self._device is not None and self._canvas is not None and self._source is not None:
            if self._pipeline is None:
                self._pipeline = pipeline.Pipeline(
                    self._device, self._canvas, self._store, lower=self._losses
                )
                self._pipeline.set_look(self.preview.split, self.preview.sharpness)
            assert self._crop is not None
            try:
                self._pipeline.set_source(self._source)
                marker = Marker(self._spotlight, self._subject) if self._subject else None
                path = Path(self._path) if self._path else None
                self._pipeline.set_crop(self._live or self._crop, path, marker)
            except ReelError as error:
                self._refusal = str(error)
        self._judge()

    def _improve(self) -> None:
        """Once per pipeline, when its first frame is on the screen, looks for a net that the GPU is fast
        enough for, and then for the kernels that it is fastest with. Software is fast enough for none, so
        that there only `tier` counts."""
        made = self._pipeline
        if made is None or self._choosing or self.capability is None:
            return
        if made is not self._improved:
            self._improved = made
            if self._tier is not None or not self.capability.software:
                self._choose(made, made.improve(self._tier), "choosing a preview model")
        elif made.untuned:
            self._choose(made, made.tune(), "tuning the preview")

    def _choose(self, made: pipeline.Pipeline, work: Coroutine[Any, Any, None], doing: str) -> None:
        async def choose() -> None:
            try:
                await work
            except ReelError as error:
                if made is self._pipeline:  # else it was closed meanwhile
                    self._on_problem(error.problem)
            finally:
                self._choosing = False
            self._judge()

        self._choosing = True
        self._tasks.start(choose(), doing)

    def _release(self) -> None:
        """Gives pipeline and device back."""
        made, self._pipeline = self._pipeline, None
        device, self._device = self._device, None
        if made is not None:
            made.close()
        elif device is not None:
            device.destroy()

    def _failed(self, problem: Problem) -> None:
        """One bad frame is told; several in a row end the preview, so that they are not told 30 times a
        second."""
        self._failures += 1
        if self._failures == 1:
            self._on_problem(problem)
        if self._failures >= _MAX_FAILURES:
            self._judge()

    async def _watch(self, device: Device) -> None:
        reason = await device.lost
        if device is not self._device:
            return  # given back by ourselves
        self._losses += 1
        self._release()
        self._judge()
        again = self._losses < _MAX_LOSSES
        hint = "The preview starts anew by itself." if again else "Exports run on the server all the same."
        self._on_problem(Problem("gpu.lost", "The GPU was taken away from the preview", reason, hint, 503))
        if again:
            await self.detect()

    def _judge(self) -> None:
        """Whether frames are worth sending, and if not, why not; and what they are drawn with."""
        if self._pipeline is not None and self.capability is not None:
            self.capability = replace(self.capability, tier=self._pipeline.tier)
        message = ""
        if self._losses >= _MAX_LOSSES:
            message = "The GPU was lost twice, so the preview has stopped. Reload the page to try again."
        elif self._failures >= _MAX_FAILURES:
            message = (
                "The preview failed several times in a row and has stopped. Reload the page to try again."
            )
        elif self.capability is None:
            message = "Looking for a GPU."
        elif self._device is None:
            message = self.capability.reason
        else:
            message = self._refusal
        live = self._pipeline is not None and self._source is not None and not message
        self._set(replace(self.preview, live=live, message=message))

    def _set(self, preview: Preview) -> None:
        if preview != self.preview:
            self.preview = preview
        self._changed()
