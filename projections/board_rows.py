"""The board's rows: their columns, what a card waits for, and where it stands in its column."""

from __future__ import annotations

from typing import Any

from events import Recorded
from events.ids import TaskState, WaitReason
from projections.base import Reader, Row, Rows, Table, instant
from vapora import views

CARDS = Table(
    "board_cards",
    key=("id",),
    columns={
        "id": "text",
        "project_id": "text",
        "title": "text",
        "description": "text",
        "type": "text",
        "task_type": "text",
        "task_type_reason": "text",
        "role": "text",
        "priority": "int",
        "review": "text",
        "deadline": "text",
        "context": "json",
        "blocked_by": "json",
        "state": "text",
        "done": "int",  # also after it was archived: it blocks nobody any more
        "waiting": "json",  # what the card shows
        "said": "json",  # what events said it waits for; an open blocker hides that for a while
        "assigned_agent": "text",
        "real_microusd": "int",
        "simulated_microusd": "int",
        "runs": "json",
        "comment": "text",
        "created_at": "text",
        "created_position": "int",
        "updated_at": "text",
        "rank": "real",
        "simulated": "int",
    },
    indexes=(("state", "rank"), ("created_position",)),
)
# Whom a task blocks.
BLOCKERS = Table("board_blockers", key=("id",), columns={"id": "text", "blocks": "json"})

# Looking a member up in its enumeration takes longer than comparing it.
_TODO = TaskState.TODO
_DEAD = (TaskState.FAILED, TaskState.ARCHIVED)
_PRIVATE = {"done", "said", "real_microusd", "simulated_microusd", "created_position"}


def card_of(row: Row) -> views.TaskCard:
    """A card that rehearsals touched says so; its cost is the real money as soon as there is any, never the sum."""
    fields = {name: value for name, value in row.items() if name not in _PRIVATE}
    runs = [{name: value for name, value in one.items() if name != "simulated"} for one in row["runs"]]
    return views.TaskCard.model_validate(
        {
            **fields,
            "runs": runs,
            "cost_microusd": row["real_microusd"] or row["simulated_microusd"],
            "simulated": bool(row["simulated"]),
        }
    )


def find(rows: Reader, task_id: str) -> Row | None:
    """None for a card that was never submitted: events about it change nothing here."""
    return rows.get(CARDS, (task_id,))


def save(recorded: Recorded, rows: Rows, row: Row, new: bool = False) -> None:
    """Put the card with what it waits for now. The row is given away. `new`: nobody has to look for it."""
    at = instant(recorded.recorded_at)
    row["waiting"], row["updated_at"] = _waiting(rows, row, at), at
    (rows.add if new else rows.put)(CARDS, row)


def waiting(reason: WaitReason, at: str, remedy: str) -> dict[str, Any]:
    return {"reason": reason.value, "since": at, "remedy": remedy}


def block(rows: Rows, task_id: str, before: list[str], after: list[str]) -> None:
    """The task was blocked by `before` and now is by `after`."""
    for blocker in [*before, *after]:
        known = rows.get(BLOCKERS, (blocker,))
        others = [other for other in (known["blocks"] if known else []) if other != task_id]
        rows.put(BLOCKERS, {"id": blocker, "blocks": others + [task_id] * (blocker in after)})


def tell_blocked(recorded: Recorded, rows: Rows, task_id: str) -> None:
    """Its state has changed: so may have what the cards that it blocks wait for."""
    blocker = rows.get(BLOCKERS, (task_id,))
    for blocked in blocker["blocks"] if blocker else []:
        row = find(rows, blocked)
        if row is not None and row["waiting"] != _waiting(rows, row, instant(recorded.recorded_at)):
            save(recorded, rows, row)


def rank_before(recorded: Recorded, rows: Rows, row: Row, before: str | None) -> float:
    """Midway between the card named and the one that stands before it; at the end of the column where none is named.

    Ranks never exceed the position of the event that set them, so the present position is behind them all.
    """
    target = find(rows, before) if before is not None else None
    if target is None or target["state"] != row["state"] or target["id"] == row["id"]:
        return float(recorded.position)
    column = [card for card in _column(rows, row["state"]) if card["id"] != row["id"]]
    place = next(index for index, card in enumerate(column) if card["id"] == target["id"])
    low = column[place - 1]["rank"] if place else target["rank"] - 1.0
    middle: float = (low + target["rank"]) / 2
    if low < middle < target["rank"]:
        return middle
    # Some fifty cards were put into one gap, and a float has no number left between them: space the column anew.
    step = recorded.position / (len(column) + 2)
    for index, card in enumerate(column):
        rows.put(CARDS, {**card, "rank": step * (index + 1 + (index >= place))})
    return step * (place + 1)


def _column(rows: Reader, state: str) -> list[Row]:
    return rows.select(CARDS, {"state": state}, order=("rank",))


def _waiting(rows: Reader, row: Row, at: str) -> dict[str, Any] | None:
    said: dict[str, Any] | None = row["said"]
    if row["state"] != _TODO:
        return said
    remedy = _remedy(rows, row["blocked_by"])
    if remedy is None:
        # That it waits for others is told by the others, not by what was said of them once.
        return None if said and said["reason"] == WaitReason.DEPENDENCY else said
    before = row["waiting"]
    since = before["since"] if before and before["reason"] == WaitReason.DEPENDENCY else at
    return waiting(WaitReason.DEPENDENCY, since, remedy)


def _remedy(rows: Reader, blocked_by: list[str]) -> str | None:
    """What would let a card begin that is blocked by these; None where all of them are done."""
    blockers = {task_id: find(rows, task_id) for task_id in blocked_by}
    dead = [task_id for task_id, row in blockers.items() if row is None or (row["state"] in _DEAD and not row["done"])]
    if dead:
        return f"{', '.join(dead)} failed, was archived or does not exist: have it done, or take it out of blocked_by."
    alive = [task_id for task_id, row in blockers.items() if row is not None and not row["done"]]
    return f"It starts by itself as soon as {', '.join(alive)} {_is(alive)} done." if alive else None


def _is(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"
