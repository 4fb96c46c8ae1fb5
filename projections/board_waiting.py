"""What a card in todo waits for: its project, other tasks, or what events said of it."""

from __future__ import annotations

from typing import Any

from events.ids import TaskState, WaitReason
from projections.engine.base import Reader, Row, Rows, Table
from vapora.domain import dependencies

CARDS = Table(
    "board_cards",
    key=("id",),
    columns={
        "id": "text",
        "project_id": "text",
        "title": "text",
        "type": "text",
        "task_type": "text",
        "task_type_reason": "text",
        "role": "text",
        "priority": "int",
        "review": "text",
        "deadline": "text",
        "blocked_by": "json",
        "assignee": "text",
        "workflow_run_id": "text",
        "stage": "text",
        "labels": "json",
        "label_lines": "text",  # each of them between line feeds, to be looked for
        "ring": "json",  # the tasks of `blocked_by` that lead back to this one; null: none do
        "state": "text",
        "done": "int",  # also after it was archived: it blocks nobody any more
        "waiting": "json",  # what the card shows
        "said": "json",  # what events said it waits for; an open blocker hides that for a while
        "assigned_agent": "text",
        "real_microusd": "int",
        "simulated_microusd": "int",
        "runs": "json",
        "comment": "text",
        "branch": "text",
        "base": "text",
        "head": "text",
        "checks": "text",
        "approved_head": "text",
        "landed": "json",
        "landing_problem": "json",
        "attempt": "int",
        "attempts": "int",
        "reviewer": "text",
        "sandbox": "text",
        "doing": "text",
        "question": "json",
        "handed_over": "text",
        "attachments": "int",
        "comments": "int",
        "unread": "int",
        "limit_microusd": "int",
        "paused": "int",  # by itself: of a whole project or workspace, see `PAUSES`
        "created_at": "text",
        "created_position": "int",
        "texts_position": "int",  # of the last change of its texts: that is a change of the card
        "updated_at": "text",
        "rank": "text",
        "simulated": "int",
    },
    indexes=(("state", "rank"), ("project_id", "state", "rank"), ("created_position",), ("workflow_run_id",)),
)
# Whom a task blocks.
BLOCKERS = Table("board_blockers", key=("id",), columns={"id": "text", "blocks": "json"})
# Projects of which nothing starts any more.
CLOSED_PROJECTS = Table("board_closed_projects", key=("id",), columns={"id": "text"})

# The workspace and the projects of which nothing starts now. Those that go on again stay, so that sockets are told.
PAUSES = Table(
    "board_pauses",
    key=("scope", "id"),
    columns={"scope": "text", "id": "text", "paused_at": "text", "reason": "text", "paused": "int"},
)

# Looking a member up in its enumeration takes longer than comparing it.
_TODO = TaskState.TODO
_ARCHIVED_PROJECT = (
    "The project is archived: nothing of it starts any more. Archive the card, or submit it in another project."
)


def waiting(reason: WaitReason, at: str, remedy: str) -> dict[str, Any]:
    return {"reason": reason.value, "since": at, "remedy": remedy}


def waits_for(rows: Reader, row: Row, at: str) -> dict[str, Any] | None:
    said: dict[str, Any] | None = row["said"]
    if row["state"] != _TODO:
        return said
    if rows.get(CLOSED_PROJECTS, (row["project_id"],)) is not None:
        return _since(row, at, WaitReason.PAUSED, _ARCHIVED_PROJECT)
    paused = _paused(rows, row)
    if paused is not None:
        return _since(row, at, WaitReason.PAUSED, paused)
    remedy = _dependency(rows, row)
    if remedy is not None:
        return _since(row, at, WaitReason.DEPENDENCY, remedy)
    # That it waits for others is told by the others, not by what was said of them once.
    return None if said and said["reason"] == WaitReason.DEPENDENCY else said


def block(rows: Rows, task_id: str, before: list[str], after: list[str]) -> None:
    """The task was blocked by `before` and now is by `after`."""
    for blocker in [*before, *after]:
        known = rows.get(BLOCKERS, (blocker,))
        others = [other for other in (known["blocks"] if known else []) if other != task_id]
        rows.put(BLOCKERS, {"id": blocker, "blocks": others + [task_id] * (blocker in after)})


def rings(rows: Reader, task_id: str) -> dict[str, dependencies.Ring]:
    """The tasks that are on a ring with this one, as the rows are now."""

    def blockers(one: str) -> list[str]:
        row = rows.get(CARDS, (one,))
        return [] if row is None or row["done"] or row["state"] == TaskState.ARCHIVED else list(row["blocked_by"])

    return dependencies.rings(task_id, blockers)


def _since(row: Row, at: str, reason: WaitReason, remedy: str) -> dict[str, Any]:
    before = row["waiting"]
    return waiting(reason, before["since"] if before and before["reason"] == reason else at, remedy)


def paused(rows: Reader, project_id: str | None = None) -> list[Row]:
    """What is paused now; `project_id`: nothing of other projects."""
    found = rows.select(PAUSES, {"paused": 1})
    return [row for row in found if row["scope"] == "workspace" or project_id in (None, row["id"])]


def _paused(rows: Reader, row: Row) -> str | None:
    for scope, id_ in (("workspace", "workspace"), ("project", row["project_id"])):
        pause = rows.get(PAUSES, (scope, id_))
        if pause is not None and pause["paused"]:
            said = f" ({pause['reason']})" if pause["reason"] else ""
            return f"The {scope} is paused{said}: resume it, and the card starts by itself."
    return "It is paused: resume it, and it starts by itself." if row["paused"] else None


def _dependency(rows: Reader, row: Row) -> str | None:
    if row["ring"]:
        return dependencies.ring_remedy(tuple(row["ring"]))
    if not row["blocked_by"]:
        return None
    found = {task_id: rows.get(CARDS, (task_id,)) for task_id in row["blocked_by"]}
    unlanded = [task_id for task_id, blocker in found.items() if blocker is not None and _is_unlanded(blocker)]
    return dependencies.remedy({task_id: _state(blocker) for task_id, blocker in found.items()}, unlanded)


def _is_unlanded(row: Row) -> bool:
    """Done, and its work is not part of the project's branch: who builds on it would begin without it."""
    return row["state"] == TaskState.DONE and row["landed"] is None and row["head"] != row["base"]


def _state(row: Row | None) -> TaskState | None:
    if row is None:
        return None
    return TaskState.DONE if row["done"] else TaskState(row["state"])
