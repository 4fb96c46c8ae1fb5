"""The execution record of each run: what it did, what came of it, how long it took."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from events import DomainEvent, Recorded, budget, run
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
from vapora.domain.answer import Verdict, judge
from vapora.views import Artifact, Execution

RUNS = Table(
    "runs",
    key=("run_id",),
    columns={
        "run_id": "text",
        "task_id": "text",
        "project_id": "text",
        "agent_id": "text",
        "role": "text",
        "task_type": "text",
        "state": "text",
        "started_at": "text",
        "ended_at": "text",
        "duration_ms": "int",
        "steps": "json",
        "calls": "int",
        "steps_done": "int",
        "cost_microusd": "int",
        "tokens_in": "int",
        "tokens_out": "int",
        "providers": "json",
        "reason": "text",
        "summary": "text",
        "artifacts": "json",
        "simulated": "int",
        "started_position": "int",
    },
    indexes=(("task_id", "started_position"), ("started_position",)),
)
# Apart from the run: a text of 8 KB would be written again, and pushed, at each of its steps.
ARTIFACTS = Table(
    "run_artifacts",
    key=("run_id", "name"),
    columns={"run_id": "text", "name": "text", "kind": "text", "text": "text", "digest": "text", "size": "int"},
)


def _started(recorded: Recorded, event: run.RunStarted, rows: Rows) -> None:
    row = {
        **event.model_dump(mode="json", include={*RUNS.columns}),
        "simulated": int(event.simulated),
        "state": "running",
        "started_at": format_instant(recorded.recorded_at),
        "started_position": recorded.position,
        "ended_at": None,
        "duration_ms": None,
        "providers": [],
        "reason": "",
        "summary": "",
        "artifacts": [],
        **dict.fromkeys(("calls", "steps_done", "cost_microusd", "tokens_in", "tokens_out"), 0),
    }
    rows.put(RUNS, row)


def _called(recorded: Recorded, event: run.ModelCalled, rows: Rows) -> None:
    row = rows.get(RUNS, (event.run_id,))
    if row is None:
        return
    provider = event.provider.value
    row["calls"] += 1
    row["steps_done"] += judge(event) is Verdict.USABLE
    row["cost_microusd"] += event.cost_microusd
    row["tokens_in"] += event.tokens.input
    row["tokens_out"] += event.tokens.output
    row["providers"] = row["providers"] if provider in row["providers"] else [*row["providers"], provider]
    rows.put(RUNS, row)


def _booked(recorded: Recorded, event: budget.SpendUnknown, rows: Rows) -> None:
    row = rows.get(RUNS, (event.charge.run_id,))
    if row is not None:
        rows.put(RUNS, {**row, "cost_microusd": row["cost_microusd"] + event.amount_microusd})


def _recorded_artifact(recorded: Recorded, event: run.ArtifactRecorded, rows: Rows) -> None:
    row = rows.get(RUNS, (event.run_id,))
    if row is None:
        return
    content = event.content
    summary = {"name": event.name, "kind": event.kind, "size": content.size, "digest": content.digest}
    rows.put(ARTIFACTS, {**summary, "run_id": event.run_id, "text": content.text})
    others = [one for one in row["artifacts"] if one["name"] != event.name]
    rows.put(RUNS, {**row, "artifacts": [*others, summary]})


def _waiting(recorded: Recorded, event: run.RunWaiting, rows: Rows) -> None:
    _change(rows, event.run_id, state="waiting", reason=event.remedy)


def _continued(recorded: Recorded, event: run.RunContinued, rows: Rows) -> None:
    _change(rows, event.run_id, state="running", reason="")


def _ends_as(state: str) -> Handler:
    def handler(recorded: Recorded, event: Any, rows: Rows) -> None:
        row = rows.get(RUNS, (event.run_id,))
        if row is None:
            return
        took = recorded.recorded_at - datetime.fromisoformat(row["started_at"])
        end = {
            "state": state,
            "ended_at": format_instant(recorded.recorded_at),
            "duration_ms": round(took.total_seconds() * 1_000),
            "reason": getattr(event, "reason", ""),
            "summary": getattr(event, "summary", ""),
        }
        rows.put(RUNS, {**row, **end})

    return handler


def _change(rows: Rows, run_id: str, **changes: Any) -> None:
    row = rows.get(RUNS, (run_id,))
    if row is not None:
        rows.put(RUNS, {**row, **changes})


def _view(row: Row) -> Execution:
    fields = {name: value for name, value in row.items() if name != "started_position"}
    return Execution.model_validate({**fields, "simulated": bool(row["simulated"])})


def _live(row: Row) -> dict[str, Any]:
    return _view(row).model_dump(mode="json")


class Runs(Projection):
    NAME = "runs"
    VERSION = 2
    TABLES = (RUNS, ARTIFACTS)
    VIEWS = (PublicView("run", RUNS, _live),)
    HANDLERS: ClassVar[Mapping[type[DomainEvent], Handler]] = {
        run.RunStarted: _started,
        run.ModelCalled: _called,
        run.ArtifactRecorded: _recorded_artifact,
        run.RunWaiting: _waiting,
        run.RunContinued: _continued,
        run.RunSucceeded: _ends_as("succeeded"),
        run.RunFailed: _ends_as("failed"),
        run.RunCancelled: _ends_as("cancelled"),
        budget.SpendUnknown: _booked,
    }


def run_of(rows: Reader, run_id: str) -> Execution | None:
    row = rows.get(RUNS, (run_id,))
    return None if row is None else _view(row)


def runs(rows: Reader, task_id: str) -> tuple[Execution, ...]:
    """All runs of a task, the first one first."""
    return tuple(map(_view, rows.select(RUNS, {"task_id": task_id}, order=("started_position",))))


def artifacts(rows: Reader, run_id: str) -> tuple[Artifact, ...]:
    found = rows.select(ARTIFACTS, {"run_id": run_id})
    fields = Artifact.model_fields
    return tuple(Artifact.model_validate({name: row[name] for name in fields}) for row in found)
