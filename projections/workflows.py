"""Workflows, a line for each of their runs, and what people are asked. A run in full is folded from its own stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from events import DomainEvent, Recorded
from events import workflow as told
from projections.engine.base import Handler, Projection, PublicView, Reader, Row, Rows, Table, format_instant
from vapora import views
from vapora.domain.workflow.catalogue import source_of

WORKFLOWS = Table(
    "workflows",
    key=("id",),
    columns={
        "id": "text",
        "version": "int",
        "definition": "json",
        "removed": "int",
        "file": "text",
        "package": "text",
        "updated_at": "text",
    },
)
RUNS = Table(
    "workflow_runs",
    key=("id",),
    columns={
        "id": "text",
        "workflow_id": "text",
        "name": "text",
        "version": "int",
        "project_id": "text",
        "state": "text",
        "begun": "int",
        "paused": "int",
        "ending": "text",
        "reason": "text",
        "stages": "json",
        "approvals": "json",
        "schedule_id": "text",
        "started_by": "text",
        "correlation": "text",
        "started_at": "text",
        "ended_at": "text",
        "created_position": "int",
    },
    indexes=(("created_position",), ("state", "created_position"), ("workflow_id", "created_position")),
)
APPROVALS = Table(
    "workflow_approvals",
    key=("id",),
    columns={
        "id": "text",
        "workflow_run_id": "text",
        "workflow_id": "text",
        "workflow": "text",
        "stage": "text",
        "title": "text",
        "seen": "text",
        "shown": "json",
        "roles": "json",
        "people": "json",
        "state": "text",
        "escalated": "int",
        "requested_at": "text",
        "expires_at": "text",
        "decided_by": "text",
        "decided_at": "text",
        "comment": "text",
        "created_position": "int",
    },
    indexes=(("created_position",), ("state", "created_position")),
)
_ENDED = ("completed", "failed", "cancelled")


def _defined(recorded: Recorded, event: told.WorkflowDefined, rows: Rows) -> None:
    rows.put(
        WORKFLOWS,
        {
            "id": event.workflow_id,
            "version": event.number,
            "definition": event.definition,
            "removed": 0,
            "file": event.file,
            "package": event.package,
            "updated_at": format_instant(recorded.recorded_at),
        },
    )


def _removed(recorded: Recorded, event: told.WorkflowRemoved, rows: Rows) -> None:
    """It stays as a mark: one that ships is not to be seen any more either."""
    before = rows.get(WORKFLOWS, (event.workflow_id,))
    rows.put(
        WORKFLOWS,
        {
            "id": event.workflow_id,
            "version": 0 if before is None else before["version"],
            "definition": {},
            "removed": 1,
            "file": event.file,
            "package": "",
            "updated_at": format_instant(recorded.recorded_at),
        },
    )


def _started(recorded: Recorded, event: told.WorkflowRunStarted, rows: Rows) -> None:
    stages: Any = event.definition["stages"]
    rows.put(
        RUNS,
        {
            "id": event.workflow_run_id,
            "workflow_id": event.workflow_id,
            "name": event.definition["name"],
            "version": event.number,
            "project_id": event.project_id,
            "state": "draft",
            "begun": 0,
            "paused": 0,
            "ending": None,
            "reason": "",
            "stages": {one["name"]: "pending" for one in stages},
            "approvals": [],
            "schedule_id": event.schedule_id,
            "started_by": recorded.actor,
            "correlation": event.correlation,
            "started_at": format_instant(recorded.recorded_at),
            "ended_at": None,
            "created_position": recorded.position,
        },
    )


def _run(change: Callable[[Row, Any, str], None]) -> Handler:
    def handle(recorded: Recorded, event: Any, rows: Rows) -> None:
        found = rows.get(RUNS, (event.workflow_run_id,))
        if found is None:
            return
        row = {**found, "stages": dict(found["stages"]), "approvals": list(found["approvals"])}
        change(row, event, format_instant(recorded.recorded_at))
        if row["state"] not in _ENDED:
            row["state"] = _state(row)
        rows.put(RUNS, row)

    return handle


def _state(row: Row) -> str:
    if row["paused"]:
        return "paused"
    if row["approvals"]:
        return "waiting-approval"
    return "active" if row["begun"] else "draft"


def _stage(state: str) -> Callable[[Row, Any, str], None]:
    def change(row: Row, event: Any, _: str) -> None:
        row["stages"][event.stage] = state
        row["begun"] = 1

    return change


def _cards(row: Row, event: told.StageCardsMade, _: str) -> None:
    row["stages"][event.stage] = "undoing" if event.purpose == "undo" else "running"
    row["begun"] = 1


def _retried(row: Row, event: told.StageRetried, _: str) -> None:
    row["stages"][event.stage] = "running"
    row.update(state="active", ending=None, ended_at=None, reason="", paused=0)


def _asked(row: Row, event: told.ApprovalRequested, _: str) -> None:
    row["stages"][event.stage] = "waiting-approval"
    row["approvals"].append(event.approval_id)
    row["begun"] = 1


def _answered(row: Row, event: told.ApprovalDecided | told.ApprovalWithdrawn, _: str) -> None:
    if row["stages"][event.stage] == "waiting-approval":
        row["stages"][event.stage] = "running"
    row["approvals"] = [one for one in row["approvals"] if one != event.approval_id]


def _ended(state: str) -> Callable[[Row, Any, str], None]:
    def change(row: Row, event: Any, at: str) -> None:
        row.update(state=state, ended_at=at, reason=getattr(event, "reason", ""), approvals=[])

    return change


def _approval_requested(recorded: Recorded, event: told.ApprovalRequested, rows: Rows) -> None:
    _ASKED(recorded, event, rows)
    run = rows.get(RUNS, (event.workflow_run_id,))
    if run is None:
        return
    rows.put(
        APPROVALS,
        {
            "id": event.approval_id,
            "workflow_run_id": event.workflow_run_id,
            "workflow_id": run["workflow_id"],
            "workflow": run["name"],
            "stage": event.stage,
            "title": event.title,
            "seen": event.seen,
            "shown": event.shown,
            "roles": list(event.roles),
            "people": list(event.people),
            "state": "open",
            "escalated": 0,
            "requested_at": format_instant(recorded.recorded_at),
            "expires_at": None if event.expires_at is None else format_instant(event.expires_at),
            "decided_by": None,
            "decided_at": None,
            "comment": "",
            "created_position": recorded.position,
        },
    )


def _approval(change: Callable[[Recorded, Any, Row], dict[str, Any]], beside: Handler | None = None) -> Handler:
    def handle(recorded: Recorded, event: Any, rows: Rows) -> None:
        if beside is not None:
            beside(recorded, event, rows)
        row = rows.get(APPROVALS, (event.approval_id,))
        if row is not None:
            rows.put(APPROVALS, row | change(recorded, event, row))

    return handle


def _escalated(_: Recorded, event: told.ApprovalEscalated, row: Row) -> dict[str, Any]:
    return {"escalated": 1, "expires_at": None, "roles": list(dict.fromkeys((*row["roles"], *event.roles)))}


def _decided(recorded: Recorded, event: told.ApprovalDecided, _: Row) -> dict[str, Any]:
    return {
        "state": "approved" if event.decision == "approve" else "rejected",
        "decided_by": recorded.actor,
        "decided_at": format_instant(recorded.recorded_at),
        "comment": event.comment,
    }


def _withdrawn(recorded: Recorded, event: told.ApprovalWithdrawn, _: Row) -> dict[str, Any]:
    return {"state": event.cause, "decided_at": format_instant(recorded.recorded_at)}


def _ending(row: Row, event: told.WorkflowRunEnding, _: str) -> None:
    row.update(ending=event.state, reason=event.reason, paused=0)


_ASKED = _run(_asked)


def _live_workflow(row: Row) -> dict[str, Any]:
    if row["removed"]:
        return {"id": row["id"], "removed": True, "position": row["position"]}
    return workflow_of_row(row).model_dump(mode="json", exclude={"definition"})


def _live_run(row: Row) -> dict[str, Any]:
    return _run_view(row).model_dump(mode="json")


def _live_approval(row: Row) -> dict[str, Any]:
    return _approval_view(row).model_dump(mode="json")


class Workflows(Projection):
    NAME = "workflows"
    VERSION = 2
    TABLES = (WORKFLOWS, RUNS, APPROVALS)
    VIEWS = (
        PublicView("workflow", WORKFLOWS, _live_workflow, removed=lambda row: bool(row["removed"])),
        PublicView("workflow-run", RUNS, _live_run),
        PublicView("approval", APPROVALS, _live_approval),
    )
    HANDLERS: ClassVar[Mapping[type[DomainEvent], Handler]] = {
        told.WorkflowDefined: _defined,
        told.WorkflowRemoved: _removed,
        told.WorkflowRunStarted: _started,
        told.StageCardsMade: _run(_cards),
        told.StageCompleted: _run(_stage("completed")),
        told.StageFailed: _run(_stage("failed")),
        told.StageSkipped: _run(_stage("skipped")),
        told.StageRetried: _run(_retried),
        told.StageUndone: _run(_stage("undone")),
        told.ApprovalRequested: _approval_requested,
        told.ApprovalEscalated: _approval(_escalated),
        told.ApprovalDecided: _approval(_decided, _run(_answered)),
        told.ApprovalWithdrawn: _approval(_withdrawn, _run(_answered)),
        told.WorkflowRunPaused: _run(lambda row, event, _: row.update(paused=1, reason=event.reason)),
        told.WorkflowRunResumed: _run(lambda row, event, _: row.update(paused=0, reason="")),
        told.WorkflowRunEnding: _run(_ending),
        told.WorkflowRunCompleted: _run(_ended("completed")),
        told.WorkflowRunFailed: _run(_ended("failed")),
        told.WorkflowRunCancelled: _run(_ended("cancelled")),
    }


# --- reading ---


def workflows(rows: Reader) -> dict[str, Row]:
    """All that ever were, also removed ones, by id."""
    return {row["id"]: row for row in rows.select(WORKFLOWS)}


def workflow_of_row(row: Row) -> views.WorkflowView:
    definition = row["definition"]
    return views.WorkflowView(
        id=row["id"],
        name=definition["name"],
        description=definition.get("description", ""),
        version=row["version"],
        source=source_of(row["version"], row["file"], row["package"]),
        file=row["file"],
        package=row["package"],
        trigger=definition.get("trigger", "manual"),
        stages=tuple(one["name"] for one in definition["stages"]),
        updated_at=row["updated_at"],
        position=row["position"],
        definition=definition,
    )


def runs(
    rows: Reader, state: str | None, workflow_id: str | None, before: int | None, limit: int
) -> list[tuple[int, views.WorkflowRunSummary]]:
    """The newest first, with the position to ask on from."""
    where: dict[str, Any] = {}
    if state is not None:
        where["state"] = state
    if workflow_id is not None:
        where["workflow_id"] = workflow_id
    after = None if before is None else (before,)
    found = rows.select(RUNS, where, ("-created_position",), limit, after)
    return [(row["created_position"], _run_view(row)) for row in found]


def run_of(rows: Reader, run_id: str) -> views.WorkflowRunSummary | None:
    row = rows.get(RUNS, (run_id,))
    return None if row is None else _run_view(row)


def approvals(
    rows: Reader, state: str | None, run_id: str | None, before: int | None, limit: int
) -> list[tuple[int, views.ApprovalView]]:
    where: dict[str, Any] = {}
    if state is not None:
        where["state"] = state
    if run_id is not None:
        where["workflow_run_id"] = run_id
    after = None if before is None else (before,)
    found = rows.select(APPROVALS, where, ("-created_position",), limit, after)
    return [(row["created_position"], _approval_view(row)) for row in found]


def approval_of(rows: Reader, approval_id: str) -> views.ApprovalView | None:
    row = rows.get(APPROVALS, (approval_id,))
    return None if row is None else _approval_view(row)


def _run_view(row: Row) -> views.WorkflowRunSummary:
    hidden = ("begun", "paused", "created_position")
    return views.WorkflowRunSummary.model_validate({name: row[name] for name in row if name not in hidden})


def _approval_view(row: Row) -> views.ApprovalView:
    fields = {name: value for name, value in row.items() if name not in ("roles", "people", "created_position")}
    who = {"roles": row["roles"], "people": row["people"]}
    return views.ApprovalView.model_validate({**fields, "who": who, "escalated": bool(row["escalated"])})
