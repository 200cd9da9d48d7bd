"""The opened file's way to the server's storage: in parts, resumable, several at once."""

import asyncio
import hashlib
from collections import deque
from collections.abc import Callable

from pycore.backends.host import Host, MediaFile
from pycore.protocol import MediaInfo, Part, ReelError, UploadPlan, UploadRequest
from pycore.server_client import ServerClient, is_transient

IN_FLIGHT = 3
"""Parts under way at once: enough to fill a line whose answers take their time, few enough for its last
mile."""

ATTEMPTS = 8
"""Tries of one part before giving up; with the waits between them a server may be away for about a minute."""

FRESH_PLANS = 5
"""Times that new URLs are asked for without any part getting through on the last ones."""

_LONGEST_WAIT_S = 15.0
_NO_LONGER_TAKEN = (401, 403, 404, 409, 410)
"""What a storage answers to a URL that has expired, or whose upload was completed or swept away meanwhile."""

_EDGE = 1 << 20
_SAMPLE = 1 << 16
_SAMPLES = 8


async def fingerprint(file: MediaFile) -> str:
    """Names a file's content without reading all of it: the SHA-256, in hex, of

    - its length in bytes, as 8 bytes, big-endian; - its first and its last MiB (the whole file where it has
    no more than two); - eight samples of 64 KiB, the i-th (1 to 8) starting at length * i // 9.

    Two takes from one camera differ in the first or last MiB (headers, index) even where they are equally
    long.
    """
    digest = hashlib.sha256(file.size.to_bytes(8, "big"))
    if file.size <= 2 * _EDGE:
        pieces = [(0, file.size)]
    else:
        starts = [file.size * index // (_SAMPLES + 1) for index in range(1, _SAMPLES + 1)]
        pieces = [(0, _EDGE), (file.size - _EDGE, _EDGE)]
        pieces += [(start, min(_SAMPLE, file.size - start)) for start in starts]
    for offset, length in pieces:
        digest.update(await file.read(offset, length))
    return digest.hexdigest()


class Uploader:
    """Uploads one file. `progress(sent, total)` in bytes is called at the start and with every part that is
    stored.

    Cancelling the task stops it; what is stored stays, and a later upload of the same content goes on there.
    """

    def __init__(self, host: Host, client: ServerClient, progress: Callable[[int, int], None]) -> None:
        self._host = host
        self._client = client
        self._progress = progress

    async def upload(self, project_id: str, file: MediaFile, content_type: str = "") -> MediaInfo:
        """The stored file as the server's probe sees it.

        Raises ReelError: `upload.interrupted` when the network or the server stays away, `upload.refused`
        when the storage takes none of the URLs, `media.unreadable` when the file went away, or the server's
        problem (too large, no video).
        """
        request = UploadRequest(file.name, file.size, await fingerprint(file), content_type)
        plan = await self._client.plan_upload(project_id, request)
        fruitless = 0
        while plan.info is None and not all(part.done for part in plan.parts):
            stored = await _Round(self._host, self._client, self._progress, file, plan).run()
            if stored.complete:
                break
            fruitless = 0 if stored.parts else fruitless + 1
            if fruitless >= FRESH_PLANS:
                raise ReelError.of(
                    "upload.refused",
                    "The storage refuses the upload",
                    f"{fruitless} sets of upload addresses in a row were refused as expired or unknown.",
                    "Check that the clocks of server and storage agree, then start the export again.",
                    403,
                )
            await self._host.sleep(_wait_s(fruitless))
            plan = await self._fresh_plan(project_id, plan.media_id, request)
        return plan.info or await self._client.complete_upload(project_id, plan.media_id)

    async def _fresh_plan(self, project_id: str, media_id: str, request: UploadRequest) -> UploadPlan:
        try:
            return await self._client.upload_plan(project_id, media_id)
        except ReelError as error:
            if error.problem.status != 404:
                raise
            return await self._client.plan_upload(project_id, request)  # swept away meanwhile: begin anew


class _Round:
    """Sends a plan's missing parts until all are stored or one URL is no longer taken."""

    def __init__(
        self,
        host: Host,
        client: ServerClient,
        progress: Callable[[int, int], None],
        file: MediaFile,
        plan: UploadPlan,
    ) -> None:
        self._host = host
        self._client = client
        self._progress = progress
        self._file = file
        self._missing = deque(part for part in plan.parts if not part.done)
        self._sent = sum(part.bytes for part in plan.parts if part.done)
        self._expired = False
        self.parts = 0
        """Parts stored in this round."""

    @property
    def complete(self) -> bool:
        return not self._expired

    async def run(self) -> "_Round":
        self._progress(self._sent, self._file.size)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(IN_FLIGHT, len(self._missing))):
                    group.create_task(self._send_some())
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from errors  # the first failure cancelled the others
        return self

    async def _send_some(self) -> None:
        while self._missing and not self._expired:
            part = self._missing.popleft()
            if not await self._send(part):
                self._expired = True
                return
            self.parts += 1
            self._sent += part.bytes
            self._progress(self._sent, self._file.size)

    async def _send(self, part: Part) -> bool:
        """Whether the part is stored; False when its URL is no longer taken."""
        attempt = 0
        while True:
            attempt += 1
            try:
                await self._client.put_part(part.url, await self._file.slice(part.offset, part.bytes))
                return True
            except ReelError as error:
                if error.problem.status in _NO_LONGER_TAKEN:
                    return False
                if not is_transient(error):
                    raise
                if attempt == ATTEMPTS:
                    raise ReelError.of(
                        "upload.interrupted",
                        "The upload was interrupted",
                        f"Part {part.number} failed {ATTEMPTS} times; the last time: {error}",
                        "What was sent is kept: start the export again and it goes on there.",
                        503,
                    ) from error
            await self._host.sleep(_wait_s(attempt))


def _wait_s(attempt: int) -> float:
    return min(0.5 * 2 ** (attempt - 1), _LONGEST_WAIT_S) if attempt else 0.0
