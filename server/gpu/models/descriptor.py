"""What a model is and needs, so that callers never special-case one. Loads no torch."""

import math
from dataclasses import dataclass

from pycore.protocol import ModelInfo, ModelName, ReelError


@dataclass(frozen=True, slots=True)
class Descriptor:
    """One upscaling model.

    `weights` are the paths below the weights folder, as the asset manifest places them. `radius`: how many
    input pixels to each side an output pixel depends on; tiles overlap by at least that, so they show no
    seams. `tile_pixels`: the largest input, in pixels, that goes through the net at once, by torch's device
    type. `temporal`: a frame's result depends on its neighbours in the segment. `half`: fp16 on CUDA is good
    enough. `multiple`: both input sides must be divisible by it.
    """

    name: ModelName
    label: str
    note: str
    licence: str
    weights: tuple[str, ...]
    scale: int
    radius: int
    tile_pixels: dict[str, int]
    temporal: bool = False
    half: bool = True
    multiple: int = 1

    def window(self, fps: float) -> int:
        """Frames in a segment: the power of two that makes 1 to 2 s at `fps`. A power of two, so that the
        windows of different rates lie on one grid; at most 256 frames."""
        return 2 ** min(max(math.ceil(math.log2(max(fps, 1.0))), 0), 8)

    def info(self) -> ModelInfo:
        return ModelInfo(self.name, self.scale, self.label, self.note)


QUICK = Descriptor(
    name=ModelName.QUICK,
    label="Quick",
    note="SPAN: small and faithful, frame by frame",
    licence="Apache-2.0",
    weights=("spanx4_ch48.param", "spanx4_ch48.bin"),
    scale=4,
    radius=21,
    # A tile on a CPU fits its caches better than a frame; a GPU wants work for all its cores.
    tile_pixels={"cpu": 256 * 1024, "mps": 1024 * 1024, "cuda": 2304 * 1296},
)

_DESCRIPTORS = {QUICK.name: QUICK}


def available() -> list[Descriptor]:
    """The models that this version can run."""
    return list(_DESCRIPTORS.values())


def descriptor(name: ModelName | str) -> Descriptor:
    """The model of that name. ReelError `model.unknown` for one that is not offered (yet)."""
    try:
        return _DESCRIPTORS[ModelName(name)]
    except (KeyError, ValueError):
        offered = ", ".join(f"“{each.name.value}”" for each in available())
        raise ReelError.of(
            "model.unknown",
            "Unknown model",
            f"There is no model “{name}” here.",
            f"This version offers: {offered}.",
            422,
        ) from None
