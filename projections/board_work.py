"""What work in a repository, its review and what is said about it change on a card."""

from __future__ import annotations

from typing import Any

from events import Recorded, budget, run, task
from events.ids import ChecksVerdict, Review, Scope, TaskState, WaitReason
from events.work import Work
from projections import step_lines
from projections.board_rows import find, move, save, tell_blocked
from projections.board_waiting import waiting
from projections.engine.base import Row, Rows, format_instant

# Of a card that nobody has worked on.
NOTHING_YET: Row = {
    **dict.fromkeys(("branch", "base", "head", "checks", "approved_head", "landed", "landing_problem")),
    "handed_over": "",
    **dict.fromkeys(("reviewer", "sandbox", "doing", "question", "limit_microusd")),
    **dict.fromkeys(("attempt", "attempts"), 1),
    **dict.fromkeys(("attachments", "comments", "unread", "paused"), 0),
}

_APPROVE = "Approve the work, or send it back with a comment."
_RED = "Its checks are red. Send it back with what is to be done, or approve it and merge with force."


def sent_to_review(recorded: Recorded, event: task.TaskSentToReview, rows: Rows) -> None:
    said = None
    if event.reviewer is Review.HUMAN:
        is_red = event.work is not None and event.work.checks is ChecksVerdict.RED
        remedy = f"{event.reason} {_RED if is_red else _APPROVE}".strip()
        reason = WaitReason.CHECKS if is_red else WaitReason.HUMAN
        said = waiting(reason, format_instant(recorded.recorded_at), remedy)
    changes = {"said": said, "reviewer": event.reviewer.value, "approved_head": None, **_left(event.work)}
    move(recorded, rows, event.task_id, TaskState.REVIEW, **changes)


def completed(recorded: Recorded, event: task.TaskCompleted, rows: Rows) -> None:
    head = None if event.work is None else event.work.head
    changes = {"approved_head": head, "reviewer": None, **_left(event.work)}
    move(recorded, rows, event.task_id, TaskState.DONE, **changes)


def approved(recorded: Recorded, event: task.TaskApproved, rows: Rows) -> None:
    _decided(recorded, rows, event.task_id, event.by_agent, int(bool(event.comment)))
    row = find(rows, event.task_id)
    # A move on the board approves what the board showed.
    head = event.head or (row and row["head"])
    changes = {"approved_head": head, "reviewer": None, "landing_problem": None, "comment": event.comment}
    move(recorded, rows, event.task_id, TaskState.DONE, **changes)


def rejected(recorded: Recorded, event: task.TaskRejected, rows: Rows) -> None:
    if event.cause == "review":
        said = len(event.comments) + int(bool(event.comment) or not event.comments)
        _decided(recorded, rows, event.task_id, event.by_agent, said)
    changes = {"approved_head": None, "reviewer": None, "comment": event.comment}
    move(recorded, rows, event.task_id, TaskState.TODO, **changes)


def landed(recorded: Recorded, event: task.TaskLanded, rows: Rows) -> None:
    row = find(rows, event.task_id)
    if row is not None:
        row["landed"] = {"oid": event.oid, "at": format_instant(recorded.recorded_at)}
        row["landing_problem"] = None
        save(recorded, rows, row)
        tell_blocked(recorded, rows, event.task_id)


def landing_refused(recorded: Recorded, event: task.LandingRefused, rows: Rows) -> None:
    row = find(rows, event.task_id)
    if row is not None:
        at = format_instant(recorded.recorded_at)
        problem = {"kind": event.kind, "message": event.message, "paths": list(event.paths), "at": at}
        save(recorded, rows, row | {"landing_problem": problem})


def commented(recorded: Recorded, event: task.TaskCommented, rows: Rows) -> None:
    row = find(rows, event.task_id)
    if row is None:
        return
    row["comments"] += 1
    row["unread"] = 0 if event.agent_id is None else row["unread"] + 1
    if row["question"] is not None and row["question"]["call_id"] == event.answers:
        row["question"] = None
    save(recorded, rows, row)


