"""What a model is and needs, so that callers never special-case one. Loads no torch."""

import math
from dataclasses import dataclass

from pycore.protocol import ModelInfo, ModelName, ReelError


@dataclass(frozen=True, slots=True)
class Descriptor:
    """One upscaling model.

    `weights` are names that `registry.weights_path` finds: our own, or those that the asset manifest places;
    `asset` names those that are fetched when the model is first used. `scale` is its factor, `channels` what
    it takes and gives (3: RGB). `radius`: how many input pixels to each side an output pixel depends on, or,
    for a `temporal` one, beyond which it depends too little to be seen; tiles overlap by at least that, so
    they show no seams. `tile_pixels`: the largest input, in pixels, that goes through the net at once, by
    torch's device type. `multiple`: both input sides must be divisible by it.

    `temporal`: a frame's result depends on its neighbours: each window is given `context` more frames on both
    sides, and depends on nothing else. `half`: computed in 16 bits on CUDA, with 32-bit sums. `invents`: it
    adds detail that was never filmed.
    """

    name: ModelName
    label: str
    note: str
    licence: str
    weights: tuple[str, ...]
    scale: int
    radius: int
    tile_pixels: dict[str, int]
    channels: int = 3
    temporal: bool = False
    context: int = 0
    half: bool = True
    multiple: int = 1
    invents: bool = False
    asset: str = ""
    file: str = ""

    @property
    def key(self) -> str:
        """Tells this model from all others."""
        return self.file or self.name.value

    def window(self, fps: float) -> int:
        """Frames in a segment: the power of two that makes 1 to 2 s at `fps`. A power of two, so that the
        windows of different rates lie on one grid; at most 256 frames. At least 64 for a temporal model, so
        that its context stays a small share of the work."""
        frames = 2 ** min(max(math.ceil(math.log2(max(fps, 1.0))), 0), 8)
        return max(frames, 64) if self.temporal else frames

    def info(self) -> ModelInfo:
        return ModelInfo(self.name, self.scale, self.label, self.note)


# A tile on a CPU fits its caches better than a frame; a GPU wants work for all its cores.
_FRAME_TILES = {"cpu": 256 * 1024, "mps": 1024 * 1024, "cuda": 2304 * 1296}

QUICK = Descriptor(
    name=ModelName.QUICK,
    label="Quick",
    note="SPAN: small and faithful, frame by frame",
    licence="Apache-2.0",
    weights=("spanx4_ch48.param", "spanx4_ch48.bin"),
    scale=4,
    radius=21,
    tile_pixels=_FRAME_TILES,
)

BEST = Descriptor(
    name=ModelName.BEST,
    label="Best",
    note="BasicVSR: the most faithful; each frame is made from its neighbours too",
    licence="Apache-2.0",
    weights=("best.safetensors",),
    scale=4,
    radius=47,
    # A window's features stay in memory: 64 half floats per pixel and frame, 70 frames.
    tile_pixels={"cpu": 1280 * 720, "mps": 512 * 512, "cuda": 1024 * 640},
    temporal=True,
    context=3,
)

PERCEPTUAL = Descriptor(
    name=ModelName.PERCEPTUAL,
    label="Perceptual",
    note="Real-ESRGAN: the sharpest look; invents detail that was never filmed",
    licence="BSD-3-Clause",
    weights=("realesrgan-x4plus.param", "realesrgan-x4plus.bin"),
    scale=4,
    radius=32,
    tile_pixels={"cpu": 128 * 1024, "mps": 256 * 1024, "cuda": 1024 * 640},
    invents=True,
    asset="Real-ESRGAN x4plus",
)

NOTHING = Descriptor(
    name=ModelName.QUICK,
    label="None",
    note="The crop is large enough",
    licence="",
    weights=(),
    scale=1,
    radius=0,
    tile_pixels={"cpu": 1 << 40, "mps": 1 << 40, "cuda": 1 << 40},
    file="-",
)
"""What is used where nothing has to be upscaled."""

_DESCRIPTORS = {each.name: each for each in (QUICK, BEST, PERCEPTUAL)}


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
