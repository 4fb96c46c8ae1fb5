"""The board: one row a task, with all that its card shows but for its texts, which have a table of their own.

The row is complete in itself (runs, cost, what it waits for), so that a change of a blocker is a change of every
card that it blocks and reaches the browser as such.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from events import DomainEvent, Recorded, agent, budget, project, run, task, workspace
from events.base import changes as edits
from events.ids import TaskState
from projections import board_work
from projections.board_rows import (
    COUNTS,
    TEXTS,
    card_of,
    count,
    counted,
    find,
    move,
    moved,
    on_ring,
    refresh,
    save,
    tell_blocked,
    tell_rings,
    whole_card,
)
from projections.board_runs import booked, called, continued, ends_as, handed_over, started, suspended, waits
from projections.board_waiting import BLOCKERS, CARDS, CLOSED_PROJECTS, PAUSES, block, paused, rings
from projections.engine.base import (
    Condition,
    Contains,
    Handler,
    Key,
    Projection,
    PublicView,
    Reader,
    Row,
    Rows,
    format_instant,
)
from vapora import views
from vapora.domain import rank
from vapora.errors import BadInputError

SHOWN = 200  # cards of a column at once
COLUMNS = (TaskState.TODO, TaskState.IN_PROGRESS, TaskState.REVIEW, TaskState.DONE, TaskState.FAILED)

# The orders that lists of tasks may have. All columns of one run one way, the last one tells equals apart.
SORTS: Mapping[str, tuple[str, ...]] = {
    "-created": ("-created_position",),
    "created": ("created_position",),
    "-updated": ("-position", "-id"),
    "updated": ("position", "id"),
    "-priority": ("-priority", "-created_position"),
    "priority": ("priority", "created_position"),
}

# A rank.
_CURSOR = re.compile("[0-9a-f]{18,1000}")


def _submitted(recorded: Recorded, event: task.TaskSubmitted, rows: Rows) -> None:
    at = format_instant(recorded.recorded_at)
    # By hand, here and below: pydantic's dumps take longer than all the rest of a handler.
    fields = dict(vars(event))
    del fields["agent"]  # the card says who has it, and why
    texts = {"id": event.task_id, "description": fields.pop("description"), "context": fields.pop("context")}
    row = {
        "id": fields.pop("task_id"),
        **fields,
        "type": event.type.value,
        "review": event.review.value,
        "blocked_by": list(event.blocked_by),
        "labels": [],
        "label_lines": "",
        "ring": None,  # others learn of this card only now
        "deadline": format_instant(event.deadline) if event.deadline else None,
        "state": TaskState.TODO.value,
        "done": 0,
        "waiting": None,
        "said": None,
        "assigned_agent": None,
        "real_microusd": 0,
        "simulated_microusd": 0,
        "runs": [],
        "comment": "",
        **board_work.NOTHING_YET,
        "created_at": at,
        "created_position": recorded.position,
        "texts_position": recorded.position,
        "rank": rank.entering(TaskState.TODO, event.priority, recorded.position),
        "simulated": 0,
    }
    rows.add(TEXTS, texts)
    block(rows, event.task_id, [], list(event.blocked_by))
    save(recorded, rows, row, new=True)
    tell_blocked(recorded, rows, event.task_id)
    count(rows, event.project_id, None, TaskState.TODO.value)


def _edited(recorded: Recorded, event: task.TaskEdited, rows: Rows) -> None:
    row = find(rows, event.task_id)
    if row is None:
        return
    changes = edits(event, "task_id", mode="json")
    if event.deadline is not None:
        changes["deadline"] = format_instant(event.deadline)
    if "description" in changes:
        texts = rows.get(TEXTS, (event.task_id,)) or {"id": event.task_id, "context": {}}
        rows.put(TEXTS, {**texts, "description": changes.pop("description")})
        changes["texts_position"] = recorded.position
    if "priority" in changes and TaskState(row["state"]) not in rank.ENDED:
        changes["rank"] = rank.entering(TaskState(row["state"]), changes["priority"], recorded.position)
    if "blocked_by" not in changes:
        save(recorded, rows, {**row, **changes})
        return
    block(rows, event.task_id, row["blocked_by"], changes["blocked_by"])
    before = on_ring(rows, row)
    save(recorded, rows, {**row, **changes})
    tell_rings(recorded, rows, before | rings(rows, event.task_id).keys())


def _labelled(recorded: Recorded, event: task.TaskLabelled, rows: Rows) -> None:
    row = find(rows, event.task_id)
    if row is not None:
        lines = _line("\n".join(event.labels))
        save(recorded, rows, {**row, "labels": list(event.labels), "label_lines": lines})


def _line(label: str) -> str:
    return f"\n{label}\n"


def _reordered(recorded: Recorded, event: task.TaskReordered, rows: Rows) -> None:
    row = find(rows, event.task_id)
    if row is not None:
        save(recorded, rows, {**row, "rank": moved(recorded, rows, row, event.before)})


def _moves_to(state: TaskState) -> Handler:
    def handler(recorded: Recorded, event: Any, rows: Rows) -> None:
        move(recorded, rows, event.task_id, state, comment=getattr(event, "comment", ""))

    return handler


def _assigned(recorded: Recorded, event: task.TaskAssigned, rows: Rows) -> None:
    move(
        recorded,
        rows,
        event.task_id,
        TaskState.IN_PROGRESS,
        assigned_agent=event.agent_id,
        question=None,
        handed_over="",
    )


def _requeued(recorded: Recorded, event: task.TaskRequeued, rows: Rows) -> None:
    """It keeps its place in the column; what it waited for, it waits for no longer."""
    row = find(rows, event.task_id)
    if row is not None:
        save(recorded, rows, {**row, "said": None})


def _project_archived(recorded: Recorded, event: project.ProjectArchived, rows: Rows) -> None:
    """Its cards in todo will not start, and say so; what runs may end."""
    rows.put(CLOSED_PROJECTS, {"id": event.project_id})
    for row in rows.select(CARDS, {"project_id": event.project_id, "state": TaskState.TODO.value}):
        refresh(recorded, rows, row["id"])


def _paused(recorded: Recorded, event: Any, rows: Rows) -> None:
    """Its cards in todo say so, or what they wait for otherwise. Runs say it themselves."""
    of_project = isinstance(event, project.ProjectPaused | project.ProjectResumed)
    scope, id_ = ("project", event.project_id) if of_project else ("workspace", "workspace")
    is_paused = isinstance(event, project.ProjectPaused | workspace.WorkspacePaused)
    at = format_instant(recorded.recorded_at)
    said = {"reason": getattr(event, "reason", ""), "paused_at": at, "paused": int(is_paused)}
    rows.put(PAUSES, {"scope": scope, "id": id_, **said})
    where = {"state": TaskState.TODO.value} | ({"project_id": event.project_id} if of_project else {})
    for row in rows.select(CARDS, where):
        refresh(recorded, rows, row["id"])


def _live_pause(row: Row) -> dict[str, Any]:
    said = _pause(row).model_dump(mode="json")
    return {**said, "id": f"{row['scope']}/{row['id']}", "paused": bool(row["paused"]), "position": row["position"]}


def _live(row: Row) -> dict[str, Any]:
    return card_of(row).model_dump(mode="json")


def _live_count(row: Row) -> dict[str, Any]:
    return {"id": f"{row['project_id']}/{row['state']}", **row}


class Board(Projection):
    NAME = "board"
    VERSION = 7
    TABLES = (CARDS, TEXTS, BLOCKERS, COUNTS, CLOSED_PROJECTS, PAUSES)
    VIEWS = (
        PublicView("task", CARDS, _live),
        PublicView("column", COUNTS, _live_count),
        PublicView("pause", PAUSES, _live_pause),
    )
    KEEPS_HISTORY = True
    HANDLERS: ClassVar[Mapping[type[DomainEvent], Handler]] = {
        task.TaskSubmitted: _submitted,
        task.TaskEdited: _edited,
        task.TaskLabelled: _labelled,
        task.TaskReordered: _reordered,
        task.TaskAssigned: _assigned,
        task.TaskHandedOver: handed_over,
        agent.AgentSuspended: suspended,
        task.TaskWaiting: waits,
        task.TaskSentToReview: board_work.sent_to_review,
        task.TaskCompleted: board_work.completed,
        task.TaskApproved: board_work.approved,
        task.TaskFailed: _moves_to(TaskState.FAILED),
        task.TaskReleased: _moves_to(TaskState.TODO),
        task.TaskRejected: board_work.rejected,
        task.TaskLanded: board_work.landed,
        task.LandingRefused: board_work.landing_refused,
        task.TaskCommented: board_work.commented,
        **dict.fromkeys((task.AttachmentAdded, task.AttachmentRemoved), board_work.attached),
        task.ReviewSubmitted: board_work.reviewed,
        task.AttemptRequested: board_work.attempt_requested,
        task.AttemptPicked: board_work.attempt_picked,
        task.TaskPaused: board_work.paused,
        task.TaskResumed: board_work.paused,
        task.TaskReopened: _moves_to(TaskState.TODO),
        task.TaskRequeued: _requeued,
        task.TaskRecalled: _moves_to(TaskState.TODO),
        task.TaskArchived: _moves_to(TaskState.ARCHIVED),
        project.ProjectArchived: _project_archived,
        **dict.fromkeys((project.ProjectPaused, project.ProjectResumed), _paused),
        **dict.fromkeys((workspace.WorkspacePaused, workspace.WorkspaceResumed), _paused),
        run.RunStarted: started,
        run.SetupRan: board_work.set_up,
        run.ModelCalled: called,
        run.ToolUsed: board_work.used,
        run.QuestionAsked: board_work.asked,
        run.ChecksRan: board_work.checked,
        run.RunWaiting: waits,
        run.RunContinued: continued,
        run.RunSucceeded: ends_as("succeeded"),
        run.RunFailed: ends_as("failed"),
        run.RunCancelled: ends_as("cancelled"),
        budget.SpendUnknown: booked,
        budget.BudgetSet: board_work.limited,
    }


def card(rows: Reader, task_id: str) -> views.TaskCard | None:
    return whole_card(rows, task_id)


def board(
    rows: Reader,
    project_id: str | None,
    position: int,
    column: TaskState | None = None,
    cursor: str | None = None,
    label: str | None = None,
) -> views.Board:
    """At most 200 cards of each column, or of `column` those after `cursor`, which is the `next` of the cards before.
    `label`: those that bear it; `counts` are of all.

    Todo, in progress and review by rank; of done and failed the newest first.
    """
    shown: dict[str, tuple[views.BoardCard, ...]] = {}
    following: dict[str, str | None] = {}
    for state in COLUMNS if column is None else (column,):
        found = _cards(rows, project_id, state, cursor, label)
        more = len(found) > SHOWN
        shown[state.value] = tuple(map(card_of, found[:SHOWN]))
        following[state.value] = found[SHOWN - 1]["rank"] if more else None
    by_project = {
        project: {state: cards for state, cards in held.items() if state in shown}
        for project, held in counted(rows, project_id).items()
    }
    return views.Board(
        position=position,
        columns=shown,
        counts={state: sum(held.get(state, 0) for held in by_project.values()) for state in shown},
        counts_by_project=by_project,
        next=following,
        truncated=tuple(state for state, after in following.items() if after is not None),
        paused=tuple(map(_pause, paused(rows, project_id))),
    )


def _pause(row: Row) -> views.PauseView:
    return views.PauseView(scope=row["scope"], id=row["id"], since=row["paused_at"], reason=row["reason"])


def _cards(rows: Reader, project_id: str | None, state: TaskState, cursor: str | None, label: str | None) -> list[Row]:
    """One more than are shown, if there are more."""
    if cursor is not None and not _CURSOR.fullmatch(cursor):
        raise BadInputError(
            f"{cursor!r} is not a cursor.",
            remedy="Pass `next` of the column as it was answered.",
            field="cursor",
            where="query",
        )
    where: dict[str, Condition] = {"state": state.value}
    where |= ({} if project_id is None else {"project_id": project_id}) | _bearing(label)
    order = "-rank" if state in rank.ENDED else "rank"
    return rows.select(CARDS, where, (order,), SHOWN + 1, None if cursor is None else (cursor,))


def _bearing(label: str | None) -> dict[str, Condition]:
    return {} if label is None else {"label_lines": Contains(_line(label))}


def cards_of_workflow_run(rows: Reader, workflow_run_id: str) -> dict[str, views.BoardCard]:
    """All that its stages made, by id."""
    return {row["id"]: card_of(row) for row in rows.select(CARDS, {"workflow_run_id": workflow_run_id})}


def tasks(
    rows: Reader,
    project_id: str | None = None,
    state: TaskState | None = None,
    role: str | None = None,
    cursor: str | None = None,
    limit: int = 100,
    label: str | None = None,
    sort: str = "-created",
) -> views.Page[views.BoardCard]:
    """Archived ones too. `role` is the one that the task asks for. `sort`: of `SORTS`. `cursor`: a page's `next`."""
    wanted = {"project_id": project_id, "state": state.value if state else None, "role": role}
    order = SORTS[sort]
    found = rows.select(
        CARDS,
        {name: value for name, value in wanted.items() if value is not None} | _bearing(label),
        order=order,
        limit=limit + 1,
        after=None if cursor is None else _after(cursor, order),
    )
    more = ".".join(str(found[limit - 1][name.lstrip("-")]) for name in order) if len(found) > limit else None
    return views.Page[views.BoardCard](items=tuple(map(card_of, found[:limit])), next=more)


def _after(cursor: str, order: Sequence[str]) -> Key:
    """The values of the order's columns in the last row of the page before."""
    parts = cursor.split(".")
    kinds = {**CARDS.columns, "position": "int"}
    whole = [kinds[name.lstrip("-")] == "int" for name in order]
    fits = [part.isdigit() or not is_int for part, is_int in zip(parts, whole, strict=False)]
    if len(parts) != len(order) or not all(fits):
        raise BadInputError(
            f"{cursor!r} is not a cursor of this order.",
            remedy="Pass `next` of the page before, with the same `sort`.",
            field="cursor",
            where="query",
        )
    return tuple(int(part) if is_int else part for part, is_int in zip(parts, whole, strict=True))
