"""Which tasks may be about to land by themselves, folded from a workspace's log.

Whether one of them really may is in `vapora.domain.task_landing.lands_by_itself`, which needs the task and its project.
"""

from __future__ import annotations

from dataclasses import dataclass

from events.project import ProjectEdited, ProjectFileAccepted, ProjectResumed
from events.recorded import Recorded
from events.task import (
    AttemptPicked,
    AttemptRequested,
    RevertRequested,
    TaskApproved,
    TaskArchived,
    TaskCompleted,
    TaskEdited,
    TaskLanded,
    TaskRejected,
    TaskReopened,
    TaskResumed,
)
from events.workspace import WorkspacePaused, WorkspaceResumed

# To be raised with every change of `evolve` or of the data: what an older fold saved is then left aside.
FOLD_VERSION = 2

_NO_MORE = (TaskLanded, TaskArchived, TaskRejected, AttemptRequested, AttemptPicked)
# After these, a card that takes back what landed may have to be looked at.
_OF_REVERTS = (RevertRequested, TaskRejected, TaskReopened, TaskEdited)
# After these, what was not to land by itself may be.
_PERHAPS_NOW = (ProjectEdited, ProjectFileAccepted, ProjectResumed, TaskResumed, WorkspaceResumed)

TOPICS: tuple[str, ...] = tuple(
    sorted(
        {kind.TOPIC for kind in (TaskApproved, TaskCompleted, WorkspacePaused, *_NO_MORE, *_PERHAPS_NOW, *_OF_REVERTS)}
    )
)


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a landing is tried: what its events follow from."""

    position: int
    correlation: str


@dataclass(frozen=True, slots=True)
class LandingsData:
    position: int
    waiting: dict[str, Cause]
    paused: bool
    reverts: dict[str, Cause]


class Landings:
    """Mutable: `evolve` folds into it. `waiting`: tasks that were accepted and have work in a repository that may not
    have landed, or are to take back what others landed. `reverts`: all of the latter that are not over. `paused`:
    nothing of the workspace starts for now."""

    def __init__(self, data: LandingsData | None = None) -> None:
        self.position = data.position if data else 0
        self.waiting: dict[str, Cause] = dict(data.waiting) if data else {}
        self.paused = data.paused if data else False
        self.reverts: dict[str, Cause] = dict(data.reverts) if data else {}

    def data(self) -> LandingsData:
        return LandingsData(self.position, dict(self.waiting), self.paused, dict(self.reverts))

    def evolve(self, recorded: Recorded) -> tuple[str, ...]:
        """The tasks that are to be looked at because of it."""
        if recorded.position <= self.position:
            return ()
        self.position = recorded.position
        event = recorded.event
        accepted = (isinstance(event, TaskApproved) and event.head is not None) or (
            isinstance(event, TaskCompleted) and event.work is not None and event.work.changes_something
        )
        if accepted and isinstance(event, TaskApproved | TaskCompleted):
            self.waiting[event.task_id] = Cause(recorded.position, recorded.correlation)
            return (event.task_id,)
        if isinstance(event, _NO_MORE):
            self.waiting.pop(event.task_id, None)
        if isinstance(event, RevertRequested):
            self.reverts[event.task_id] = Cause(recorded.position, recorded.correlation)
        if isinstance(event, TaskLanded | TaskArchived):
            self.reverts.pop(event.task_id, None)
        if isinstance(event, _OF_REVERTS) and event.task_id in self.reverts:
            self.waiting[event.task_id] = self.reverts[event.task_id]
            return (event.task_id,)
        if isinstance(event, WorkspacePaused | WorkspaceResumed):
            self.paused = isinstance(event, WorkspacePaused)
        return tuple(self.waiting) if isinstance(event, _PERHAPS_NOW) else ()

    def drop(self, task_id: str) -> None:
        """It was looked at, and there is nothing of it to land."""
        self.waiting.pop(task_id, None)
