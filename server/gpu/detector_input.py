"""How large pictures go into the detector. Pure; loads no numpy, since the API estimates by it."""

from pycore.protocol import ProcessorKind, Size

LONGEST = {ProcessorKind.CPU: 960}
"""Long side of the net's input by kind of processor: more is scaled down."""
LONGEST_GPU = 1920
LEAST = 1280
"""Less is enlarged where the processor allows: players of few pixels are found better so."""


def net_scale(size: Size, kind: ProcessorKind) -> float:
    """How a picture of that size is scaled for the net."""
    longest, long = LONGEST.get(kind, LONGEST_GPU), max(size.width, size.height)
    return min(max(1.0, min(LEAST, longest) / long), longest / long)


def net_pixels(size: Size, kind: ProcessorKind) -> float:
    """Pixels that go into the net for a picture of that size."""
    return size.width * size.height * net_scale(size, kind) ** 2
