"""Code in the search index: the files of each project's base branch, taken in again where their blobs have changed.

The log does not hold them, so this looks at the repositories, through the one actor that runs git: when work has
landed, when a project gets another repository, and now and then. A repository that cannot be reached keeps what was
last known of it, and is tried again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import PurePosixPath
from typing import Any, Final, Protocol, TypeVar

import structlog

from actors.work_messages import Tree, TreeFile
from events import Recorded
from events.project import ProjectCreated, ProjectEdited
from events.task import TaskLanded
from vapora.clock import Clock
from vapora.domain.search import Entry
from vapora.errors import VaporaError
from vapora.log.client import LogClient
from vapora.search import Batch, Drop, Put
from vapora.views import FileText

_TOPICS: Final = (ProjectCreated.TOPIC, ProjectEdited.TOPIC, TaskLanded.TOPIC)
# Of a repository, the smallest files first; larger ones are data, and more of them nobody looks through.
MOST_FILES: Final = 5_000
MOST_BYTES: Final = 256 * 1024
_AT_ONCE = 40
# How many looks pass until a project is looked at again though nothing was said of it, or after it failed.
_LOOKS = 30

T = TypeVar("T")


class Repositories(Protocol):
    async def base_tree(self, project_id: str) -> Tree: ...
    async def files_at(self, project_id: str, oid: str, paths: list[str]) -> tuple[FileText, ...]: ...


# Runs something on a batch of the index, in the thread that owns it.
OnIndex = Callable[[Callable[[Batch], Any]], Awaitable[Any]]


class Code:
    def __init__(self, log: LogClient, repositories: Repositories, on_index: OnIndex, clock: Clock) -> None:
        self._log = log
        self._repositories = repositories
        self._on_index = on_index
        self._clock = clock
        self._position = 0
        # Projects with a repository, and how many looks are left until each is looked at.
        self._due: dict[str, int] = {}
        self._journal = structlog.get_logger("indexer")

    async def look(self) -> None:
        """At what the log says since the last time, and at the repositories that are due."""
        begun = self._position == 0
        while True:
            polled = await self._log.poll(self._position, 1_000, 0, _TOPICS, lenient=True)
            for recorded in polled.events:
                await self._heard(recorded, begun)
            self._position = polled.position
            if polled.position >= polled.head:
                break
        for project_id, left in list(self._due.items()):
            unknown = not await self._on_index(lambda batch: batch.head_of(project_id))  # noqa: B023  # awaited at once
            if left <= 0 or (unknown and begun):
                self._due[project_id] = _LOOKS
                await self._try(project_id)
            else:
                self._due[project_id] = left - 1

    async def _heard(self, recorded: Recorded, begun: bool) -> None:
        event = recorded.event
        if isinstance(event, (ProjectCreated, ProjectEdited)) and (event.repo or event.project_id in self._due):
            self._due[event.project_id] = _LOOKS if begun else 0
        if isinstance(event, TaskLanded) and not begun:
            card = await self._on_index(lambda batch: batch.get("task", event.task_id))
            if card is not None and card.project_id in self._due:
                self._due[card.project_id] = 0

    async def _try(self, project_id: str) -> None:
        try:
            await self._take(project_id)
        except VaporaError as error:
            self._journal.warning("code is not indexed anew", project=project_id, error=str(error))

    async def _take(self, project_id: str) -> None:
        tree = await self._repositories.base_tree(project_id)
        head = tree.oid or "no commit"
        if await self._on_index(lambda batch: batch.head_of(project_id)) == head:
            return
        known: dict[str, str] = await self._on_index(lambda batch: batch.sources("code", project_id))
        wanted = {f"{project_id}:{one.path}": one for one in _chosen(tree)}
        changed = [one for id_, one in wanted.items() if known.get(id_) != one.oid]
        for start in range(0, len(changed), _AT_ONCE):
            some = {one.path: one for one in changed[start : start + _AT_ONCE]}
            texts = await self._repositories.files_at(project_id, tree.oid, list(some))
            # A path that cannot be shown as it is comes back as another one.
            await self._put([self._entry(project_id, some[one.path], one.text) for one in texts if one.path in some])
        gone = known.keys() - wanted.keys()

        def end(batch: Batch) -> None:
            for id_ in gone:
                batch.apply(Drop("code", id_))
            batch.set_head(project_id, head)

        await self._on_index(end)

    async def _put(self, entries: list[Entry]) -> None:
        def put(batch: Batch) -> None:
            for one in entries:
                batch.apply(Put(one))

        await self._on_index(put)

    def _entry(self, project_id: str, file: TreeFile, text: str | None) -> Entry:
        """Of a binary one, its name alone: it is told from one that was never looked at."""
        id_, link = f"{project_id}:{file.path}", f"/p/{project_id}"
        return Entry("code", id_, project_id, file.path, text or "", self._clock(), "", link, 0, file.oid)


def _chosen(tree: Tree) -> list[TreeFile]:
    fits = [one for one in tree.files if one.size <= MOST_BYTES and ".git" not in PurePosixPath(one.path).parts]
    return sorted(fits, key=lambda one: one.size)[:MOST_FILES]
