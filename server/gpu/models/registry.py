"""Loads models onto a device, once per process, in the form that is fastest there."""

import contextlib
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from pycore.protocol import ModelName, ReelError
from server.gpu.models import basicvsr, ncnn_weights, state
from server.gpu.models.descriptor import Descriptor
from server.gpu.models.rrdb import RRDBNet
from server.gpu.models.span import Span
from server.gpu.models.state import WeightsError

_log = logging.getLogger(__name__)


@runtime_checkable
class FrameNet(Protocol):
    """A model that sees one frame."""

    def frame(self, picture: Tensor) -> Tensor:
        """uint8 RGB (h, w, 3) on the device -> RGB in [0, 1], not clamped, float32 (1, 3, scale h, scale w),
        which holds until the next call."""
        ...


@runtime_checkable
class WindowNet(Protocol):
    """A model that sees a window of frames: uint8 RGB (t, h, w, 3) on the device."""

    def cuts(self, frames: Tensor) -> frozenset[int]:
        """The numbers of the frames that begin a new scene."""
        ...

    def run(
        self, frames: Tensor, cuts: frozenset[int], keep: range, told: Callable[[float], None] = ...
    ) -> Iterator[Tensor]:
        """For each frame of `keep`, in order, what `FrameNet.frame` gives for one. `told` gets the share of
        the computing that is done, after each step: the first frame comes when half of it is."""
        ...


class PlainFrames:
    """Any net of one frame, as PyTorch runs it."""

    def __init__(self, net: nn.Module, device: torch.device, half: bool) -> None:
        self._dtype = torch.float16 if half else torch.float32
        net = net.eval().requires_grad_(False).to(device, self._dtype)
        # the layout in which both oneDNN and cuDNN run convolutions fastest
        self._net = torch.nn.utils.convert_conv2d_weight_memory_format(net, torch.channels_last)

    def frame(self, picture: Tensor) -> Tensor:
        rgb = picture.permute(2, 0, 1)[None].to(self._dtype) / 255
        return self._net(rgb.contiguous(memory_format=torch.channels_last)).float()


_loaded: dict[tuple[str, str], FrameNet | WindowNet] = {}
_lock = threading.Lock()


def weights_folder() -> Path:
    """Where the asset manifest puts third-party weights: $REELBALLERS_WEIGHTS, else .cache/assets/weights."""
    configured = os.environ.get("REELBALLERS_WEIGHTS")
    return (
        Path(configured)
        if configured
        else Path(__file__).resolve().parents[3] / ".cache" / "assets" / "weights"
    )


def load(model: Descriptor, device: torch.device) -> FrameNet | WindowNet:
    """The net in inference mode on `device`, its weights checked. Cached; raises ReelError `model.weights`
    when they are missing or damaged."""
    key = (model.key, str(device))
    with _lock:
        if key not in _loaded:
            _loaded[key] = _build(model, device)
            if device.type == "cuda":
                torch.cuda.synchronize(device)  # other streams use it too
        return _loaded[key]


def release(model: Descriptor, device: torch.device) -> None:
    """Gives back the net's memory; it is loaded anew when it is asked for."""
    with _lock:
        _loaded.pop((model.key, str(device)), None)


def forget(device: torch.device) -> None:
    """Gives back every net on a device: it was lost."""
    with _lock:
        for key in [each for each in _loaded if each[1] == str(device)]:
            del _loaded[key]


def _build(model: Descriptor, device: torch.device) -> FrameNet | WindowNet:
    if model.name is ModelName.OWN:
        from server.gpu.models import own

        return own.load(model, device)
    with told(model.label):
        return _MAKERS[model.name](files(model.weights, model.asset), model, device)


