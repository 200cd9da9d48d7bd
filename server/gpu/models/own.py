"""The user's own upscaling model: a .safetensors file that spandrel (MIT) recognises.

A pickle (.pth, .pt, .ckpt) can run code when it is read, so none is ever opened.
"""

import functools
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from pycore.protocol import ModelName, ReelError
from server.gpu.models import state
from server.gpu.models.descriptor import Descriptor
from server.gpu.models.state import WeightsError

SCALES = range(2, 9)
_RADIUS = 48
_TILE_PIXELS = {"cpu": 128 * 1024, "mps": 256 * 1024, "cuda": 1024 * 640}


def describe(path: Path) -> Descriptor:
    """The model in a file. ReelError `model.file`, 422, for what cannot be used, with what to do."""
    found = _read(path, path.stat().st_mtime_ns if path.is_file() else 0)
    kind = found.architecture.name
    return Descriptor(
        name=ModelName.OWN,
        label=path.name,
        note=f"{kind}, your own weights",
        licence="your own",
        weights=(str(path),),
        scale=found.scale,
        radius=_RADIUS,
        tile_pixels=_TILE_PIXELS,
        half=found.supports_half,
        file=str(path),
    )


def load(model: Descriptor, device: torch.device) -> "OwnFrames":
    """Its net on the device."""
    path = Path(model.file)
    found = _read(path, path.stat().st_mtime_ns if path.is_file() else 0)
    return OwnFrames(found, device, device.type == "cuda" and model.half)


class OwnFrames:
    """A FrameNet (see registry); spandrel pads pictures to what the net needs."""

    def __init__(self, net: Any, device: torch.device, half: bool) -> None:
        self._dtype = torch.float16 if half else torch.float32
        self._net = net.eval().to(device, self._dtype)

    def frame(self, picture: Tensor) -> Tensor:
        rgb = picture.permute(2, 0, 1)[None].to(self._dtype) / 255
        return self._net(rgb).float()


@functools.lru_cache(maxsize=2)
def _read(path: Path, _mtime_ns: int) -> Any:
    """spandrel's ImageModelDescriptor."""
    if not path.is_file():
        raise _refused(f"There is no file {path}.", "Give the path of a .safetensors file.")
    with path.open("rb") as file:
        head = file.read(9)
    if path.suffix != ".safetensors" or head[:2] == b"PK" or head[:1] == b"\x80" or head[8:] != b"{":
        raise _refused(
            f"{path.name} is no safetensors file. Pickles (.pth, .pt, .ckpt) can run code when they are "
            "read, so they are not opened.",
            "Convert it where you trust it: safetensors.torch.save_file(weights, 'model.safetensors').",
        )
    spandrel = _spandrel()
    try:
        found = spandrel.ModelLoader().load_from_state_dict(state.read(path))
    except WeightsError as error:
        raise _refused(f"{error}.", "Copy or download it again.") from error
    except Exception as error:  # spandrel's own, and whatever its architectures raise on odd shapes
        raise _refused(
            f"{path.name} is no model that spandrel {_version()} recognises ({type(error).__name__}).",
            "Its README lists the architectures: ESRGAN, SPAN, SwinIR, HAT, DAT, OmniSR and others.",
        ) from error
    channels = (found.input_channels, found.output_channels)
    usable = isinstance(found, spandrel.ImageModelDescriptor) and channels == (3, 3) and found.scale in SCALES
    if not usable:
        raise _refused(
            f"{path.name} is {found.architecture.name} with {channels[0]} channels in, {channels[1]} out, at "
            f"{found.scale}x: no upscaler of RGB pictures.",
            "Give a model that enlarges RGB pictures 2 to 8 times.",
        )
    return found


@functools.cache
def _spandrel() -> Any:
    """The package. Two of its architectures, of which none enlarges, want three functions of torchvision,
    which is not there."""
    name = "torchvision.transforms.functional"
    if importlib.util.find_spec("torchvision") is None and name not in sys.modules:
        functional = ModuleType(name)
        for each in ("InterpolationMode", "rotate", "normalize"):
            setattr(functional, each, None)
        sys.modules.update(
            {
                "torchvision": ModuleType("torchvision"),
                "torchvision.transforms": ModuleType("torchvision.transforms"),
                name: functional,
            }
        )
    try:
        import spandrel  # noqa: TID251  people's own models are not among ours
    except ImportError as error:
        raise _refused(
            f"Own models need spandrel, which does not load: {error}.",
            "Run `python3 build.py run` once, or: pip install --no-deps spandrel==0.4.2 einops==0.8.2",
        ) from error
    return spandrel


def _version() -> str:
    return str(_spandrel().__version__)


def _refused(detail: str, hint: str) -> ReelError:
    return ReelError.of("model.file", "This model cannot be used", detail, hint, 422)
