"""What a worker must be able to do before it takes a job. A check that raises ends the worker."""

import logging
import tempfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from av import VideoCodecContext
from av.error import FFmpegError

from deploy.tooling import manifest
from deploy.tooling.paths import MANIFEST
from deploy.tooling.stamps import file_sha256
from pycore.protocol import ProcessorKind, Size
from server.gpu.base import GpuProcessor
from server.gpu.models import detector_weights, registry, state
from server.gpu.models.descriptor import available
from server.gpu.models.detector import NetName
from server.video.encode import SegmentWriter

_log = logging.getLogger("reelballers.runpod")


def checks(processor: GpuProcessor) -> list[Callable[[], None]]:
    """The checks for a worker on this processor, in order."""

    def device() -> None:
        check_device(processor)

    return [device, check_weights, check_encoder]


def check_device(processor: GpuProcessor) -> None:
    """The GPU computes, and rightly: a product of matrices that has one known answer."""
    kind = processor.info().kind
    device = {ProcessorKind.CUDA: "cuda", ProcessorKind.MPS: "mps"}.get(kind, "cpu")
    side = 256
    product = torch.ones(side, side, device=device) @ torch.ones(side, side, device=device)
    if not bool((product == side).all()):
        raise RuntimeError(f"{processor.info().name} computes wrongly")
    _log.info("device: %s", processor.info().name)


def check_weights(path: Path = MANIFEST) -> None:
    """Every weights file that the manifest pins for the offered models is there, with the pinned sha256, and
    those of our own, which come with the code, are whole. RuntimeError or OSError names the file."""
    wanted = {file for model in available() for file in model.weights}
    pinned = {
        name: digest
        for asset in manifest.read(path)
        if asset.to == "weights"
        for name, digest in asset.files.items()
    }
    folder = registry.weights_folder()
    for name in sorted(wanted & set(pinned)):
        if file_sha256(folder / name) != pinned[name]:
            raise RuntimeError(f"{folder / name} is not the file that was pinned")
    own = [registry.weights_path(name) for name in sorted(wanted - set(pinned))]
    own += [detector_weights.path_of(net) for net in NetName]
    for file in own:
        state.read(file)
    _log.info("weights: %d files as pinned, %d of our own", len(wanted & set(pinned)), len(own))


def check_encoder() -> None:
    """The encoder of segments opens and writes. NVENC is told, not asked for: exports are made by x264, whose
    bytes are the same everywhere, and H100 and A100 have no NVENC at all."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "frame.mp4"
        with SegmentWriter(target, Size(64, 64), 30, 30.0) as writer:
            writer.write(np.zeros((96, 64), np.uint8), 0, 1)
        if not target.stat().st_size:
            raise RuntimeError("the encoder wrote nothing")
    _log.info("encoder: x264; NVENC %s", "opens here" if nvenc() else "is not there")


def nvenc() -> bool:
    """Whether NVENC opens: an encoder that FFmpeg lists may still not be there."""
    try:
        context = VideoCodecContext.create("h264_nvenc", "w")
        context.width, context.height, context.pix_fmt = 256, 256, "yuv420p"
        context.framerate = Fraction(30)
        context.open()
    except (FFmpegError, ValueError):
        return False
    return True