@contextlib.contextmanager
def told(label: str) -> Iterator[None]:
    """Says as ReelError `model.weights` what is wrong with a model's weights."""
    try:
        yield
    except OSError as error:
        raise ReelError.of(
            "model.weights",
            "Model weights missing",
            f"The model “{label}” needs {error.filename}, which cannot be read.",
            "Run `python3 build.py build` to fetch it, or point REELBALLERS_WEIGHTS at its folder.",
            500,
        ) from error
    except WeightsError as error:
        raise ReelError.of(
            "model.weights",
            "Model weights damaged",
            f"{label}: {error}.",
            f"Delete {weights_folder()} and run `python3 build.py build` to fetch them anew.",
            500,
        ) from error


def files(weights: Sequence[str], asset: str = "") -> list[Path]:
    """Where these are. Those of `asset` are fetched if they are not there; ReelError `model.weights`."""
    paths = [weights_path(each) for each in weights]
    if asset and not all(path.is_file() for path in paths):
        _fetch(asset)
    return paths


def _fetch(asset: str) -> None:
    """Fetches weights that build.py has left for later, where they belong. ReelError `model.weights`."""
    root = Path(__file__).resolve().parents[3]
    if os.environ.get("REELBALLERS_WEIGHTS") or not (root / "deploy" / "assets.toml").is_file():
        return  # others look after that folder: what is missing is told when it is read
    _log.info("fetching the weights of %s", asset)
    call = [sys.executable, "-m", "deploy.tooling.fetch", asset]
    done = subprocess.run(call, cwd=root, capture_output=True, text=True)
    if done.returncode:
        raise ReelError.of(
            "model.weights",
            "Model weights could not be fetched",
            f"Those of {asset} are fetched when they are first used: {done.stderr.strip()[-500:]}",
            "Check the network connection and try again.",
            503,
        )


def weights_path(name: str) -> Path:
    """Weights of our own lie beside this file, all others in the weights folder."""
    own = Path(__file__).parent / "weights" / name
    return own if own.is_file() else weights_folder() / name


def _span(paths: list[Path], model: Descriptor, device: torch.device) -> FrameNet:
    net = Span(scale=model.scale)
    net.load(ncnn_weights.read(*paths))
    return PlainFrames(net, device, device.type == "cuda" and model.half)


def _rrdb(paths: list[Path], model: Descriptor, device: torch.device) -> FrameNet:
    net = RRDBNet()
    net.load(ncnn_weights.read(*paths))
    if _fast(device):
        from server.gpu.models.rrdb_cuda import FastRRDBNet

        return FastRRDBNet(net, device)
    return PlainFrames(net, device, device.type == "cuda" and model.half)


def _basicvsr(paths: list[Path], model: Descriptor, device: torch.device) -> WindowNet:
    net = basicvsr.build(state.read(paths[0])).eval().requires_grad_(False)
    if _fast(device):
        from server.gpu.models.basicvsr_cuda import FastBasicVSR

        return FastBasicVSR(net, device)
    half = device.type == "cuda" and model.half
    net = net.to(device, torch.float16 if half else torch.float32)
    return basicvsr.Windows(torch.nn.utils.convert_conv2d_weight_memory_format(net, torch.channels_last))


_MAKERS: dict[ModelName, Callable[[list[Path], Descriptor, torch.device], FrameNet | WindowNet]] = {
    ModelName.QUICK: _span,
    ModelName.BEST: _basicvsr,
    ModelName.PERCEPTUAL: _rrdb,
}


def _fast(device: torch.device) -> bool:
    """Whether our own kernels run there: matrix units of Ampere or newer, and Triton, which comes with
    PyTorch for CUDA on Linux and wants a C compiler."""
    if device.type != "cuda" or torch.cuda.get_device_capability(device) < (8, 0):
        return False
    try:
        from server.gpu.kernels import check

        check.run(device)
    except Exception as error:  # noqa: BLE001  whatever keeps them from running, PyTorch's own do
        _log.warning("The fast kernels do not run here, PyTorch's do: %s", error)
        return False
    return True
