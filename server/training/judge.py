"""Judges BasicVSR weights on real, moving, compressed footage:

    python -m server.training.judge --weights OLD.pth --weights NEW.safetensors --place CLIP FIRST X Y ...

Each place is a square of a clip with 1080 lines or so: the whole picture is reduced to a quarter, encoded
as H.264 (x264 medium, 4:2:0) at each CRF, decoded, and the square is made from that again. Y-PSNR (BT.709)
against the clip's own frames, mean over the frames. Runs on the CPU, about 3 s for a frame and net.
"""

import argparse
import io
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import av
import numpy as np
import torch
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image

from server.gpu.models import basicvsr, state
from server.gpu.models.basicvsr import BasicVSR

FRAMES, MARGIN, SIDE, BORDER = 9, 3, 320, 8
LINES = 1080
_LUMA = np.array([0.2126, 0.7152, 0.0722])


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", type=Path, action="append", required=True)
    parser.add_argument(
        "--place", nargs=4, action="append", metavar=("CLIP", "FIRST", "X", "Y"), required=True
    )
    parser.add_argument("--crf", type=int, nargs="*", default=[23, 28])
    asked = parser.parse_args(arguments)
    nets = {
        each.name: basicvsr.build(state.read(each)).eval().requires_grad_(False) for each in asked.weights
    }
    for crf in asked.crf:
        rows = [
            _judged(nets, Path(clip), int(first), int(x), int(y), crf) for clip, first, x, y in asked.place
        ]
        for (clip, _, x, y), row in zip(asked.place, rows, strict=True):
            print(f"CRF {crf}, {Path(clip).name} at {x},{y}: {_told(row)}", flush=True)
        print(f"CRF {crf}, mean: {_told({name: _mean([row[name] for row in rows]) for name in rows[0]})}")


def _told(row: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.3f} dB" for name, value in row.items())


def _judged(nets: dict[str, BasicVSR], clip: Path, first: int, x: int, y: int, crf: int) -> dict[str, float]:
    whole = _frames(clip, first, FRAMES + 2 * MARGIN)
    height, width, _ = whole[0].shape
    seen = encoded([_resized(each, width // 4, height // 4) for each in whole], crf)[MARGIN:-MARGIN]
    x, y = x // 4 * 4, y // 4 * 4
    truth = [each[y : y + SIDE, x : x + SIDE] for each in whole[MARGIN:-MARGIN]]
    small = [each[y // 4 : (y + SIDE) // 4, x // 4 : (x + SIDE) // 4] for each in seen]
    made = {"bicubic": [_resized(each, SIDE, SIDE) for each in small]}
    source = torch.from_numpy(np.stack(small)).permute(0, 3, 1, 2)[None].float() / 255
    for name, net in nets.items():
        with torch.inference_mode():
            result = net(source)[0].clamp(0, 1).mul(255).round().permute(0, 2, 3, 1)
        made[name] = list(result.numpy())
    return {
        name: _mean([_psnr_y(a, b) for a, b in zip(each, truth, strict=True)]) for name, each in made.items()
    }


def _frames(clip: Path, first: int, count: int) -> list[np.ndarray]:
    """RGB, reduced to LINES lines, both sides multiples of eight."""
    found: list[np.ndarray] = []
    with av.open(str(clip)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number >= first:
                picture = frame.to_image()
                if picture.height > LINES:
                    width = round(picture.width * LINES / picture.height)
                    picture = picture.resize((width, LINES), Image.Resampling.LANCZOS)
                found.append(np.asarray(picture)[: picture.height // 8 * 8, : picture.width // 8 * 8])
            if len(found) == count:
                return found
    raise ValueError(f"{clip.name} has too few frames after {first}")


def encoded(frames: list[np.ndarray], crf: int) -> list[np.ndarray]:
    """The frames as a player gets them from H.264 at that CRF."""
    memory, (height, width, _) = io.BytesIO(), frames[0].shape
    options = {"crf": str(crf), "preset": "medium", "threads": "1"}
    with av.open(memory, "w", format="mp4") as output:
        stream = cast(VideoStream, output.add_stream("libx264", rate=25, options=options))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for frame in frames:
            output.mux(stream.encode(VideoFrame.from_ndarray(frame, format="rgb24")))
        output.mux(stream.encode(None))
    memory.seek(0)
    with av.open(memory, "r") as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def _resized(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BICUBIC))


def _psnr_y(made: np.ndarray, truth: np.ndarray) -> float:
    difference = (made.astype(np.float64) - truth) @ _LUMA
    return float(10 * np.log10(255**2 / np.mean(difference[BORDER:-BORDER, BORDER:-BORDER] ** 2)))


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))


if __name__ == "__main__":
    main()
