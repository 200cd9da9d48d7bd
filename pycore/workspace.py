"""The medium at hand and its project: opened, taken up again, edited, undone, kept in the browser."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from pycore import clips
from pycore.analysing import Analysing
from pycore.backends.host import Host, MediaFile
from pycore.document import History, new_project, same_media, selected_clip
from pycore.editing import SELECTING, Edit, edited, gesture_of
from pycore.exporting import Motion
from pycore.protocol import (
    DecodeError,
    MediaInfo,
    OpenMedia,
    Problem,
    Project,
    ReelError,
    decode,
    encode,
)
from pycore.server_client import ServerClient, is_unreachable
from pycore.tasks import Tasks

_KEEP_AFTER_S = 0.5


@dataclass(slots=True)
class Opened:
    """The medium at hand and its project."""

    history: History
    file: MediaFile
    content_type: str
    motion: dict[str, Motion] = field(default_factory=dict)
    """Of each clip that was selected, by its id."""


class Workspace:
    """`changed()` is called when the document is another; `is_exporting` says whether an export of it is
    being started, which then wins over what the server has stored."""

    def __init__(
        self,
        host: Host,
        client: ServerClient,
        tasks: Tasks,
        analysing: Analysing,
        changed: Callable[[], None],
        notice: Callable[[Problem], None],
        is_exporting: Callable[[], bool],
    ) -> None:
        self._host, self._client, self._tasks = host, client, tasks
        self._analysing = analysing
        self._changed, self._notice, self._is_exporting = changed, notice, is_exporting
        self._keeping: asyncio.Task[Any] | None = None
        self.opened: Opened | None = None

    def media(self) -> Opened:
        """Raises ReelError `media.none`."""
        if self.opened is None:
            raise ReelError.of("media.none", "No video is open", hint="Open a video first.", status=409)
        return self.opened

    # opening

    async def open(self, command: OpenMedia, attachment: Any) -> None:
        """Opens a file in place of the one at hand; takes up its project where the command names one."""
        media = MediaInfo("", command.name, command.bytes, command.size, command.duration_us)
        project = new_project(command.project_id or self._host.uuid(), media)
        self.close()
        self.opened = opened = Opened(
            History(project), self._host.media_file(attachment), command.content_type
        )
        self._analysing.open(opened.history, opened.file)
        self._changed()
        if command.project_id:
            await self._resume(opened)

    def close(self) -> None:
        """Tells nobody: what comes next does."""
        self.opened = None
        self._analysing.close()

    async def _resume(self, opened: Opened) -> None:
        """Takes up the stored document, if the server has one of that id for this file. Edits made meanwhile
        win over it; a document about another file is left alone, and this project gets an id of its own."""
        project = opened.history.present
        try:
            stored = await self._client.project(project.id, limit_s=5.0)
        except ReelError as error:
            if error.problem.status != 404 and not is_unreachable(error):
                self._notice(error.problem)
            stored = await self._kept(project.id)
            if stored is None or opened is not self.opened:
                return
        if not same_media(stored, project):
            opened.history.adopt(project_id=self._host.uuid())
        elif opened.history.touched or self._is_exporting():
            opened.history.adopt(revision=stored.revision, media=stored.clips[0].media)
        else:
            selected = min(max(stored.selected, 0), len(stored.clips) - 1)
            opened.history = History(replace(stored, selected=selected))
            self._analysing.take_up(opened.history)
        self._changed()

    async def _kept(self, project_id: str) -> Project | None:
        """The document as this browser keeps it: of a project that no server has."""
        text = await self._host.store.get(f"project:{project_id}")
        try:
            return None if text is None else decode(Project, json.loads(text), "kept project")
        except (DecodeError, ValueError):
            return None  # of another version

    async def _keep(self) -> None:
        """Once nothing has changed for a while."""
        await self._host.sleep(_KEEP_AFTER_S)
        if self.opened is not None:
            project = self.opened.history.present
            text = json.dumps(encode(project), allow_nan=False)
            await self._host.store.put(f"project:{project.id}", text)

    def keep(self) -> None:
        """Stores the document in the browser soon, if it was edited."""
        if self.opened is not None and self.opened.history.touched:
            if self._keeping is not None:
                self._keeping.cancel()
            self._keeping = self._tasks.start(self._keep(), "keeping the project")

    # editing

    def change(self, edit: Callable[[Project], Project], gesture: str = "") -> None:
        """One step to undo, or a further part of `gesture`'s."""
        history = self.media().history
        if history.edit(edit(history.present), gesture):
            self._changed()

    def edit(self, edit: Edit) -> None:
        """Raises ReelError where the edit makes no sense."""
        opened = self.media()
        if isinstance(edit, SELECTING):
            self._keep_motion(opened)
        self.change(lambda project: edited(project, edit, self._host.uuid()), gesture_of(edit))

    def select(self, index: int) -> None:
        """Raises ReelError `clips.unknown`."""
        opened = self.media()
        self._keep_motion(opened)
        if opened.history.select(clips.check_index(opened.history.present, index)):
            self._changed()

    def undo(self) -> None:
        if self.media().history.undo():
            self._changed()

    def redo(self) -> None:
        if self.media().history.redo():
            self._changed()

    # how clips move

    def _keep_motion(self, opened: Opened) -> None:
        """Paths are planned for the selected clip: what they are now holds for it while another is
        selected."""
        opened.motion[selected_clip(opened.history.present).id] = self._motion_now()

    def _motion_now(self) -> Motion:
        return Motion(self._analysing.path, self._analysing.subject)

    def motion(self, opened: Opened) -> dict[str, Motion]:
        """Of the clips, by their ids; the selected one's as it is now."""
        return {**opened.motion, selected_clip(opened.history.present).id: self._motion_now()}
