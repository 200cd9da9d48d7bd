"""How fast exports in this browser were: measured at each, kept for the next estimate."""

import json

from pycore.backends.host import Store
from pycore.protocol import Size, Tier

_NAME = "local-export-speed"
_MOST = 20


class Speed:
    """Microseconds per pixel that goes through the net, by device and tier; decoding and encoding
    included."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def keep(self, device: str, tier: Tier, window: Size, frames: int, seconds: float) -> None:
        kept = await self._read()
        kept.pop(_key(device, tier), None)
        kept[_key(device, tier)] = seconds * 1e6 / max(window.width * window.height * frames, 1)
        newest = dict(list(kept.items())[-_MOST:])
        await self._store.put(_NAME, json.dumps(newest, allow_nan=False))

    async def recall(self, device: str, tier: Tier) -> float | None:
        return (await self._read()).get(_key(device, tier))

    async def _read(self) -> dict[str, float]:
        try:
            kept = json.loads(await self._store.get(_NAME) or "{}")
        except ValueError:
            return {}
        if not isinstance(kept, dict):
            return {}
        return {str(name): float(each) for name, each in kept.items() if isinstance(each, int | float)}


def _key(device: str, tier: Tier) -> str:
    return f"{device}|{tier}"
