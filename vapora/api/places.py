"""Where a thing of a workspace is, as policies name it: in which project, of which workflow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from projections import board, documents, plans, schedules
from projections import workflows as workflow_rows
from projections.engine.base import Reader
from vapora import views
from vapora.domain.access import Resource
from vapora.domain.workflow.catalogue import IN_REPOSITORY
from vapora.domain.workflow.state import run_of_approval


@dataclass(frozen=True, slots=True)
class Ref:
    """A thing: `kind` as the audit trail names it. `stage`: of a run of a workflow, where it is about one.
    `mentioned`: somebody's words may name it, and it need not be there. An empty id: the workspace as a whole."""

    kind: str
    id: str
    stage: str = ""
    mentioned: bool = False


def place_of(rows: Reader, there: Resource, ref: Ref) -> Resource | None:
    """Where it is; None where that is not known. What belongs to no project is in the workspace itself."""
    workspace = there.workspace
    if not ref.id:
        return there
    match ref.kind:
        case "project":
            return Resource("Project", ref.id, workspace, ref.id)
        case "task" | "run":
            # A run's id is its task's, and a number.
            card = board.card(rows, ref.id if ref.kind == "task" else ref.id.rpartition(".")[0])
            if card is None:
                return None
            kind, state = ("Task", card.state.value) if ref.kind == "task" else ("Run", "")
            return Resource(kind, ref.id, workspace, card.project_id, state)  # type: ignore[arg-type]  # one of both
        case "approval" | "workflow-run":
            id_ = run_of_approval(ref.id) if ref.kind == "approval" else ref.id
            stage = ref.id.removeprefix(f"{id_}.").rpartition(".")[0] if ref.kind == "approval" else ref.stage
            return place_of_workflow_run(rows, there, id_, stage)
        case "document":
            return _in_project(there, documents.row_of(rows, ref.id))
        case "plan":
            return _in_project(there, plans.row_of(rows, ref.id))
        case "schedule":
            known = schedules.schedule_of(rows, ref.id)
            return None if known is None else _in_project(there, {"project_id": _of_schedule(known)})
        case "workflow":
            row = workflow_rows.workflows(rows).get(ref.id)
            here = row is not None and row["file"].startswith(IN_REPOSITORY)
            project = row["definition"].get("project_id") if here and row is not None else None
            return Resource("Workflow", ref.id, workspace, project or "")
        case _:
            return there


def place_of_workflow_run(rows: Reader, there: Resource, run_id: str, stage: str = "") -> Resource | None:
    """Of a run of a workflow, or of a stage of it."""
    run = workflow_rows.run_of(rows, run_id)
    if run is None:
        return None
    kind, id_ = ("Stage", f"{run_id}.{stage}") if stage else ("WorkflowRun", run_id)
    return Resource(kind, id_, there.workspace, run.project_id or "", "", run.workflow_id, stage)  # type: ignore[arg-type]


def _of_schedule(known: views.ScheduleView) -> str | None:
    in_task = None if known.task is None else known.task.get("project_id")
    return known.project_id or (in_task if isinstance(in_task, str) else None)


def _in_project(there: Resource, row: Mapping[str, Any] | None) -> Resource | None:
    if row is None:
        return None
    project = row["project_id"]
    return Resource("Project", project, there.workspace, project) if project else there
