"""The board's tables, and how its cards are read, written, counted and put into order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from events import Recorded
from events.ids import TaskState
from projections.board_waiting import BLOCKERS, CARDS, rings, waits_for
from projections.engine.base import Reader, Row, Rows, Table, format_instant
from vapora import views
from vapora.domain import rank

# What a card says at length. Apart from the cards, which change some fifteen times while these stay.
TEXTS = Table("board_texts", key=("id",), columns={"id": "text", "description": "text", "context": "json"})
# How many cards a column holds, for each project.
COUNTS = Table(
    "board_counts",
    key=("project_id", "state"),
    columns={"project_id": "text", "state": "text", "cards": "int"},
)

_PRIVATE = {
    *(
        "label_lines",
        "done",
        "said",
        "real_microusd",
        "simulated_microusd",
        "created_position",
        "texts_position",
        "ring",
        "paused",
    ),
}


def card_of(row: Row) -> views.BoardCard:
    """A card that rehearsals touched says so; its cost is the real money as soon as there is any, never the sum."""
    return views.BoardCard.model_validate(_shown(row))


def whole_card(rows: Reader, task_id: str) -> views.TaskCard | None:
    """With its texts; None for a card that was never submitted."""
    row, texts = find(rows, task_id), rows.get(TEXTS, (task_id,))
    if row is None or texts is None:
        return None
    said = {name: texts[name] for name in ("description", "context")}
    return views.TaskCard.model_validate(_shown(row) | said)


def _shown(row: Row) -> dict[str, Any]:
    runs = [{name: value for name, value in one.items() if name != "simulated"} for one in row["runs"]]
    return {
        **{name: value for name, value in row.items() if name not in _PRIVATE},
        "runs": runs,
        "cost_microusd": row["real_microusd"] or row["simulated_microusd"],
        "simulated": bool(row["simulated"]),
    }


def find(rows: Reader, task_id: str) -> Row | None:
    """None for a card that was never submitted: events about it change nothing here."""
    return rows.get(CARDS, (task_id,))


def save(recorded: Recorded, rows: Rows, row: Row, new: bool = False) -> None:
    """Put the card with what it waits for now. The row is given away. `new`: nobody has to look for it."""
    at = format_instant(recorded.recorded_at)
    row["waiting"], row["updated_at"] = waits_for(rows, row, at), at
    (rows.add if new else rows.put)(CARDS, row)


def refresh(recorded: Recorded, rows: Rows, task_id: str) -> None:
    """Save a card if it waits for something else than it says."""
    row = find(rows, task_id)
    if row is not None and row["waiting"] != waits_for(rows, row, format_instant(recorded.recorded_at)):
        save(recorded, rows, row)


def tell_blocked(recorded: Recorded, rows: Rows, task_id: str) -> None:
    """Its state has changed: so may have what the cards that it blocks wait for."""
    blocker = rows.get(BLOCKERS, (task_id,))
    for blocked in blocker["blocks"] if blocker else []:
        refresh(recorded, rows, blocked)


def count(rows: Rows, project_id: str, left: str | None, entered: str) -> None:
    """A card has left one column and entered another."""
    for state, more in ((left, -1), (entered, 1)):
        if state is not None:
            known = rows.get(COUNTS, (project_id, state))
            cards = (known["cards"] if known else 0) + more
            rows.put(COUNTS, {"project_id": project_id, "state": state, "cards": cards})


def counted(rows: Reader, project_id: str | None) -> dict[str, dict[str, int]]:
    """The cards of each project, or of this one, in each column that ever held any of them."""
    where = {} if project_id is None else {"project_id": project_id}
    found: dict[str, dict[str, int]] = {}
    for row in rows.select(COUNTS, where, ("project_id", "state")):
        found.setdefault(row["project_id"], {})[row["state"]] = row["cards"]
    return found


@dataclass(frozen=True, slots=True)
class Column:
    """The cards of one column, for `vapora.domain.rank`."""

    rows: Reader
    state: str

    def rank(self, task_id: str) -> str | None:
        row = find(self.rows, task_id)
        return row["rank"] if row is not None and row["state"] == self.state else None

    def downwards(self, below: str | None) -> Iterator[tuple[str, str]]:
        while True:
            after = None if below is None else (below,)
            # Two: one of them may be the card that is being moved.
            found = self.rows.select(CARDS, {"state": self.state}, ("-rank",), 2, after)
            yield from ((row["rank"], row["id"]) for row in found)
            if len(found) < 2:
                return
            below = found[-1]["rank"]


def moved(recorded: Recorded, rows: Rows, row: Row, target: str | None) -> str:
    """The rank of a card that was moved within its column before `target` (None: to the end)."""
    if TaskState(row["state"]) in rank.ENDED:
        return str(row["rank"])
    place = rank.moved(Column(rows, row["state"]), row["id"], target, recorded.position)
    return str(row["rank"]) if place is None else place


def on_ring(rows: Rows, row: Row) -> set[str]:
    """The cards that the row is on a ring with."""
    return set(rings(rows, row["id"])) if row["ring"] else set()


def tell_rings(recorded: Recorded, rows: Rows, task_ids: set[str]) -> None:
    """Of these cards, rings may have come or gone."""
    for task_id in sorted(task_ids):
        row = find(rows, task_id)
        ring = rings(rows, task_id).get(task_id)
        if row is not None and row["ring"] != (list(ring) if ring else None):
            save(recorded, rows, {**row, "ring": list(ring) if ring else None})


def move(recorded: Recorded, rows: Rows, task_id: str, state: TaskState, **changes: Any) -> None:
    """To its place in another column. What it waited for, it waits for no longer."""
    row = find(rows, task_id)
    if row is None:
        return
    if state is TaskState.TODO:
        changes["assigned_agent"] = None
    done = int(state is TaskState.DONE or (state is TaskState.ARCHIVED and bool(row["done"])))
    comment = changes.pop("comment", "") or row["comment"]
    before, left = on_ring(rows, row), row["state"]
    if left != state.value:
        row["rank"] = rank.entering(state, row["priority"], recorded.position)
    row |= {"state": state.value, "done": done, "comment": comment, "said": None, **changes}
    save(recorded, rows, row)
    tell_rings(recorded, rows, before)
    tell_blocked(recorded, rows, task_id)
    count(rows, row["project_id"], left, state.value)
