"""Loads models by name onto a device, once per process."""

import os
import threading
from pathlib import Path

import torch

from pycore.protocol import ModelName, ReelError
from server.gpu.models import ncnn_weights
from server.gpu.models.descriptor import Descriptor, descriptor
from server.gpu.models.span import Span
from server.gpu.models.state import WeightsError

Upscaler = Span
"""`forward`: RGB in [0, 1], (n, 3, h, w) -> (n, 3, scale*h, scale*w)."""

_loaded: dict[tuple[ModelName, str, torch.dtype], Upscaler] = {}
_lock = threading.Lock()


def weights_folder() -> Path:
    """Where the asset manifest puts third-party weights: $REELBALLERS_WEIGHTS, else .cache/assets/weights."""
    configured = os.environ.get("REELBALLERS_WEIGHTS")
    return (
        Path(configured)
        if configured
        else Path(__file__).resolve().parents[3] / ".cache" / "assets" / "weights"
    )


def load(name: ModelName, device: torch.device, dtype: torch.dtype) -> Upscaler:
    """The net in inference mode on `device`, its weights checked. Cached; raises ReelError `model.weights`
    when they are missing or damaged."""
    key = (ModelName(name), str(device), dtype)
    with _lock:
        if key not in _loaded:
            _loaded[key] = _build(descriptor(name), device, dtype)
        return _loaded[key]


def _build(model: Descriptor, device: torch.device, dtype: torch.dtype) -> Upscaler:
    param, binary = (weights_folder() / each for each in model.weights)
    net = Span(scale=model.scale)
    try:
        net.load(ncnn_weights.read(param, binary))
    except OSError as error:
        raise ReelError.of(
            "model.weights",
            "Model weights missing",
            f"The model “{model.name.value}” needs {error.filename}, which cannot be read.",
            "Run `python3 build.py build` to fetch it, or point REELBALLERS_WEIGHTS at its folder.",
            500,
        ) from error
    except WeightsError as error:
        raise ReelError.of(
            "model.weights",
            "Model weights damaged",
            f"{error}.",
            f"Delete {binary.parent} and run `python3 build.py build` to fetch them anew.",
            500,
        ) from error
    net.eval().requires_grad_(False)
    net.to(device, dtype)
    # the layout in which both oneDNN and cuDNN run convolutions fastest
    return torch.nn.utils.convert_conv2d_weight_memory_format(net, torch.channels_last)
