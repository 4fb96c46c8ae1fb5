"""Has finished work documented, and documents follow their files. The workflow engine carries it along, as it does the
scheduler: no process of its own.

What it asks for is decided where requests are decided, on the version of the project's own stream, and stands in one
append with the card that it makes: whatever crashes, a finished card is documented once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Protocol

import structlog
from anyio import to_thread

from events import Recorded
from events.ids import project_stream, task_stream
from vapora.blobs import Blobs
from vapora.clock import new_id
from vapora.commands.documents import MOST_CHARACTERS, FollowFile, RequestDocumentation
from vapora.dispatch import Dispatcher
from vapora.domain import documentation
from vapora.domain.document_kind import classify, is_document, title_of
from vapora.domain.documentation_due import TOPICS, DocumentationDue, Landing
from vapora.domain.task_state import Task
from vapora.errors import BadInputError, ConflictError, NotFoundError, RepositoryError
from vapora.log.client import LogClient
from vapora.log.folds import SavedFold
from vapora.ports import Origin
from vapora.views import Changes, FileText

ACTOR = "documenting"
# What could not be done, as where a part of the cell does not answer.
_AGAIN = timedelta(seconds=5)
_MOST_FILES = 50


class Files(Protocol):
    """Of `vapora.ports.RepositoriesPort`."""

    async def changes(self, task_id: str) -> Changes: ...

    async def files_at(self, project_id: str, oid: str, paths: Sequence[str]) -> tuple[FileText, ...]: ...


class Documenting:
    """`actors.workflow_engine.hook.Scheduler`. `saved`: what there was to look at, for a quick start. `problems`: what
    did not work, until it does with the next landing."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        log: LogClient,
        workspace: str,
        files: Files,
        blobs: Blobs,
        saved: SavedFold[DocumentationDue] | None = None,
    ) -> None:
        self._dispatcher = dispatcher
        self._log = log
        self._workspace = workspace
        self._files = files
        self._blobs = blobs
        self._saved = saved
        self._due: DocumentationDue | None = None
        self._not_before: datetime | None = None
        self._since: datetime | None = None
        self.problems: dict[str, str] = {}
        self._journal = structlog.get_logger(ACTOR)

    @property
    def topics(self) -> Sequence[str]:
        return TOPICS

    async def apply(self, recorded: Recorded) -> None:
        due = await self._state()
        due.evolve(recorded)
        self._since = recorded.recorded_at

    def next_due(self) -> datetime | None:
        if self._due is None or not self._due.is_due:
            return None
        return self._not_before or self._since

    async def act(self, now: datetime) -> None:
        """What fails for a while is tried again after a pause, and stands in no workflow's way."""
        due = await self._state()
        if not due.is_due or (self._not_before is not None and now < self._not_before):
            return
        self._not_before = None
        try:
            for landing in list(due.landings):
                await self._follow(landing, due)
                due.landings.remove(landing)
            for task_id in list(due.finished):
                due.looked_at(task_id, await self._to_document(task_id, due))
            for project_id in list(due.dirty):
                await self._ask(project_id, due)
                due.dirty.pop(project_id, None)
        except Exception as error:  # told in the journal and in health; it comes again
            self.problems[""] = f"{type(error).__name__}: {error}"
            self._journal.warning("documents not looked at", error=repr(error))
            self._not_before = now + _AGAIN
        else:
            self.problems.pop("", None)
        if self._saved is not None and self._saved.due(due.position):
            self._saved.save_soon(self._log, due, due.position)

    async def close(self) -> None:
        if self._saved is not None and self._due is not None:
            await self._saved.close(self._log, self._due, self._due.position)

    async def _state(self) -> DocumentationDue:
        if self._due is None:
            resumed = await self._saved.load(self._log) if self._saved is not None else None
            self._due = DocumentationDue() if resumed is None else resumed.state
        return self._due

    async def _task(self, task_id: str) -> Task | None:
        return (await self._dispatcher.tasks.load(task_stream(task_id))).state

    async def _to_document(self, task_id: str, due: DocumentationDue) -> str | None:
        """The project of a finished card that is to be documented."""
        task = await self._task(task_id)
        if task is None or documentation.is_documentation(task) or due.rule_of(task.project_id) == "off":
            return None
        project = (await self._dispatcher.projects.load(project_stream(task.project_id))).state
        return task.project_id if project is not None and documentation.is_finished(task, project) else None

    async def _ask(self, project_id: str, due: DocumentationDue) -> None:
        of_tasks = tuple(due.pending.get(project_id, ()))
        if not of_tasks:
            return
        command = RequestDocumentation(of_tasks=of_tasks, paths=tuple(sorted(due.paths_of(project_id))))
        try:
            await self._dispatcher.dispatch(self._origin(), command, project_id)
        except (BadInputError, ConflictError, NotFoundError) as error:
            self._tell(f"cards of {project_id}", error)
        else:
            self.problems.pop(f"cards of {project_id}", None)

    # --- documents that are kept in a repository ---

    async def _follow(self, landing: Landing, due: DocumentationDue) -> None:
        task = await self._task(landing.task_id)
        if task is None:
            return
        kept = due.paths_of(task.project_id)
        try:
            paths = dict.fromkeys(kept)
            if landing.task_id in due.cards:
                # What the documenter wrote is a document, whether it was one before or not.
                changed = (one.path for one in (await self._files.changes(task.id)).files if one.status != "deleted")
                paths |= dict.fromkeys([path for path in changed if is_document(path)][:_MOST_FILES])
            found = await self._files.files_at(task.project_id, landing.oid, tuple(paths)) if paths else ()
        except (RepositoryError, NotFoundError) as error:
            self._tell(f"files of {task.project_id}", error)
            return
        self.problems.pop(f"files of {task.project_id}", None)
        for file in found:
            await self._record(task, landing, file, kept.get(file.path))

    async def _record(self, task: Task, landing: Landing, file: FileText, document_id: str | None) -> None:
        if file.text is None or file.truncated or len(file.text) > MOST_CHARACTERS:
            return
        title = title_of(file.path, file.text)
        kind, reason = classify(title, file.path, file.text)
        command = FollowFile(
            project_id=task.project_id,
            path=file.path,
            title=title,
            kind=kind,
            kind_reason=reason,
            text=await to_thread.run_sync(self._blobs.content, file.text),
            task_id=landing.task_id,
            oid=landing.oid,
            position=landing.position,
        )
        await self._dispatcher.dispatch(
            self._origin(), command, document_id or file_document_id(task.project_id, file.path)
        )

    def _tell(self, what: str, error: Exception) -> None:
        self.problems[what] = str(error)
        self._journal.warning("documents not looked at", of=what, error=str(error))

    def _origin(self) -> Origin:
        return Origin(self._workspace, ACTOR, new_id("cor"))


def file_document_id(project_id: str, path: str) -> str:
    """Of a document that is made of a file: the same for whoever makes it."""
    return f"document-{sha256(f'{project_id} {path}'.encode()).hexdigest()[:15]}"
