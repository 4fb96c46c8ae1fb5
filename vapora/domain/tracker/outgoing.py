"""What something on a card means for the other side."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from events.base import DomainEvent
from events.ids import TaskState
from events.task import (
    AttemptRequested,
    TaskApproved,
    TaskAssigned,
    TaskCommented,
    TaskCompleted,
    TaskEdited,
    TaskLanded,
    TaskPushed,
    TaskReopened,
)
from events.tracker import IssueWanted
from vapora.domain.task_state import Task
from vapora.domain.tracker.connection import Tracker, actor_of, is_tracker
from vapora.domain.tracker.link import Link

# `edit`: title and text of the issue; `state`: whether it is open.
Deed = Literal["issue", "comment", "edit", "state", "pull"]
# What an issue is to be: `doing` is for trackers that know more than open and closed.
Target = Literal["open", "doing", "closed"]
TOPICS = (
    IssueWanted.TOPIC,
    TaskCommented.TOPIC,
    TaskEdited.TOPIC,
    TaskAssigned.TOPIC,
    TaskCompleted.TOPIC,
    TaskApproved.TOPIC,
    TaskLanded.TOPIC,
    TaskReopened.TOPIC,
    AttemptRequested.TOPIC,
    TaskPushed.TOPIC,
)
_TURNS = (TaskCompleted, TaskApproved, TaskLanded, TaskReopened, AttemptRequested)
_LONGEST_TEXT = 60_000


@dataclass(frozen=True, slots=True)
class Wish:
    """What the event at `position` wants of a tracker. A position and deed are wanted once of each tracker."""

    tracker_id: str
    position: int
    deed: Deed
    task_id: str


def task_of(event: DomainEvent) -> str:
    return str(getattr(event, "task_id", ""))


def wishes_of(
    event: DomainEvent, position: int, actor: str, trackers: Iterable[Tracker], links: Iterable[Link]
) -> tuple[Wish, ...]:
    """`links`: of the event's card. What came from a tracker does not go back to it, and what is said there stays
    there: else two trackers would tell each other for ever."""
    turned = isinstance(event, _TURNS)
    # A merge over there ends the card here, and that its issue: whether one is closed can be said twice.
    known = {one.id: one for one in trackers if one.works and (turned or actor != actor_of(one.id))}
    task_id, there = task_of(event), [one for one in links if one.tracker_id in known]
    issues = [one for one in there if one.kind == "issue"]
    match event:
        case IssueWanted():
            return _each([event.tracker_id] if event.tracker_id in known else [], position, "issue", task_id)
        case TaskCommented():
            if is_tracker(actor):
                return ()
            told = [
                one for one in issues or there if event.agent_id is None or known[one.tracker_id].set.agent_comments
            ]
            return _each([one.tracker_id for one in told], position, "comment", task_id)
        case TaskEdited() if event.title is not None or event.description is not None:
            return _each([one.tracker_id for one in issues], position, "edit", task_id)
        case TaskAssigned():
            finer = [one.tracker_id for one in issues if known[one.tracker_id].set.kind == "jira"]
            return _each(finer, position, "state", task_id)
        case _ if turned:
            shut = [one.tracker_id for one in issues if known[one.tracker_id].set.close_issues]
            return _each(shut, position, "state", task_id)
        case TaskPushed():
            # Of which project it is, the shell finds out.
            forges = [one for one in known.values() if one.set.kind == "github" and one.set.pull_requests]
            return _each([one.id for one in forges], position, "pull", task_id)
        case _:
            return ()


def _each(tracker_ids: Iterable[str], position: int, deed: Deed, task_id: str) -> tuple[Wish, ...]:
    return tuple(Wish(one, position, deed, task_id) for one in dict.fromkeys(tracker_ids))


def target_of(task: Task, event: DomainEvent) -> Target | None:
    """What the issue of a card is to be; None: as it is. Closed when nothing is left to be done about the card, and
    opened again only by what says so: who closed it over there meant it."""
    if task.state is TaskState.DONE:
        return "closed" if task.is_over else None
    if task.state is TaskState.ARCHIVED:
        return None
    if isinstance(event, TaskAssigned):
        return "doing" if task.state is TaskState.IN_PROGRESS else None
    return "open" if isinstance(event, TaskReopened | AttemptRequested) else None


def comment_text(event: TaskCommented, author: str) -> str:
    """`author`: the name of who said it here."""
    where = "" if event.path is None else f" about `{event.path}{'' if event.line is None else f':{event.line}'}`"
    return f"**{author}** in VAPORA{where}:\n\n{event.text}"[:_LONGEST_TEXT]


def issue_text(task: Task) -> str:
    return task.description[:_LONGEST_TEXT]


def pull_text(task: Task, issue: Link | None, place: str) -> str:
    """`place`: of the issue, as people write it. A forge closes an issue that is named so, once this is merged."""
    lines = [f"Work of a card in VAPORA: {task.title}"]
    if issue is not None:
        lines += ["", f"Closes {place}"]
    return "\n".join(lines)[:_LONGEST_TEXT]
