"""What of the source a frame shows, and how. All that does not change with every frame is worked out before,
to keep Python's share of a frame small."""

import math

from pycore.framing.crop import snap
from pycore.framing.path import Path
from pycore.framing.placing import Window, window_at, window_size
from pycore.protocol import Rect, Size
from pycore.spotlight.mark import Marker
from pycore.upscaler.look import Look, beyond_a_nets
from pycore.upscaler.placer import Placing
from pycore.upscaler.upscaler import SCALE


class Shot:
    """A crop of the source, in display pixels: `rect`, snapped to whole pixels inside of it, or, where the
    path moves, each frame the box of its time; with a spotlight, where the marker draws.

    `window`: the whole source pixels that are upscaled; `canvas`: the size of a canvas that has SCALE pixels
    to each side of one of the crop's, so that nothing is ever reduced."""

    def __init__(
        self, source: Size, rect: Rect, path: Path | None = None, marker: Marker | None = None
    ) -> None:
        self.source = source
        self.crop = snap(rect, source)
        self.path = path if path is not None and path.moves else None
        self.marker = marker if marker is not None and marker.draws else None
        self.window = drawn = Size(*self.crop[2:])
        if self.path is not None:
            rects = self.path.rects()
            self.window = window_size(rects, source)
            drawn = Size(
                math.ceil(max(rect.width for rect in rects)), math.ceil(max(rect.height for rect in rects))
            )
        self.canvas = Size(drawn.width * SCALE, drawn.height * SCALE)


class Showing:
    """A shot on a canvas. `output`: the canvas's size, None for the shot's own; `split` and `sharpness`: see
    Pipeline.set_look."""

    def __init__(self, shot: Shot, output: Size | None, split: float, sharpness: float) -> None:
        self.canvas = output or shot.canvas
        self._shot = shot
        self._split = split
        self._sharpness = (sharpness, beyond_a_nets(sharpness))
        self._as_it_is = shot.path is None and shot.marker is None and self.canvas == shot.canvas
        self._rect = Rect(*shot.crop)
        self._window = Window(*shot.crop)
        self._looks = [Look(*shot.crop, split, each) for each in self._sharpness]

    def placing(self, time_us: int) -> Placing | None:
        """Where the crop lies between pixels at that time and what is drawn on it; None where it stands on
        whole pixels with nothing on it, at twice its size."""
        if self._as_it_is:
            return None
        shot, crop, window = self._shot, self._rect, self._window
        moved = None if shot.path is None else shot.path.at(time_us)
        if moved is not None:
            crop, window = moved, window_at(moved, shot.window, shot.source)
        mark = None if shot.marker is None else shot.marker.mark(time_us, crop)
        return Placing(crop, window, self.canvas, mark)

    def look(self, placing: Placing | None, *, net: bool) -> Look:
        """For that placing, under a net's luma or Lanczos's."""
        if placing is None:
            return self._looks[net]
        window = placing.window
        split = min(max(placing.split(self._split), 0.0), 1.0) if self._split else 0.0
        return Look(window.x, window.y, window.width, window.height, split, self._sharpness[net])
