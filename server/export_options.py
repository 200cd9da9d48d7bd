"""What `reelballers export` was asked, from its options' texts."""

from pathlib import Path

from pycore.protocol import ExportClip, ExportRequest, ModelName, Rect, ReelError, Size
from server.gpu.models.descriptor import Descriptor, descriptor
from server.video.probe import inspect

SOURCE, MUSIC = "source", "music"
"""The media ids of the files on the command line."""


def request(
    source: Path, size: Size, crop: str | None, model: str, start: str | None, end: str | None
) -> ExportRequest:
    name = ModelName.OWN if _is_file(model) else descriptor(model).name
    probed = inspect(source)
    if crop is None:
        scale = min(probed.size.width / size.width, probed.size.height / size.height)
        width, height = size.width * scale, size.height * scale
        rect = Rect((probed.size.width - width) / 2, (probed.size.height - height) / 2, width, height)
    else:
        rect = _crop(crop)
    in_us = 0 if start is None else _time(start, "--start")
    out_us = probed.table.duration_us if end is None else _time(end, "--end")
    return ExportRequest([ExportClip(SOURCE, in_us, out_us, rect)], size, name)


def _is_file(model: str) -> bool:
    return "." in model or "/" in model


def own_model(model: str) -> Descriptor | None:
    """The user's own model; None for one of ours."""
    if not _is_file(model):
        return None
    from server.gpu.models import own

    return own.describe(Path(model).resolve())


def check_target(source: Path, target: Path, force: bool) -> None:
    if target.suffix.lower() != ".mp4":
        raise usage(f"The result is an MP4, but {target.name} does not end in .mp4.", "Name it so.")
    if not target.parent.is_dir():
        raise usage(f"There is no folder {target.parent}.", "Make it first, or choose another place.")
    if source == target:
        raise usage("The result would overwrite its own source.", "Choose another name.")
    if target.exists() and not force:
        raise usage(f"{target} exists already.", "Choose another name, or replace it with --force.")


def size_of(text: str | None) -> Size:
    if text is None:
        raise usage("How large the result shall be is not said.", "Give --size 1080x1920 or --aspect 9:16.")
    numbers = _numbers(text.lower().replace("×", "x").split("x"), 2)
    if numbers is None or any(number != int(number) for number in numbers):
        raise usage(f"--size {text!r} is no size.", "Write width x height, as in --size 1080x1920.")
    return Size(int(numbers[0]), int(numbers[1]))


def _crop(text: str) -> Rect:
    numbers = _numbers(text.split(","), 4)
    if numbers is None:
        raise usage(
            f"--crop {text!r} is no crop.", "Write left,top,width,height, as in --crop 656,0,608,1080."
        )
    return Rect(*numbers)


def _time(text: str, option: str) -> int:
    """ "83.5", "1:23.5" or "0:01:23.5" in microseconds."""
    parts = text.split(":")
    numbers = _numbers(parts, len(parts)) if len(parts) <= 3 else None
    if numbers is None or any(number < 0 for number in numbers):
        raise usage(f"{option} {text!r} is no time.", "Write seconds (83.5) or minutes and seconds (1:23.5).")
    seconds = 0.0
    for number in numbers:
        seconds = seconds * 60 + number
    return round(seconds * 1_000_000)


def _numbers(parts: list[str], count: int) -> list[float] | None:
    if len(parts) != count:
        return None
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        return None
    return numbers if all(abs(number) < 1e9 for number in numbers) else None


def usage(detail: str, hint: str) -> ReelError:
    return ReelError.of("usage", "Cannot export", detail, hint, 422)
