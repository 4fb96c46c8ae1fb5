"""What was said on cards: by people, by agents, in questions, answers and reviews."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from events import DomainEvent, Recorded, run, task
from events.work import LineComment
from projections.engine.base import (
    Handler,
    Projection,
    PublicView,
    Reader,
    Row,
    Rows,
    Table,
    format_instant,
)
from vapora import views

COMMENTS = Table(
    "comments",
    # One event may hold several: of a review, the text and the comments on lines.
    key=("task_id", "at", "part"),
    columns={
        "task_id": "text",
        "at": "int",
        "part": "int",
        "id": "text",
        "kind": "text",
        "text": "text",
        "thread": "text",
        "path": "text",
        "line": "int",
        "side": "text",
        "head": "text",
        "actor": "text",
        "agent_id": "text",
        "run_id": "text",
        "call_id": "text",
        "answers": "text",
        "open": "int",
        "said_at": "text",
    },
)
# Questions that no one has answered, by the run that waits.
QUESTIONS = Table(
    "open_questions",
    key=("run_id", "call_id"),
    columns={"run_id": "text", "call_id": "text", "task_id": "text", "at": "int"},
)


def _commented(recorded: Recorded, event: task.TaskCommented, rows: Rows) -> None:
    thread = _thread(event.path, event.line, event.side)
    if event.answers is not None:
        thread = f"question:{event.answers}"
        _close(rows, event.task_id, event.answers)
    fields = {name: getattr(event, name) for name in ("path", "line", "side", "head", "agent_id", "run_id", "answers")}
    kind = "answer" if event.answers is not None else "comment"
    _add(recorded, rows, event.task_id, 0, event.comment_id, kind, event.text, thread, **fields)


def _asked(recorded: Recorded, event: run.QuestionAsked, rows: Rows) -> None:
    fields = {"agent_id": event.agent_id, "run_id": event.run_id, "call_id": event.call_id, "open": 1}
    thread = f"question:{event.call_id}"
    _add(
        recorded, rows, event.task_id, 0, f"question-{recorded.position}", "question", event.question, thread, **fields
    )
    of = {"run_id": event.run_id, "call_id": event.call_id, "task_id": event.task_id, "at": recorded.position}
    rows.put(QUESTIONS, of)


def _reviewed(recorded: Recorded, event: task.ReviewSubmitted, rows: Rows) -> None:
    review = event.review
    kind = "approval" if review.verdict == "approve" else "changes-requested"
    said = {"head": review.head, "agent_id": event.agent_id, "run_id": event.run_id}
    _add_review(recorded, rows, event.task_id, kind, review.comment, review.comments, said)


def _approved(recorded: Recorded, event: task.TaskApproved, rows: Rows) -> None:
    # An agent's stands in its review.
    if event.by_agent is None and event.comment:
        _add_review(recorded, rows, event.task_id, "approval", event.comment, (), {"head": event.head})


def _rejected(recorded: Recorded, event: task.TaskRejected, rows: Rows) -> None:
    if event.by_agent is None and event.cause == "review":
        said = {"head": event.head}
        _add_review(recorded, rows, event.task_id, "changes-requested", event.comment, event.comments, said)


def _ended(recorded: Recorded, event: Any, rows: Rows) -> None:
    for question in rows.select(QUESTIONS, {"run_id": event.run_id}):
        _close(rows, question=question)


def _close(rows: Rows, task_id: str = "", call_id: str = "", question: Row | None = None) -> None:
    """Nobody waits for it any more."""
    if question is None:
        found = rows.select(QUESTIONS, {"task_id": task_id, "call_id": call_id})
        question = found[0] if found else None
    if question is None:
        return
    rows.delete(QUESTIONS, (question["run_id"], question["call_id"]))
    asked = rows.get(COMMENTS, (question["task_id"], question["at"], 0))
    if asked is not None:
        rows.put(COMMENTS, asked | {"open": 0})


def _add_review(
    recorded: Recorded,
    rows: Rows,
    task_id: str,
    kind: str,
    text: str,
    lines: tuple[LineComment, ...],
    said: dict[str, Any],
) -> None:
    review_id = f"review-{recorded.position}"
    if text or not lines:
        _add(recorded, rows, task_id, 0, review_id, kind, text, "card", **said)
    for part, one in enumerate(lines, 1):
        place = {"path": one.path, "line": one.line, "side": one.side}
        thread = _thread(one.path, one.line, one.side)
        _add(recorded, rows, task_id, part, f"{review_id}-{part}", "comment", one.text, thread, **said, **place)


def _thread(path: str | None, line: int | None, side: str) -> str:
    return "card" if path is None else f"{path}:{'' if line is None else line}:{side}"


def _add(
    recorded: Recorded, rows: Rows, task_id: str, part: int, id_: str, kind: str, text: str, thread: str, **more: Any
) -> None:
    row = {
        "task_id": task_id,
        "at": recorded.position,
        "part": part,
        "id": id_,
        "kind": kind,
        "text": text,
        "thread": thread,
        **dict.fromkeys(("path", "line", "head", "agent_id", "run_id", "call_id", "answers")),
        "side": "new",
        "actor": recorded.actor,
        "open": 0,
        "said_at": format_instant(recorded.recorded_at),
        **more,
    }
    rows.add(COMMENTS, row)


def _view(row: Row) -> views.Comment:
    fields = {name: value for name, value in row.items() if name not in ("at", "part", "said_at")}
    return views.Comment.model_validate({**fields, "open": bool(row["open"]), "at": row["said_at"]})


def _live(row: Row) -> dict[str, Any]:
    return _view(row).model_dump(mode="json")


class Comments(Projection):
    NAME = "comments"
    VERSION = 1
    TABLES = (COMMENTS, QUESTIONS)
    VIEWS = (PublicView("comment", COMMENTS, _live),)
    HANDLERS: ClassVar[Mapping[type[DomainEvent], Handler]] = {
        task.TaskCommented: _commented,
        task.ReviewSubmitted: _reviewed,
        task.TaskApproved: _approved,
        task.TaskRejected: _rejected,
        run.QuestionAsked: _asked,
        run.RunSucceeded: _ended,
        run.RunFailed: _ended,
        run.RunCancelled: _ended,
    }


def comments(rows: Reader, task_id: str, cursor: str | None = None, limit: int = 100) -> views.Page[views.Comment]:
    """The oldest first. A page ends between two events, so that `cursor` is a position."""
    found = rows.select(COMMENTS, {"task_id": task_id}, order=("at", "part"))
    if cursor is not None:
        found = [row for row in found if row["at"] > int(cursor)]
    page = found[:limit]
    if len(found) > limit:
        # The event that the page would cut goes to the next one, unless it is larger than a page.
        whole = [row for row in page if row["at"] != found[limit]["at"]]
        page = whole or [row for row in found if row["at"] == found[0]["at"]]
    more = str(page[-1]["at"]) if len(page) < len(found) else None
    return views.Page[views.Comment](items=tuple(map(_view, page)), next=more)
