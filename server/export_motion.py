"""What `reelballers export` takes about a moving crop: a player's track or a path, from files."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

from pycore.document import default_output
from pycore.framing.crop import ratio
from pycore.framing.following import Scene, crop_path
from pycore.framing.paths import box_points, crop_points
from pycore.framing.subject import Subject
from pycore.protocol import (
    Aspect,
    DecodeError,
    ExportClip,
    Framing,
    PathPoint,
    Rect,
    ReelError,
    Size,
    TrackColumns,
    Tracking,
    decode,
)
from pycore.tracking import Floats, Ints
from server.video.probe import Source

HINT = "Give tracks as the server's tracking job or the page makes them: FILE/ID, as in tracks.json/7."


def size_of(aspect: str | None, size: str | None) -> Size | None:
    """The usual size of an aspect; None where `size` says it, or nothing does."""
    return None if size is not None or aspect is None else default_output(Aspect(aspect), Rect(0, 0, 1, 1))


def followed(clip: ExportClip, source: Source, size: Size, track: str, framing: Framing) -> ExportClip:
    """The clip with the crop's path and the player's boxes, from a track given as FILE/ID."""
    file, _, name = track.rpartition("/")
    tracking = _tracking(Path(file), source)
    player = next((each for each in tracking.tracks if each.id == name), None)
    if player is None:
        some = ", ".join(each.id for each in tracking.tracks[:20])
        raise _bad(f"{file} has no track {name!r}, only {some or 'none'}.", HINT)
    times = np.array(tracking.times_us, np.int64)
    subject = Subject(*_columns(player, times))
    first, count = source.table.trim(clip.in_us, clip.out_us)
    frames = source.table.times_us()[first : first + count]
    if not len(frames):
        return clip  # planning says so
    cuts = [tracking.times_us[each] for each in tracking.cuts]
    scene = Scene(source.size, size.width / size.height, clip.crop, tuple(cuts))
    moments, crops = crop_path(frames, scene, framing, subject)
    return dataclasses.replace(
        clip,
        path=crop_points(moments, crops, cuts),
        subject=box_points(frames, subject.at(frames), cuts),
    )


def along(clip: ExportClip, path: Path) -> ExportClip:
    """The clip with a path given as a file of PathPoints."""
    return dataclasses.replace(clip, path=_decoded(list[PathPoint], path, "path"))


def aspects() -> list[str]:
    return [each.value for each in Aspect if ratio(each) is not None]


def _tracking(file: Path, source: Source) -> Tracking:
    found: Tracking = _decoded(Tracking, file, "tracks")
    if found.size != source.size:
        raise _bad(
            f"{file} is about a picture of {found.size.width}×{found.size.height}, the video has "
            f"{source.size.width}×{source.size.height}.",
            "Give the tracks of this very video.",
        )
    for track in found.tracks:
        frames = np.array(track.frames, np.int64)
        rises = (np.diff(frames) > 0).all() and (not len(frames) or frames[0] >= 0)
        if len(track.boxes) != 4 * len(frames) or not rises or frames[-1:].sum() >= len(found.times_us):
            raise _bad(f"The columns of track {track.id!r} in {file} do not fit together.", HINT)
    return found


def _columns(track: TrackColumns, times: Ints) -> tuple[Ints, Floats]:
    return times[np.array(track.frames, np.int64)], np.array(track.boxes, np.float64).reshape(-1, 4)


def _decoded(kind: Any, file: Path, what: str) -> Any:
    try:
        return decode(kind, json.loads(file.read_text(encoding="utf-8")), what)
    except OSError as error:
        raise _bad(f"{file} cannot be read: {error.strerror or error}.", HINT) from error
    except (ValueError, RecursionError) as error:
        place = str(error) if isinstance(error, DecodeError) else f"it is no JSON: {error}"
        raise _bad(f"{file}: {place}.", HINT) from error


def _bad(detail: str, hint: str) -> ReelError:
    return ReelError.of("export.motion", "Cannot follow that", detail, hint, 422)
