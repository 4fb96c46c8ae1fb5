"""Learning profiles: how each agent does in each task type, and how that changed from day to day.

Reputation fades with time, so the rows hold the last outcomes and ability is worked out when it is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from events import DomainEvent, Recorded, budget, run, task
from projections.engine.base import Handler, Projection, Reader, Row, Rows, Table, day, format_instant
from vapora import views
from vapora.domain.learning import DEFAULTS, RunOutcome, confidence, expertise, success_rate

PROFILES = Table(
    "profiles",
    key=("agent_id", "task_type", "simulated"),
    columns={"agent_id": "text", "task_type": "text", "simulated": "int", "runs": "int", "outcomes": "json"},
)
CURVE = Table(
    "profile_curve",
    key=("agent_id", "task_type", "simulated", "day"),
    columns={
        "agent_id": "text",
        "task_type": "text",
        "simulated": "int",
        "day": "text",
        "runs": "int",
        "successes": "int",
        "cost_microusd": "int",
    },
)
# Whose each run is; `day` and `success` when it has ended and counts. Kept for good: work may be rejected long after.
RUNS = Table(
    "profile_runs",
    key=("run_id",),
    columns={
        "run_id": "text",
        "agent_id": "text",
        "task_type": "text",
        "simulated": "int",
        "day": "text",
        "success": "int",
    },
)


def _started(recorded: Recorded, event: run.RunStarted, rows: Rows) -> None:
    of = {"agent_id": event.agent_id, "task_type": event.task_type, "simulated": int(event.simulated)}
    rows.put(RUNS, {"run_id": event.run_id, **of, "day": None, "success": None})


def _called(recorded: Recorded, event: run.ModelCalled, rows: Rows) -> None:
    _cost(recorded, rows, event.run_id, event.cost_microusd)


def _booked(recorded: Recorded, event: budget.SpendUnknown, rows: Rows) -> None:
    _cost(recorded, rows, event.charge.run_id, event.amount_microusd)


def _cost(recorded: Recorded, rows: Rows, run_id: str, amount: int) -> None:
    """Money stands on the day on which it was spent, also that of runs that say nothing about the agent."""
    one = rows.get(RUNS, (run_id,))
    if one is not None and amount:
        _add(rows, one, day(recorded.recorded_at), cost_microusd=amount)


def _succeeded(recorded: Recorded, event: run.RunSucceeded, rows: Rows) -> None:
    _ended(recorded, event, rows, success=True)


def _failed(recorded: Recorded, event: run.RunFailed, rows: Rows) -> None:
    if event.counts:
        _ended(recorded, event, rows, success=False)


def _ended(recorded: Recorded, event: run.RunSucceeded | run.RunFailed, rows: Rows, success: bool) -> None:
    of = {"agent_id": event.agent_id, "task_type": event.task_type, "simulated": int(event.simulated)}
    on = day(recorded.recorded_at)
    rows.put(RUNS, {"run_id": event.run_id, **of, "day": on, "success": int(success)})
    profile = rows.get(PROFILES, (event.agent_id, event.task_type, int(event.simulated))) or {
        **of,
        "runs": 0,
        "outcomes": [],
    }
    outcome = {"run_id": event.run_id, "ended_at": format_instant(recorded.recorded_at), "success": success}
    outcomes = [*profile["outcomes"], outcome][-DEFAULTS.cap :]
    rows.put(PROFILES, {**profile, "runs": profile["runs"] + 1, "outcomes": outcomes})
    _add(rows, of, on, runs=1, successes=int(success))


def _rejected(recorded: Recorded, event: task.TaskRejected, rows: Rows) -> None:
    """Rejected work counts as a failure of the run that made it (R17)."""
    one = rows.get(RUNS, (event.run_id,)) if event.run_id is not None else None
    if one is None or not one["success"]:
        return
    rows.put(RUNS, {**one, "success": 0})
    _add(rows, one, one["day"], successes=-1)
    profile = rows.get(PROFILES, (one["agent_id"], one["task_type"], one["simulated"]))
    if profile is not None:
        outcomes = [
            {**outcome, "success": False} if outcome["run_id"] == event.run_id else outcome
            for outcome in profile["outcomes"]
        ]
        rows.put(PROFILES, {**profile, "outcomes": outcomes})


def _add(rows: Rows, of: Row, on: str, **more: int) -> None:
    key = {"agent_id": of["agent_id"], "task_type": of["task_type"], "simulated": of["simulated"], "day": on}
    row = rows.get(CURVE, tuple(key.values())) or {**key, "runs": 0, "successes": 0, "cost_microusd": 0}
    rows.put(CURVE, {**row, **{name: row[name] + value for name, value in more.items()}})


class Profiles(Projection):
    NAME = "profiles"
    VERSION = 1
    TABLES = (PROFILES, CURVE, RUNS)
    HANDLERS: ClassVar[Mapping[type[DomainEvent], Handler]] = {
        run.RunStarted: _started,
        run.ModelCalled: _called,
        run.RunSucceeded: _succeeded,
        run.RunFailed: _failed,
        task.TaskRejected: _rejected,
        budget.SpendUnknown: _booked,
    }


def learning(rows: Reader, agent_id: str, now: datetime) -> views.Learning:
    """Ability at `now`. A profile's success rate is that of its type's last 100 runs; a day's, of that day."""
    profiles = rows.select(PROFILES, {"agent_id": agent_id})
    curve = rows.select(CURVE, {"agent_id": agent_id}, order=("day",))
    return views.Learning(
        profiles=tuple(_profile(row, now) for row in profiles),
        curve=tuple(_point(row) for row in curve),
    )


def _profile(row: Row, now: datetime) -> views.Profile:
    outcomes = [_outcome(row["task_type"], one) for one in row["outcomes"]]
    return views.Profile(
        task_type=row["task_type"],
        runs=row["runs"],
        success_rate=success_rate(outcomes),
        expertise=expertise(outcomes, now),
        confidence=confidence(row["runs"]),
        simulated=bool(row["simulated"]),
    )


def _outcome(task_type: str, one: Mapping[str, Any]) -> RunOutcome:
    return RunOutcome(one["run_id"], task_type, datetime.fromisoformat(one["ended_at"]), one["success"])


def _point(row: Row) -> views.CurvePoint:
    """A day on which only money was spent has no runs and a success rate of 0."""
    return views.CurvePoint(
        day=row["day"],
        task_type=row["task_type"],
        runs=row["runs"],
        success_rate=row["successes"] / row["runs"] if row["runs"] else 0.0,
        cost_microusd=row["cost_microusd"],
        simulated=bool(row["simulated"]),
    )
