"""The tries at a task that stand side by side, each on a branch of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from events import DomainEvent, Recorded, budget, run, task
from projections.engine.base import Handler, Projection, PublicView, Reader, Row, Rows, Table
from vapora.views import Attempt

ATTEMPTS = Table(
    "attempts",
    key=("task_id", "number"),
    columns={
        "task_id": "text",
        "number": "int",
        "state": "text",
        "picked": "int",
        "branch": "text",
        "base": "text",
        "head": "text",
        "checks": "text",
        "run_id": "text",  # the newest that worked on it
        "agent_id": "text",
        "model": "text",
        "fork": "json",
        "cost_microusd": "int",
        "summary": "text",
        "simulated": "int",
    },
)
# Which attempt a run works on.
ATTEMPT_OF_RUN = Table(
    "attempt_of_run", key=("run_id",), columns={"run_id": "text", "task_id": "text", "number": "int"}
)


def _requested(recorded: Recorded, event: task.AttemptRequested, rows: Rows) -> None:
    fork = None if event.fork is None else event.fork.model_dump(mode="json")
    row = _new(event.task_id, event.number) | {"agent_id": event.agent_id, "model": event.model, "fork": fork}
    rows.put(ATTEMPTS, row)


def _started(recorded: Recorded, event: run.RunStarted, rows: Rows) -> None:
    if event.workplace is None or event.purpose == "review":
        return
    place = event.workplace
    known = rows.get(ATTEMPTS, (event.task_id, place.attempt)) or _new(event.task_id, place.attempt)
    row = known | {
        "state": "running",
        "branch": place.branch,
        "base": place.base,
        "head": place.head,
        "checks": None,
        "run_id": event.run_id,
        "agent_id": event.agent_id,
        "model": event.model or known["model"],
        "simulated": int(known["simulated"] or event.simulated),
    }
    # The first one is the card's until another is picked.
    row["picked"] = int(bool(known["picked"]) or (place.attempt == 1 and not _picked(rows, event.task_id)))
    rows.put(ATTEMPTS, row)
    rows.put(ATTEMPT_OF_RUN, {"run_id": event.run_id, "task_id": event.task_id, "number": place.attempt})


def _called(recorded: Recorded, event: run.ModelCalled, rows: Rows) -> None:
    _pay(rows, event.run_id, event.cost_microusd)


def _booked(recorded: Recorded, event: budget.SpendUnknown, rows: Rows) -> None:
    _pay(rows, event.charge.run_id, event.amount_microusd)


def _used(recorded: Recorded, event: run.ToolUsed, rows: Rows) -> None:
    row = _of_run(rows, event.run_id)
    if row is not None and event.commit is not None:
        rows.put(ATTEMPTS, row | {"head": event.commit})


def _checked(recorded: Recorded, event: run.ChecksRan, rows: Rows) -> None:
    row = _of_run(rows, event.run_id)
    if row is not None:
        rows.put(ATTEMPTS, row | {"head": event.head, "checks": event.verdict.value})


def _waits(recorded: Recorded, event: run.RunWaiting, rows: Rows) -> None:
    _change(rows, event.run_id, state="waiting")


def _continued(recorded: Recorded, event: run.RunContinued, rows: Rows) -> None:
    _change(rows, event.run_id, state="running")


def _succeeded(recorded: Recorded, event: run.RunSucceeded, rows: Rows) -> None:
    work = event.work
    left = {} if work is None else {"base": work.base, "head": work.head, "checks": work.checks.value}
    _change(rows, event.run_id, state="succeeded", summary=event.summary, **left)


def _failed(recorded: Recorded, event: run.RunFailed, rows: Rows) -> None:
    _change(rows, event.run_id, state="failed", summary=event.reason)


def _cancelled(recorded: Recorded, event: run.RunCancelled, rows: Rows) -> None:
    _change(rows, event.run_id, state="cancelled", summary=event.reason)


def _chosen(recorded: Recorded, event: task.AttemptPicked, rows: Rows) -> None:
    for row in rows.select(ATTEMPTS, {"task_id": event.task_id}):
        picked = int(row["number"] == event.number)
        if row["picked"] != picked:
            rows.put(ATTEMPTS, row | {"picked": picked})


def _new(task_id: str, number: int) -> Row:
    return {
        "task_id": task_id,
        "number": number,
        "state": "requested",
        **dict.fromkeys(("branch", "base", "head", "checks", "run_id", "agent_id", "model", "fork")),
        **dict.fromkeys(("picked", "cost_microusd", "simulated"), 0),
        "summary": "",
    }


def _picked(rows: Reader, task_id: str) -> bool:
    return any(row["picked"] for row in rows.select(ATTEMPTS, {"task_id": task_id}))


def _of_run(rows: Reader, run_id: str) -> Row | None:
    of = rows.get(ATTEMPT_OF_RUN, (run_id,))
    row = None if of is None else rows.get(ATTEMPTS, (of["task_id"], of["number"]))
    return row if row is not None and row["run_id"] == run_id else None


def _change(rows: Rows, run_id: str, **changes: Any) -> None:
    row = _of_run(rows, run_id)
    if row is not None:
        rows.put(ATTEMPTS, row | changes)


def _pay(rows: Rows, run_id: str, amount: int) -> None:
    row = _of_run(rows, run_id)
    if row is not None:
        rows.put(ATTEMPTS, row | {"cost_microusd": row["cost_microusd"] + amount})


def _view(row: Row) -> Attempt:
    return Attempt.model_validate(row | {"picked": bool(row["picked"]), "simulated": bool(row["simulated"])})


def _live(row: Row) -> dict[str, Any]:
    return {"id": f"{row['task_id']}/{row['number']}", **_view(row).model_dump(mode="json")}


class Attempts(Projection):
    NAME = "attempts"
    VERSION = 1
    TABLES = (ATTEMPTS, ATTEMPT_OF_RUN)
    VIEWS = (PublicView("attempt", ATTEMPTS, _live),)
    HANDLERS: ClassVar[Mapping[type[DomainEvent], Handler]] = {
        task.AttemptRequested: _requested,
        task.AttemptPicked: _chosen,
        run.RunStarted: _started,
        run.ModelCalled: _called,
        run.ToolUsed: _used,
        run.ChecksRan: _checked,
        run.RunWaiting: _waits,
        run.RunContinued: _continued,
        run.RunSucceeded: _succeeded,
        run.RunFailed: _failed,
        run.RunCancelled: _cancelled,
        budget.SpendUnknown: _booked,
    }


def attempts(rows: Reader, task_id: str) -> tuple[Attempt, ...]:
    """The first one first."""
    return tuple(map(_view, rows.select(ATTEMPTS, {"task_id": task_id})))
