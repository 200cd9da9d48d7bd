"""What `reelballers export` takes about a moving crop: a player's track or a path, from files."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

from pycore.document import default_output
from pycore.framing.crop import ratio
from pycore.protocol import (
    Aspect,
    DecodeError,
    ExportClip,
    FollowTrack,
    Framing,
    PathPoint,
    Rect,
    ReelError,
    Size,
    Tracking,
    decode,
)
from server.gpu import following
from server.video.probe import Source

HINT = "Give tracks as the server's tracking job or the page makes them: FILE/ID, as in tracks.json/7."


def size_of(aspect: str | None, size: str | None) -> Size | None:
    """The usual size of an aspect; None where `size` says it, or nothing does."""
    return None if size is not None or aspect is None else default_output(Aspect(aspect), Rect(0, 0, 1, 1))


def followed(clip: ExportClip, source: Source, size: Size, track: str, framing: Framing) -> ExportClip:
    """The clip with the crop's path and the player's boxes, from a track given as FILE/ID."""
    file, _, name = track.rpartition("/")
    tracking = _tracking(Path(file), source)
    return following.followed(
        clip, FollowTrack("", name, Aspect.FREE, framing), tracking, size.width / size.height
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
