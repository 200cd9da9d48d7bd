"""A decoded frame as it comes from the file: planes of Y'CbCr, turned upright, with square pixels."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, slots=True)
class Colour:
    """How samples mean colours: numbers of ITU-T H.273. `matrix` is never unspecified (2): where the file
    says nothing it is what players assume. `full`: full range, not limited. `bits` of a sample. `across`,
    `down`: chroma samples lie that many luma samples apart. `left`, `top`: chroma is sited on the first of
    them, and not between."""

    matrix: int
    transfer: int
    primaries: int
    full: bool
    bits: int
    across: int
    down: int
    left: bool
    top: bool

    @property
    def hdr(self) -> bool:
        """PQ or HLG."""
        return self.transfer in (16, 18)


@dataclass(frozen=True, slots=True)
class Picture:
    """Frame `number` of the table, as much of it as is needed for the crop asked for.

    `planes`: Y, Cb, Cr, each uint8 or (more than 8 bits) uint16 (rows, columns), in memory that is used again
    after `release`, which must be called once for each picture; three can be held, the fourth waits. The crop
    begins `x`, `y` luma samples into the planes.
    """

    number: int
    planes: tuple[np.ndarray, np.ndarray, np.ndarray]
    x: int
    y: int
    colour: Colour
    release: Callable[[], None] = field(default=lambda: None, repr=False)
