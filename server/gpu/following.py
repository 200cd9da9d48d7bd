"""From a player's track to the crop's path of an exported clip, planned as the page plans it. Loads no
torch."""

from dataclasses import replace

from pycore.framing.crop import fit, ratio
from pycore.framing.wanted import part, wanted_path
from pycore.players import corrected
from pycore.protocol import Aspect, ExportClip, FollowTrack, Rect, ReelError, Scene, Size, Tracking

CONTEXT_US = 10_000_000
"""So much before and after the clip is planned with it: what is further off moves nothing in it, and the path
is the page's, which is planned over the whole medium."""


def followed(clip: ExportClip, follow: FollowTrack, tracking: Tracking, shape: float) -> ExportClip:
    """The clip with its path and its player's boxes. `shape`: the result's width / height. Raises ReelError
    `export.follow`."""
    from pycore.framing.planning import plan_path  # loads numpy

    if clip.path or clip.subject:
        raise refused("It has a path or a subject of its own as well.", "Give the one or the other.")
    _check(follow, tracking)
    tracks = corrected(tracking, follow.track_edits)
    chosen = [each for each in tracks if each.id == follow.track_id]
    if not chosen:
        known = ", ".join(each.id for each in tracks[:20])
        raise refused(
            f"There is no track {follow.track_id!r}, only {known or 'none'}.",
            "Name one of the tracking job's result.",
        )
    some = part(replace(tracking, tracks=chosen), clip.in_us - CONTEXT_US, clip.out_us + CONTEXT_US)
    if not some.times_us:
        raise refused(
            "The tracking job did not look at this part of the video.", "Look for players in all of it."
        )
    wanted = ratio(follow.aspect) or shape
    scene = Scene(tracking.size, wanted, _rest(clip.crop, tracking.size, wanted))
    planned = plan_path(wanted_path("", some, some.tracks[0], scene, follow.framing, follow.keyframes))
    return replace(clip, path=planned.crop, subject=planned.subject)


def _rest(crop: Rect, picture: Size, wanted: float) -> Rect:
    """Where a crop of that width / height lies while nothing moves it: around the middle of `crop`, or the
    largest in the middle of the picture where that has no area."""
    height = crop.height
    if crop.width <= 0 or height <= 0:
        crop = Rect(0.0, 0.0, float(picture.width), float(picture.height))
        height = min(float(picture.height), picture.width / wanted)
    width = height * wanted
    shaped = Rect(crop.x + (crop.width - width) / 2, crop.y + (crop.height - height) / 2, width, height)
    return fit(shaped, picture, Aspect.FREE)


def _check(follow: FollowTrack, tracking: Tracking) -> None:
    """What the page cannot ask for."""
    framing = follow.framing
    for name, value, least, most in (
        ("player_share", framing.player_share, 0.05, 0.9),
        ("smoothness", framing.smoothness, 0.0, 1.0),
        ("margin", framing.margin, 0.0, 1.0),
        ("ball", framing.ball, 0.0, 1.0),
    ):
        if not least <= value <= most:
            raise refused(f"framing.{name} is {value:g}.", f"Give {least:g} to {most:g}.")
    picture = tracking.size
    for each in follow.keyframes:
        crop = each.crop
        inside = 0 <= crop.x <= picture.width - crop.width and 0 <= crop.y <= picture.height - crop.height
        if not (inside and crop.width >= 1 and crop.height >= 1):
            raise refused(
                f"The keyframe at {each.time_us} microseconds does not lie in the picture.",
                "Every keyframe must lie in the picture and have a pixel at least.",
            )


def refused(detail: str, hint: str) -> ReelError:
    return ReelError.of("export.follow", "The player cannot be followed", detail, hint, 422)
