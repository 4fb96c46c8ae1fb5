"""What commands from a tracker lead to on a card, all at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from events.base import DomainEvent
from events.ids import TaskState
from vapora.commands import ApproveTask, CommentTask, EditTask, MoveTask
from vapora.domain import task as tasks
from vapora.domain.project import Project
from vapora.domain.task_state import Task
from vapora.domain.tracker.incoming import CardCommand, Merged
from vapora.errors import ConflictError

Events = tuple[DomainEvent, ...]


def events_of(
    task: Task, commands: Iterable[CardCommand], new_id: Callable[[], str], project: Project | None = None
) -> Events:
    """One after the other, each on what the one before has made of the card. What the card does not take any more (it
    was finished meanwhile) is left out."""
    state: Task | None = task
    found: list[DomainEvent] = []
    for command in commands:
        try:
            events = _decide(state or task, command, new_id, project)
        except ConflictError:
            continue
        for event in events:
            state = tasks.evolve(state, event)
        found += events
    return tuple(found)


def _decide(task: Task, command: CardCommand, new_id: Callable[[], str], project: Project | None) -> Events:
    match command:
        case CommentTask():
            return tasks.comment(task, command, new_id(), task.id)
        case EditTask():
            return tasks.edit(task, command, task.id)
        case MoveTask():
            return tasks.move(task, command, task.id, project)
        case Merged():
            return _merged(task, command)


def _merged(task: Task, merged: Merged) -> Events:
    """Whoever may merge there has accepted it: that is recorded as it is."""
    found: list[DomainEvent] = []
    state: Task | None = task
    if task.state is TaskState.REVIEW:
        approved = ApproveTask(head=merged.head, comment=f"Merged by {merged.by or 'somebody'}.")
        found += tasks.approve(task, approved, task.id)
        for event in found:
            state = tasks.evolve(state, event)
    found += tasks.landed(state or task, merged.head, merged.branch, merged.oid, "merge", forced=False)
    return tuple(found)
