"""Answers a request for the crop's way over a clip."""

import numpy as np

from pycore.framing.following import Scene, crop_path
from pycore.framing.paths import box_points, crop_points
from pycore.framing.subject import Ball, Subject
from pycore.protocol import PathPlanned, PlanPath, TrackColumns
from pycore.tracking.types import Floats, Ints


def plan_path(request: PlanPath) -> PathPlanned:
    """The optimal path, and the player's boxes."""
    times = np.array(request.times_us, np.int64)
    scene = Scene(request.scene.picture, request.scene.ratio, request.scene.rest, tuple(request.cuts_us))
    subject = ball = None
    shown = np.full((len(times), 4), np.nan)
    if request.player is not None:
        subject = Subject(*_columns(request.player, times))
        shown = subject.at(times)
    if request.ball is not None:
        ball_times, boxes = _columns(request.ball, times)
        ball = Ball(ball_times, boxes[:, :2] + boxes[:, 2:] / 2)
    moments, crops = crop_path(times, scene, request.framing, subject, ball, request.keyframes)
    return PathPlanned(
        request.key,
        crop_points(moments, crops, request.cuts_us),
        box_points(times, shown, request.cuts_us),
    )


def _columns(track: TrackColumns, times: Ints) -> tuple[Ints, Floats]:
    return times[np.array(track.frames, np.int64)], np.array(track.boxes, np.float64).reshape(-1, 4)
