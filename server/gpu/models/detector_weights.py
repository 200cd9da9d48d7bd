"""The detectors' weights: float16 with batch normalisation folded into the convolutions, the same numbers in
safetensors for PyTorch and in ONNX for browsers."""

from copy import deepcopy
from itertools import pairwise
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from pycore.protocol import ReelError
from server.gpu.models import state
from server.gpu.models.detector import Detector, NetName, build

FOLDER = Path(__file__).with_name("weights")


def default_net(device: torch.device) -> NetName:
    """The best detector that a device runs in reasonable time."""
    return NetName.BROWSER if device.type == "cpu" else NetName.SERVER


def path_of(name: NetName) -> Path:
    return FOLDER / f"detector_{name.value}.safetensors"


def folded(net: Detector) -> Detector:
    """A copy for inference, normalisation folded into the convolutions before it."""
    copy = deepcopy(net).eval().requires_grad_(False)
    for row in [each for each in copy.modules() if isinstance(each, nn.Sequential)]:
        for place, (conv, norm) in enumerate(pairwise(row)):
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                row[place], row[place + 1] = fuse_conv_bn_eval(conv, norm), nn.Identity()
    return copy.requires_grad_(False)


def save(net: Detector, path: Path) -> None:
    """Writes a trained net's weights, folded."""
    tensors = {key: value.half().contiguous() for key, value in folded(net).state_dict().items()}
    temporary = path.with_suffix(".part")
    save_file(tensors, temporary)
    temporary.replace(path)


def load(name: NetName, device: torch.device, path: Path | None = None) -> nn.Module:
    """The detector in inference mode on `device`, halves on CUDA, else single precision. ReelError
    `model.weights` where the file is missing or damaged."""
    path = path or path_of(name)
    net = folded(build(name))
    try:
        state.fill(net, state.read(path))
    except (OSError, state.WeightsError) as error:
        raise ReelError.of(
            "model.weights",
            "Model weights missing or damaged",
            f"The detector “{name.value}” cannot be read from {path}: {error}.",
            "Restore the file from the source tree, or install ReelBallers again.",
            500,
        ) from error
    net.to(device, torch.float16 if device.type == "cuda" else torch.float32)
    return torch.nn.utils.convert_conv2d_weight_memory_format(net, torch.channels_last)
