"""What is on offer: the tasks to be done, each as the event that made it so offers it (M10.3).

A task becomes to do by being submitted, reopened, rejected, recalled, released or put back after nobody could be given
it; each time is an offer of its own, named by the position of that event. It is over when the task is assigned or
leaves the board.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from events.base import DomainEvent, topics
from events.recorded import Recorded
from events.task import (
    AttemptPicked,
    AttemptRequested,
    TaskApproved,
    TaskArchived,
    TaskAssigned,
    TaskCompleted,
    TaskEdited,
    TaskLanded,
    TaskRecalled,
    TaskRejected,
    TaskReleased,
    TaskReopened,
    TaskRequeued,
    TaskSentToReview,
    TaskSubmitted,
)
from vapora.domain import subjects
from vapora.domain.task_state import Task

# Raise it whenever the fold makes something else of the same events, or `OffersData` changes.
FOLD_VERSION = 2

# Every event of a task: what is offered was seen up to a position of any of them.
TOPICS: tuple[str, ...] = tuple(sorted(topic for topic in topics() if topic.startswith("task.")))

_TO_DO: tuple[type[DomainEvent], ...] = (
    TaskSubmitted,
    TaskReopened,
    TaskRejected,
    TaskRecalled,
    TaskReleased,
    TaskRequeued,
    AttemptRequested,
)
# After these a task is not to be done; for good, unless it is done and its work has not landed.
_NOT_TO_DO: tuple[type[DomainEvent], ...] = (TaskAssigned, AttemptPicked, TaskCompleted, TaskApproved, TaskArchived)
_OVER: tuple[type[DomainEvent], ...] = (TaskCompleted, TaskApproved)


@dataclass(frozen=True, slots=True)
class Offer:
    """`position` and `version` are those of the event that made the task to do, `subject` as it was then."""

    task_id: str
    position: int
    version: int
    subject: str
    priority: int


@dataclass(frozen=True, slots=True)
class OffersData:
    """The fold as it is saved. `kinds`: type and priority of each task that is not over. `to_land`: those of them whose
    work would have to land first."""

    position: int
    kinds: dict[str, tuple[str, int]]
    offers: tuple[Offer, ...]
    to_land: tuple[str, ...] = ()


class OpenOffers:
    """Mutable: `evolve` folds a workspace's log into it. `offers` are the current ones, by task."""

    def __init__(self, workspace: str, data: OffersData | None = None) -> None:
        self.workspace = workspace
        self.position = data.position if data else 0
        self.offers: dict[str, Offer] = {one.task_id: one for one in data.offers} if data else {}
        self._kinds: dict[str, tuple[str, int]] = dict(data.kinds) if data else {}
        self._to_land: set[str] = set(data.to_land) if data else set()

    @classmethod
    def of(cls, workspace: str, position: int, tasks: Iterable[Task], to_do: dict[str, tuple[int, int]]) -> OpenOffers:
        """From what is known of the tasks that are not over, and the positions and versions of those to be done."""
        known = list(tasks)
        kinds = {task.id: (task.task_type, task.priority) for task in known}
        to_land = tuple(task.id for task in known if task.work is not None and task.work.changes_something)
        made = cls(workspace, OffersData(position, kinds, (), to_land))
        for task_id, (at, version) in to_do.items():
            made._put(task_id, at, version)
        return made

    def data(self) -> OffersData:
        return OffersData(self.position, dict(self._kinds), tuple(self.offers.values()), tuple(sorted(self._to_land)))

    def evolve(self, recorded: Recorded) -> None:
        """Events of other kinds, and positions that it has seen, change nothing."""
        if recorded.position <= self.position:
            return
        event, task_id = recorded.event, recorded.stream.removeprefix("task:")
        if task_id == recorded.stream:
            return
        self.position = recorded.position
        if isinstance(event, TaskSubmitted):
            self._kinds[task_id] = (event.task_type, event.priority)
        elif isinstance(event, TaskEdited) and event.priority is not None and task_id in self._kinds:
            self._kinds[task_id] = (self._kinds[task_id][0], event.priority)
        if isinstance(event, _TO_DO):
            self._put(task_id, recorded.position, recorded.version)
        elif isinstance(event, _NOT_TO_DO):
            self.offers.pop(task_id, None)
        self._note_work(task_id, event)
        over = isinstance(event, TaskLanded | TaskArchived)
        if over or (isinstance(event, _OVER) and task_id not in self._to_land):
            self._kinds.pop(task_id, None)
            self._to_land.discard(task_id)

    def _note_work(self, task_id: str, event: DomainEvent) -> None:
        if isinstance(event, AttemptRequested):
            self._to_land.discard(task_id)
        elif isinstance(event, TaskSentToReview | TaskCompleted | AttemptPicked) and event.work is not None:
            if event.work.changes_something:
                self._to_land.add(task_id)
            else:
                self._to_land.discard(task_id)

    def after(self, position: int) -> list[Offer]:
        """Current offers beyond `position`, in the log's order."""
        found = (offer for offer in self.offers.values() if offer.position > position)
        return sorted(found, key=lambda offer: offer.position)

    def _put(self, task_id: str, position: int, version: int) -> None:
        task_type, priority = self._kinds[task_id]
        subject = subjects.subject(task_type, priority, self.workspace)
        self.offers[task_id] = Offer(task_id, position, version, subject, priority)
