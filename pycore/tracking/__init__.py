"""Who is who from frame to frame. Pure: numpy only."""

from pycore.tracking.assignment import assign
from pycore.tracking.boxes import overlap
from pycore.tracking.clip import ClipSettings, ClipTracker, track_clip
from pycore.tracking.tracker import Settings, Tracker
from pycore.tracking.types import (
    NOTHING,
    STILL,
    Bools,
    CameraMotion,
    Detections,
    Floats,
    Ints,
    Sight,
    Track,
    Tracked,
)

__all__ = [
    "NOTHING",
    "STILL",
    "Bools",
    "CameraMotion",
    "ClipSettings",
    "ClipTracker",
    "Detections",
    "Floats",
    "Ints",
    "Settings",
    "Sight",
    "Track",
    "Tracked",
    "Tracker",
    "assign",
    "overlap",
    "track_clip",
]
