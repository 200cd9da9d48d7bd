"""When the frames of a clip are shown in the result: its first frame may stand still before it moves, and a
range may be slower."""

from dataclasses import dataclass

import numpy as np

from pycore.protocol import SlowMotion
from server.video.frames import FrameTable


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """One row for each frame of the result. `source`: int64 (n,), the frame's number in the source's table;
    `share`: float64 (n,), how far on the way to the next frame it lies (slow motion), 0 to below 1. `ticks`:
    int64 (n + 1,), when it is shown, and at last when the clip ends, from the clip's beginning. `frozen` of
    the rows stand still."""

    source: np.ndarray
    share: np.ndarray
    ticks: np.ndarray
    frozen: int

    def __len__(self) -> int:
        return len(self.source)

    def moments_us(self, table: FrameTable) -> np.ndarray:
        """int64 (n,): which moment of the source each row shows, in microseconds from its first frame."""
        times = np.append(table.times_us(), table.duration_us)
        before, behind = times[self.source], times[self.source + 1]
        return before + np.round(self.share * (behind - before)).astype(np.int64)

    def rows(self, first: int, frames: int) -> slice:
        """Those made from the frames `first` to `first + frames` of the source."""
        low, high = np.searchsorted(self.source, [first, first + frames], side="left")
        return slice(int(low), int(high))


def timeline(
    table: FrameTable,
    first: int,
    count: int,
    timescale: int,
    freeze_us: int = 0,
    slow: SlowMotion | None = None,
) -> Timeline:
    """Of the frames `first` to `first + count`. Slow motion has frames between those of the source. Frames
    keep their times in the source to the tick."""
    origin = int(table.pts[first])
    bounds = [int(each) for each in table.pts[first : first + count]] + [table.end_of(first + count - 1)]
    plain = np.array([round((each - origin) * table.time_base * timescale) for each in bounds], np.int64)
    lasts = np.diff(plain)
    factor = np.ones(count, np.int64)
    if slow is not None:
        times = table.times_us()[first : first + count]
        factor[(times >= slow.in_us) & (times < slow.out_us)] = slow.factor
    frozen = max(round(freeze_us / 1e6 * table.fps), 1) if freeze_us > 0 else 0
    still = round(freeze_us * timescale / 1_000_000) if frozen else 0
    source = np.repeat(np.arange(first, first + count), factor)
    within = np.arange(len(source)) - np.repeat(np.cumsum(factor) - factor, factor)
    share = within / np.repeat(factor, factor)
    each = np.repeat(lasts, factor)
    ticks = np.concatenate([[0], np.cumsum(each)]) + still
    held = np.array([still * number // frozen for number in range(frozen)], np.int64)
    return Timeline(
        source=np.concatenate([np.full(frozen, first), source]),
        share=np.concatenate([np.zeros(frozen), share]),
        ticks=np.concatenate([held, ticks]),
        frozen=frozen,
    )
