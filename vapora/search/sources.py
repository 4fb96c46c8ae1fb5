"""Which events put what into the index. Another kind of thing that can be found is a module with `HANDLERS`, and a line
in `SOURCES`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from events import DomainEvent, Recorded, run, task
from events.work import LineComment
from vapora.domain.search import Entry
from vapora.search.changes import Change, Handlers, Known, Put
from vapora.search.documents import DOCUMENTS
from vapora.search.writer import Batch


def _submitted(recorded: Recorded, event: task.TaskSubmitted, known: Known) -> Iterable[Change]:
    link = f"/t/{event.task_id}"
    yield Put(
        Entry(
            "task", event.task_id, event.project_id, event.title, event.description, recorded.recorded_at,
            event.task_id, link, recorded.position,
        )
    )  # fmt: skip


def _edited(recorded: Recorded, event: task.TaskEdited, known: Known) -> Iterable[Change]:
    card = known.get("task", event.task_id)
    if card is None:
        return
    said = {"title": event.title, "text": "" if "description" in event.cleared else event.description}
    changed: dict[str, Any] = {name: value for name, value in said.items() if value is not None}
    if changed:
        yield Put(replace(card, **changed, at=recorded.recorded_at, position=recorded.position))


def _commented(recorded: Recorded, event: task.TaskCommented, known: Known) -> Iterable[Change]:
    yield from _said(recorded, known, event.task_id, event.comment_id, event.text, event.path)


def _asked(recorded: Recorded, event: run.QuestionAsked, known: Known) -> Iterable[Change]:
    yield from _said(recorded, known, event.task_id, f"question-{recorded.position}", event.question)


def _reviewed(recorded: Recorded, event: task.ReviewSubmitted, known: Known) -> Iterable[Change]:
    yield from _review(recorded, known, event.task_id, event.review.comment, event.review.comments)


def _approved(recorded: Recorded, event: task.TaskApproved, known: Known) -> Iterable[Change]:
    # An agent's words stand in its review.
    if event.by_agent is None:
        yield from _review(recorded, known, event.task_id, event.comment, ())


def _rejected(recorded: Recorded, event: task.TaskRejected, known: Known) -> Iterable[Change]:
    if event.by_agent is None and event.cause == "review":
        yield from _review(recorded, known, event.task_id, event.comment, event.comments)


def _succeeded(recorded: Recorded, event: run.RunSucceeded, known: Known) -> Iterable[Change]:
    yield from _ended(recorded, known, event, event.summary)


def _not_succeeded(recorded: Recorded, event: run.RunFailed | run.RunCancelled, known: Known) -> Iterable[Change]:
    yield from _ended(recorded, known, event, event.reason)


def _ended(recorded: Recorded, known: Known, event: Any, text: str) -> Iterable[Change]:
    card = known.get("task", event.task_id)
    if card is None:
        return
    # What it was about belongs to what came of it: runs are compared by both.
    whole = f"{text}\n\n{card.text}" if card.text else text
    yield Put(
        Entry(
            "run", event.run_id, card.project_id, card.title, whole, recorded.recorded_at, event.task_id,
            f"/t/{event.task_id}", recorded.position,
        )
    )  # fmt: skip


def _review(
    recorded: Recorded, known: Known, task_id: str, text: str, lines: Sequence[LineComment]
) -> Iterable[Change]:
    """By the names that the comments of the card have."""
    yield from _said(recorded, known, task_id, f"review-{recorded.position}", text)
    for part, one in enumerate(lines, 1):
        yield from _said(recorded, known, task_id, f"review-{recorded.position}-{part}", one.text, one.path)


def _said(
    recorded: Recorded, known: Known, task_id: str, id_: str, text: str, path: str | None = None
) -> Iterable[Change]:
    card = known.get("task", task_id)
    # Without its card nobody could say which project it is of, and who may see it.
    if card is None or not text.strip():
        return
    title = f"{card.title}: {path}" if path else card.title
    yield Put(
        Entry(
            "comment", id_, card.project_id, title, text, recorded.recorded_at, task_id, f"/t/{task_id}",
            recorded.position,
        )
    )  # fmt: skip


WORK: Final[Handlers] = {
    task.TaskSubmitted: _submitted,
    task.TaskEdited: _edited,
    task.TaskCommented: _commented,
    task.ReviewSubmitted: _reviewed,
    task.TaskApproved: _approved,
    task.TaskRejected: _rejected,
    run.QuestionAsked: _asked,
    run.RunSucceeded: _succeeded,
    run.RunFailed: _not_succeeded,
    run.RunCancelled: _not_succeeded,
}
SOURCES: Final[tuple[Handlers, ...]] = (WORK, DOCUMENTS)


def topics(sources: Sequence[Handlers] = SOURCES) -> tuple[str, ...]:
    """Of the events that change the index."""
    return tuple(sorted({event.TOPIC for handlers in sources for event in handlers}))


def take_in(batch: Batch, events: Iterable[Recorded], sources: Sequence[Handlers] = SOURCES) -> None:
    """All that these events change, and that they were gone along."""
    for recorded in events:
        kind: type[DomainEvent] = type(recorded.event)
        for handlers in sources:
            handler = handlers.get(kind)
            if handler is not None:
                for change in handler(recorded, recorded.event, batch):
                    batch.apply(change)
        batch.reach(recorded.position, mark_of(recorded))


def mark_of(recorded: Recorded) -> str:
    """What no other event at this position would have in common with it."""
    return f"{recorded.stream} {recorded.version} {recorded.recorded_at.isoformat()}"
