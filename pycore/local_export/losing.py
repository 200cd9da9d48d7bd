"""Work on a device that may be taken away meanwhile."""

import asyncio
from typing import Any

from pycore.backends.gpu import Device
from pycore.protocol import ReelError

_LATE_LOSS_S = 0.3


async def unless_lost(device: Device, work: Any) -> None:
    """Runs `work`. Raises ReelError `gpu.lost` when the device is lost before it ends."""

    async def lost() -> str:
        return await device.lost

    making, watching = asyncio.ensure_future(work), asyncio.ensure_future(lost())
    try:
        await asyncio.wait({making, watching}, return_when=asyncio.FIRST_COMPLETED)
        failed = making.done() and making.exception() is not None
        if failed:  # calls to a lost device can fail before it says that it is lost
            await asyncio.wait({watching}, timeout=_LATE_LOSS_S)
        if watching.done() and (failed or not making.done()):
            hint = "Export again; the server does it without this GPU."
            raise ReelError.of("gpu.lost", "The GPU was taken away", watching.result(), hint, 503)
        await making
    finally:
        for each in (making, watching):
            each.cancel()
        await asyncio.gather(making, watching, return_exceptions=True)
