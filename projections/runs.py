"""The execution record of each run: what it did, what came of it, how long it took."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from events import DomainEvent, Recorded, budget, run
from events.content import Content
from events.work import Workplace
from projections.engine.base import (
    Handler,
    Projection,
    PublicView,
    Reader,
    Row,
    Rows,
    Table,
    Where,
    format_instant,
)
from vapora.domain.answer import Verdict, judge
from vapora.views import Artifact, Execution, RunBrief

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
        "models": "json",
        "reason": "text",
        "summary": "text",
        "artifacts": "json",
        "purpose": "text",
        "attempt": "int",
        "branch": "text",
        "base": "text",
        "head": "text",
        "checks": "text",
        "conflicts": "json",
        "sandbox": "text",
        "tools": "json",
        "writable": "json",
        "limits": "json",
        "tools_used": "int",
        "review": "json",
        "forked_from": "json",
        "model": "text",
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
# What the model was told first: apart, as the artifacts are.
TOLD = Table("run_told", key=("run_id",), columns={"run_id": "text", "system": "json", "brief": "json"})


def _started(recorded: Recorded, event: run.RunStarted, rows: Rows) -> None:
    row = {
        **event.model_dump(mode="json", exclude={"workplace", "system", "brief", "attachments", "equipment"}),
        **_place(event.workplace),
        "simulated": int(event.simulated),
        "state": "running",
        "started_at": format_instant(recorded.recorded_at),
        "started_position": recorded.position,
        "ended_at": None,
        "duration_ms": None,
        "providers": [],
        "models": [],
        "reason": "",
        "summary": "",
        "artifacts": [],
        **dict.fromkeys(("calls", "steps_done", "cost_microusd", "tokens_in", "tokens_out", "tools_used"), 0),
        "review": None,
    }
    rows.put(RUNS, row)
    rows.put(TOLD, {"run_id": event.run_id, "system": _text(event.system), "brief": _text(event.brief)})


def _taken_over(recorded: Recorded, event: run.RunTakenOver, rows: Rows) -> None:
    row = rows.get(RUNS, (event.run_id,))
    if row is not None:
        rows.put(RUNS, {**row, "agent_id": event.agent_id})


def _place(place: Workplace | None) -> Row:
    """Of a run without a repository: nothing."""
    if place is None:
        nothing = dict.fromkeys(("branch", "base", "head", "checks", "sandbox", "limits"))
        return {**nothing, "attempt": 1, "conflicts": [], "tools": [], "writable": []}
    told = place.model_dump(mode="json", exclude={"base_branch", "checks"})
    return {**told, "checks": None}


def _text(content: Content | None) -> Any:
    """The text, or where it is to be found."""
    if content is None or content.text is not None:
        return content and content.text
    return {"sha256": content.digest, "bytes": content.size}


def _used(recorded: Recorded, event: run.ToolUsed, rows: Rows) -> None:
    row = rows.get(RUNS, (event.run_id,))
    if row is not None:
        row["tools_used"] += 1
        rows.put(RUNS, {**row, "head": event.commit or row["head"]})


def _checked(recorded: Recorded, event: run.ChecksRan, rows: Rows) -> None:
    _change(rows, event.run_id, head=event.head, checks=event.verdict.value)


def _succeeded(recorded: Recorded, event: run.RunSucceeded, rows: Rows) -> None:
    _ends_as("succeeded")(recorded, event, rows)
    if event.work is not None:
        work = event.work
        _change(rows, event.run_id, base=work.base, head=work.head, checks=work.checks.value)
    if event.review is not None:
        _change(rows, event.run_id, review=event.review.model_dump(mode="json"))


def _called(recorded: Recorded, event: run.ModelCalled, rows: Rows) -> None:
    row = rows.get(RUNS, (event.run_id,))
    if row is None:
        return
    provider = str(event.provider)
    row["calls"] += 1
    row["steps_done"] += judge(event) is Verdict.USABLE
    row["cost_microusd"] += event.cost_microusd
    row["tokens_in"] += event.tokens.input
    row["tokens_out"] += event.tokens.output
    row["providers"] = row["providers"] if provider in row["providers"] else [*row["providers"], provider]
    model = f"{provider}/{event.model}"
    row["models"] = row["models"] if model in row["models"] else [*row["models"], model]
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
    VERSION = 5
    TABLES = (RUNS, ARTIFACTS, TOLD)
    VIEWS = (PublicView("run", RUNS, _live),)
    HANDLERS: ClassVar[Mapping[type[DomainEvent], Handler]] = {
        run.RunStarted: _started,
        run.RunTakenOver: _taken_over,
        run.ModelCalled: _called,
        run.ArtifactRecorded: _recorded_artifact,
        run.RunWaiting: _waiting,
        run.RunContinued: _continued,
        run.ToolUsed: _used,
        run.ChecksRan: _checked,
        run.RunSucceeded: _succeeded,
        run.RunFailed: _ends_as("failed"),
        run.RunCancelled: _ends_as("cancelled"),
        budget.SpendUnknown: _booked,
    }


def run_of(rows: Reader, run_id: str) -> Execution | None:
    row = rows.get(RUNS, (run_id,))
    return None if row is None else _view(row)


def brief(rows: Reader, run_id: str) -> RunBrief:
    row = rows.get(TOLD, (run_id,)) or {}
    return RunBrief(run_id=run_id, system=row.get("system"), brief=row.get("brief"))


def runs(rows: Reader, task_id: str) -> tuple[Execution, ...]:
    """All runs of a task, the first one first."""
    return tuple(map(_view, rows.select(RUNS, {"task_id": task_id}, order=("started_position",))))


def artifacts(rows: Reader, run_id: str) -> tuple[Artifact, ...]:
    found = rows.select(ARTIFACTS, {"run_id": run_id})
    fields = Artifact.model_fields
    return tuple(Artifact.model_validate({name: row[name] for name in fields}) for row in found)


def past(rows: Reader, task_type: str, simulated: bool, limit: int) -> list[tuple[int, int]]:
    """What past cards of a kind came to, in micro-dollars and milliseconds: all runs of each together, of those cards
    that a run succeeded for. Only the newest `limit` runs of the kind are looked at."""
    where: Where = {"task_type": task_type, "simulated": int(simulated)}
    found = rows.select(RUNS, where, order=("-started_position",), limit=limit)
    good = {row["task_id"] for row in found if row["state"] == "succeeded"}
    sums: dict[str, tuple[int, int]] = {}
    for row in found:
        if row["task_id"] in good and row["duration_ms"] is not None:
            cost, took = sums.get(row["task_id"], (0, 0))
            sums[row["task_id"]] = (cost + row["cost_microusd"], took + row["duration_ms"])
    return list(sums.values())
