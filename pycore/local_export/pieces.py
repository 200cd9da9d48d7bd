"""A reel in pieces of a few seconds: what is kept of it when its making breaks off, and what is left then."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from pycore.backends.host import MediaFile, Store
from pycore.backends.reels import Format, Parts
from pycore.local_export.plan import ReelPlan
from pycore.protocol import Tier, encode

PIECE_US = 4_000_000
"""Of the medium: what is lost at most. A decoder begins each anew, at the key frame before."""

_NAME = "local-export-pieces"
_MOST = 5
_SAMPLE_BYTES = 2**16


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the medium in cut number `cut`; `number` counts through the reel."""

    number: int
    cut: int
    from_us: int
    until_us: int


@dataclass(frozen=True, slots=True)
class Made:
    """What became of a piece: its first picture at `first_us` of the medium is shown at `begin_us` of the
    reel, its last ends at `end_us`."""

    first_us: int
    begin_us: int
    end_us: int
    frames: int


def pieces_of(plan: ReelPlan) -> list[Piece]:
    pieces: list[Piece] = []
    for number, cut in enumerate(plan.cuts):
        for begin in range(cut.in_us, cut.out_us, PIECE_US):
            pieces.append(Piece(len(pieces), number, begin, min(begin + PIECE_US, cut.out_us)))
    return pieces


async def name_of(plan: ReelPlan, file: MediaFile, format: Format, tier: Tier, look: Sequence[object]) -> str:
    """What names the reel: the same content made in the same way has the same name."""
    ends = [
        await file.read(at, min(_SAMPLE_BYTES, file.size - at))
        for at in (0, max(file.size - _SAMPLE_BYTES, 0))
    ]
    told = [encode(plan), file.size, encode(format), tier, *look]
    digest = hashlib.sha256(json.dumps(told, sort_keys=True, allow_nan=False).encode())
    for each in ends:
        digest.update(each)
    return digest.hexdigest()[:32]


class Checkpoint:
    """Which pieces of a reel are made. They outlive the page, until `drop`."""

    def __init__(self, store: Store, parts: Parts, name: str) -> None:
        self._store, self._name = store, name
        self.parts = parts
        self._made: dict[int, Made] = {}

    async def read(self) -> None:
        """To be called once, before all else."""
        kept = (await self._kept()).get(self._name)
        for number, fields in kept.items() if isinstance(kept, dict) else ():
            try:
                made = Made(*(int(fields[each]) for each in ("first_us", "begin_us", "end_us", "frames")))
                if not made.frames or await self.parts.has(int(number)):
                    self._made[int(number)] = made
            except (ValueError, TypeError, KeyError):
                continue

    @property
    def begun(self) -> bool:
        """Whether any is made."""
        return bool(self._made)

    def made(self, number: int) -> Made | None:
        return self._made.get(number)

    async def keep(self, number: int, made: Made) -> None:
        self._made[number] = made
        await self._write({str(each): asdict(made) for each, made in self._made.items()})

    async def drop(self) -> None:
        """The reel is done, or given up: nothing of it is kept."""
        self._made = {}
        await self._write(None)
        await self.parts.drop()

    async def _write(self, pieces: dict[str, dict[str, int]] | None) -> None:
        kept = await self._kept()
        kept.pop(self._name, None)
        if pieces is not None:
            kept[self._name] = pieces
        newest = dict(list(kept.items())[-_MOST:])
        await self._store.put(_NAME, json.dumps(newest, allow_nan=False))

    async def _kept(self) -> dict[str, object]:
        try:
            kept = json.loads(await self._store.get(_NAME) or "{}")
        except ValueError:
            return {}
        return kept if isinstance(kept, dict) else {}
