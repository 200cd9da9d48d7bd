"""`reelballers evaluate players`: who is followed through a clip, as pictures to be checked by eye."""

import json
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from rich.console import Console
from rich.progress import track as shown
from rich.table import Table

from pycore.protocol import ReelError, TrackColumns, Tracking, encode
from pycore.tracking import Sight
from server.gpu.local import local_processor
from server.gpu.local_tracker import LocalTracker
from server.gpu.models.detector import NetName
from server.gpu.tracking import Seen
from server.video import decode
from server.video.probe import inspect

MOMENTS = 12
"""Pictures of each player, evenly over the time that the player is known."""
CELL = (120, 150)
AROUND = 2.2
"""A cell's height in heights of the player."""
COLORS = {Sight.SEEN: "#40e060", Sight.WEAK: "#ffd21f", Sight.GUESSED: "#ff5040"}


@click.command()
@click.argument("clip", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder for the pictures."
)
@click.option("--net", type=click.Choice([each.value for each in NetName]), help="[default: by the device]")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda, mps or auto.")
def players(clip: Path, out: Path, net: str | None, device: str) -> None:
    """Follows the players of CLIP as the server does, and writes into --out tracks.json (for `reelballers
    export --track`) and, of each player, a picture of twelve moments: the box green where the player was
    seen, yellow where hardly, red where guessed."""
    tracker = LocalTracker(local_processor(device).info(), NetName(net) if net else None)
    tracking = follow(tracker, clip.resolve())
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / "tracks.json").write_text(json.dumps(encode(tracking)), encoding="utf-8")
        for player, sheet in sheets(clip.resolve(), tracking):
            sheet.save(out / f"player-{player.id}.png")
    except OSError as error:
        raise ReelError.of(
            "evaluate.write",
            "The pictures could not be written",
            f"{error.filename or out}: {error.strerror or error}.",
            "Make room or choose another folder.",
            507,
        ) from error
    frames = len(tracking.times_us)
    table = Table(title=f"{len(tracking.tracks)} players in {frames} frames, {len(tracking.cuts)} cuts")
    for heading in ("player", "from s", "to s", "seen", "team", "kit"):
        table.add_column(heading, justify="right")
    for player in tracking.tracks:
        first, last = (tracking.times_us[player.frames[end]] / 1e6 for end in (0, -1))
        seen = sum(sight == Sight.SEEN for sight in player.sights) / frames
        team = "" if player.team < 0 else str(player.team)
        table.add_row(player.id, f"{first:.2f}", f"{last:.2f}", f"{seen:.0%}", team, player.color)
    Console().print(table)


def follow(tracker: LocalTracker, clip: Path) -> Tracking:
    """The whole clip's players."""
    plan = tracker.plan(clip, 0, None)
    looked: list[Seen] = []
    for segment in shown(plan.segments, "Looking", console=Console(stderr=True), transient=True):
        looked.append(tracker.look(clip, plan, segment.index, lambda share: None, threading.Event()))
    return tracker.link(clip, plan, looked)


def sheets(clip: Path, tracking: Tracking) -> Iterator[tuple[TrackColumns, Image.Image]]:
    """Each player's moments beside each other."""
    probed = inspect(clip)
    rows = {
        player.id: np.unique(np.linspace(0, len(player.frames) - 1, MOMENTS).round().astype(int)).tolist()
        for player in tracking.tracks
    }
    wanted: dict[int, list[tuple[TrackColumns, int]]] = {}
    for player in tracking.tracks:
        for row in rows[player.id]:
            wanted.setdefault(player.frames[row], []).append((player, row))
    cells: dict[str, list[Image.Image]] = {player.id: [] for player in tracking.tracks}
    whole = (0, 0, tracking.size.width, tracking.size.height)
    frames = decode.frames(clip, probed, 0, max(wanted, default=-1) + 1, whole) if wanted else iter(())
    for number, picture in enumerate(frames):
        for player, row in wanted.get(number, ()):
            cells[player.id].append(_cell(picture, player, row, tracking.times_us[number]))
    for player in tracking.tracks:
        yield player, _beside(cells[player.id])


def _cell(picture: NDArray[np.uint8], player: TrackColumns, row: int, time_us: int) -> Image.Image:
    x, y, width, height = player.boxes[4 * row : 4 * row + 4]
    tall = AROUND * height
    wide = tall * CELL[0] / CELL[1]
    left, top = x + width / 2 - wide / 2, y + height / 2 - tall / 2
    place = (left, top, left + wide, top + tall)
    cell = Image.fromarray(picture).transform(CELL, Image.Transform.EXTENT, place, Image.Resampling.BILINEAR)
    drawing, scale = ImageDraw.Draw(cell), CELL[1] / tall
    corners = [(x - left) * scale, (y - top) * scale, (x + width - left) * scale, (y + height - top) * scale]
    drawing.rectangle(corners, outline=COLORS[Sight(player.sights[row])])
    drawing.text((3, 2), f"{time_us / 1e6:.2f}", fill="white", stroke_width=1, stroke_fill="black")
    return cell


def _beside(cells: Sequence[Image.Image]) -> Image.Image:
    sheet = Image.new("RGB", (CELL[0] * len(cells), CELL[1]))
    for number, cell in enumerate(cells):
        sheet.paste(cell, (CELL[0] * number, 0))
    return sheet