def attached(recorded: Recorded, event: task.AttachmentAdded | task.AttachmentRemoved, rows: Rows) -> None:
    row = find(rows, event.task_id)
    if row is not None:
        row["attachments"] += 1 if isinstance(event, task.AttachmentAdded) else -1
        save(recorded, rows, row)


def asked(recorded: Recorded, event: run.QuestionAsked, rows: Rows) -> None:
    row = find(rows, event.task_id)
    if row is not None:
        row["question"] = {"run_id": event.run_id, "call_id": event.call_id, "text": event.question}
        row["comments"] += 1
        row["unread"] += 1
        row["doing"] = step_lines.one_line(f"asks: {event.question}")
        save(recorded, rows, row)


def reviewed(recorded: Recorded, event: task.ReviewSubmitted, rows: Rows) -> None:
    row = find(rows, event.task_id)
    if row is not None:
        said = len(event.review.comments) + int(bool(event.review.comment) or not event.review.comments)
        save(recorded, rows, row | {"comments": row["comments"] + said, "unread": row["unread"] + said})


def set_up(recorded: Recorded, event: run.SetupRan, rows: Rows) -> None:
    _does(recorded, rows, event.task_id, "setup is done" if event.ok else "setup failed")


def used(recorded: Recorded, event: run.ToolUsed, rows: Rows) -> None:
    said = {} if event.arguments.text is None else step_lines.arguments(event.arguments.text)
    _does(recorded, rows, event.task_id, step_lines.of_tool(event.name, said))


def checked(recorded: Recorded, event: run.ChecksRan, rows: Rows) -> None:
    row = find(rows, event.task_id)
    if row is None:
        return
    # Of another attempt than the card's, its own row says it.
    if any(one["run_id"] == event.run_id and one["attempt"] == row["attempt"] for one in row["runs"]):
        row |= {"head": event.head, "checks": event.verdict.value}
    save(recorded, rows, row | {"doing": f"checks are {event.verdict.value}"})


def attempt_requested(recorded: Recorded, event: task.AttemptRequested, rows: Rows) -> None:
    row = find(rows, event.task_id)
    if row is None:
        return
    changes = dict.fromkeys(("branch", "base", "head", "checks", "approved_head", "reviewer", "landing_problem"))
    attempts = {"attempt": event.number, "attempts": max(row["attempts"], event.number)}
    move(recorded, rows, event.task_id, TaskState.TODO, **changes, **attempts)


def attempt_picked(recorded: Recorded, event: task.AttemptPicked, rows: Rows) -> None:
    said = waiting(WaitReason.HUMAN, format_instant(recorded.recorded_at), _APPROVE)
    changes = {"said": said, "reviewer": Review.HUMAN.value, "approved_head": None, "landing_problem": None}
    move(recorded, rows, event.task_id, TaskState.REVIEW, **changes, **_left(event.work))


def paused(recorded: Recorded, event: task.TaskPaused | task.TaskResumed, rows: Rows) -> None:
    row = find(rows, event.task_id)
    if row is not None:
        save(recorded, rows, row | {"paused": int(isinstance(event, task.TaskPaused))})


def limited(recorded: Recorded, event: budget.BudgetSet, rows: Rows) -> None:
    row = find(rows, event.scope_id) if event.scope is Scope.TASK else None
    if row is not None:
        save(recorded, rows, row | {"limit_microusd": event.lifetime_limit_microusd})


def _left(work: Work | None) -> dict[str, Any]:
    if work is None:
        return {}
    return {
        "branch": work.branch,
        "base": work.base,
        "head": work.head,
        "checks": work.checks.value,
        "attempt": work.attempt,
    }


def _decided(recorded: Recorded, rows: Rows, task_id: str, by_agent: str | None, said: int) -> None:
    """A person's word counts as a comment; an agent's stands in its review."""
    row = find(rows, task_id)
    if row is not None and by_agent is None:
        save(recorded, rows, row | {"comments": row["comments"] + said, "unread": 0})


def _does(recorded: Recorded, rows: Rows, task_id: str, line: str) -> None:
    row = find(rows, task_id)
    if row is not None and row["doing"] != line:
        save(recorded, rows, row | {"doing": line})
