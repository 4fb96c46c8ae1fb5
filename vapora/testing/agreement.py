"""Whether what the actors and the read models hold is what the log says: pure comparisons that list what is not."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date
from enum import Enum
from typing import Any

from events import Recorded
from events.ids import LEDGER, TaskState, task_stream
from events.project import ProjectArchived
from projections import MemoryRows, all_projections
from projections.board import Board
from projections.board_waiting import CARDS
from projections.engine.base import Reader, Row
from vapora.domain import budget
from vapora.domain import task_fold as tasks
from vapora.domain.budget import Ledger
from vapora.domain.learning import History
from vapora.domain.swarm import rules as swarm
from vapora.domain.swarm.state import Swarm
from vapora.domain.task_state import Task
from vapora.testing.soundness import Discrepancy
from vapora.views import BoardCard


def rows_of(reader: Reader) -> dict[str, list[Row]]:
    """Every row of every read model, by table."""
    tables = (table for projection in all_projections() for table in projection.TABLES)
    return {table.name: reader.select(table) for table in tables}


def rebuilt(log: Sequence[Recorded]) -> dict[str, list[Row]]:
    """What a rebuild from the first event gives."""
    rows: dict[str, list[Row]] = {}
    for projection in all_projections():
        memory = MemoryRows().fold(projection, log)
        rows |= {table.name: memory.select(table) for table in projection.TABLES}
    return rows


def read_models(held: Mapping[str, Sequence[Row]], log: Sequence[Recorded]) -> list[Discrepancy]:
    """`held`: as `rows_of` gives it."""
    found: list[Discrepancy] = []
    for table, wanted in rebuilt(log).items():
        rows = list(held.get(table, ()))
        if rows == wanted:
            continue
        lost = [row for row in wanted if row not in rows]
        extra = [row for row in rows if row not in wanted]
        first = next(iter([*lost, *extra]), "the order")
        message = f"{len(lost)} rows lost, {len(extra)} too many or different; first {first}"
        found.append(Discrepancy("read models", table, message))
    return found


def cards(shown: Mapping[str, BoardCard], log: Sequence[Recorded]) -> list[Discrepancy]:
    """The board says of each task what the fold of its own stream says; archived ones are not on it."""
    folded = {task_id: one for task_id, one in _tasks(log).items() if one.state is not TaskState.ARCHIVED}
    found: list[Discrepancy] = []
    for task_id in sorted(folded.keys() | shown.keys()):
        task, card = folded.get(task_id), shown.get(task_id)
        if task is None or card is None:
            where = "on the board only" if task is None else "in the log only"
            found.append(Discrepancy("board", task_stream(task_id), f"is {where}"))
        elif (card.state, card.title, card.priority) != (task.state.value, task.title, task.priority):
            message = f"the card says {card.state}, {card.title!r}; the log {task.state.value}, {task.title!r}"
            found.append(Discrepancy("board", task_stream(task_id), message))
    return found


def ledger(held: Ledger, log: Sequence[Recorded]) -> list[Discrepancy]:
    """What the budget manager decides on is what a fold of the ledger gives."""
    fresh = budget.initial()
    for one in log:
        if one.stream == LEDGER:
            budget.evolve(fresh, one.event)
    return _differences("ledger", held, fresh)


def queue(held: Swarm, log: Sequence[Recorded]) -> list[Discrepancy]:
    """What the coordinator decides on is what a fold of its topics gives; and what is in line is what is to be done."""
    fresh = swarm.initial(held.settings)
    for one in log:
        if one.topic in swarm.TOPICS:
            swarm.evolve(fresh, one)
    found = _differences("queue", _all_looked_at(held), _all_looked_at(fresh))
    folded = _tasks(log)
    archived = {one.event.project_id for one in log if isinstance(one.event, ProjectArchived)}
    todo = [one for one in folded.values() if one.state is TaskState.TODO]
    ranks = {row["id"]: row["rank"] for row in MemoryRows().fold(Board(), log).select(CARDS, {"state": "todo"})}
    if {one.id: held.todo.rank(one.id) for one in todo} != ranks:
        order = sorted(ranks, key=ranks.__getitem__)
        found.append(Discrepancy("queue", "order", f"is {list(held.line)}, that of the board {order}"))
    to_do = {
        one.id
        for one in todo
        if not _blocked(one, folded)
        and one.project_id not in archived
        and one.assignee is None
        # Who is paused is compared above.
        and not held.is_paused(one)
    }
    if set(held.line) != to_do:
        found.append(Discrepancy("queue", "line", f"in line are {sorted(held.line)}, to be done {sorted(to_do)}"))
    opened = {one.id for one in folded.values() if not one.is_over}
    if set(held.open_tasks) != opened:
        found.append(
            Discrepancy("queue", "open tasks", f"{sorted(held.open_tasks)} are held, {sorted(opened)} are open")
        )
    return found


def _all_looked_at(view: Swarm) -> Swarm:
    """Whoever was looked at has a history, be it an empty one."""
    view = copy.deepcopy(view)
    for simulated in (False, True):
        list(view.applicants(simulated))
    return view


def _blocked(task: Task, folded: Mapping[str, Task]) -> bool:
    """Done is not enough: what it changed must have landed."""
    blockers = (folded[one] for one in task.blocked_by if one in folded)
    return any(one.state is not TaskState.DONE or not one.is_over for one in blockers)


def _tasks(log: Iterable[Recorded]) -> dict[str, Task]:
    folded: dict[str, Task] = {}
    for one in log:
        if one.topic.startswith("task."):
            after = tasks.evolve(folded.get(one.stream), one.event)
            if after is not None:
                folded[one.stream] = after
    return {task.id: task for task in folded.values()}


def _differences(check: str, held: object, fresh: object) -> list[Discrepancy]:
    one, other = _parts(held), _parts(fresh)
    return [
        Discrepancy(check, name, f"holds {one.get(name)}, the log says {other.get(name)}"[:2_000])
        for name in sorted(one.keys() | other.keys())
        if one.get(name) != other.get(name)
    ]


def _parts(thing: object) -> dict[str, Any]:
    """The attributes, each as plain values. `position` is how far was read, not what is known."""
    return {name: _plain(value) for name, value in _attributes(thing).items() if name != "position"}


def _plain(value: object) -> Any:
    if value is None or isinstance(value, str | int | float | Enum | date):
        return value
    if isinstance(value, Mapping):
        plain = {key: _plain(one) for key, one in value.items()}
        # An agent without a run is one without an entry.
        return {key: one for key, one in plain.items() if one not in (set(), [], {})}
    if isinstance(value, set | frozenset):
        return set(value)
    if isinstance(value, Iterable) and not _attributes(value):
        return [_plain(one) for one in value]
    attributes = _attributes(value)
    return {name: _plain(one) for name, one in attributes.items()} if attributes else repr(value)


def _attributes(thing: object) -> dict[str, Any]:
    if isinstance(thing, History):
        # What it has summed up of them depends on who asked, and when.
        return dict(zip(("last", "by_type"), thing.kept(), strict=True))
    if is_dataclass(thing):
        return {field.name: getattr(thing, field.name) for field in fields(thing)}
    return dict(getattr(thing, "__dict__", {}))
