"""Workflows: what they are, and starting one."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, status
from fastapi.concurrency import run_in_threadpool
from pydantic import JsonValue

from events.ids import workflow_stream
from projections import projects
from projections import workflows as model
from projections.engine.transaction import ReadSnapshot
from vapora.api.cells import Cell
from vapora.api.context import Cursor, Editing, FreshCell, Limit, PostKey, Writing
from vapora.api.etags import Reading, Versioned, versioned_if_there
from vapora.api.pages import page_of
from vapora.api.workflow_faults import file_faults, with_faults
from vapora.catalog.shipped_workflows import known, shipped
from vapora.catalog.workflow_files import problem_of
from vapora.commands import StartWorkflowRun
from vapora.domain.workflow import catalogue
from vapora.domain.workflow.check import Fault, check, parse_text, refused
from vapora.domain.workflow.definition import Definition
from vapora.errors import NotFoundError
from vapora.views import (
    Accepted,
    Page,
    WorkflowRunMade,
    WorkflowSummary,
    WorkflowView,
)

router = APIRouter(prefix="/workflows", tags=["workflows"])

_EXAMPLE = {
    "name": "Two stages",
    "stages": [
        {"name": "design", "role": "architect", "task": {"title": "Design it"}, "approval": True},
        {"name": "build", "role": "developer", "needs": ["design"], "task": {"title": "Build it"}},
    ],
}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "title": "Workflow",
                    "additionalProperties": True,
                    "example": _EXAMPLE,
                },
            },
            "application/toml": {"schema": {"type": "string"}},
        },
    }
}


async def _definition(request: Request) -> Definition:
    """What the body says, as JSON or TOML. Raises `BadInputError` with every fault."""
    data = parse_text((await request.body()).decode("utf-8", "replace"))
    if isinstance(data, Fault):
        raise refused((data,))
    definition, faults = check(data, known())
    if definition is None:
        raise refused(faults)
    return definition


Defined = Annotated[Definition, Depends(_definition)]


@router.get("", summary="List the workflows")
async def list_workflows(cell: FreshCell, limit: Limit = 500, cursor: Cursor = None) -> Page[WorkflowSummary]:
    """Those that ship, and the workspace's own. A file with a fault that defines nothing yet is there as well, with
    version 0, no stages, and what is wrong with it."""
    rows = await cell.read(model.workflows)
    found = [_shipped(one, data) for one, data in shipped().items() if one not in rows]
    own = [model.workflow_of_row(row) for row in rows.values() if not row["removed"]]
    found += await run_in_threadpool(lambda: [_with_problem(cell, one) for one in own])
    lines = [WorkflowSummary.model_validate(one.model_dump(exclude={"definition"})) for one in found]
    lines = with_faults(lines, await file_faults(cell))
    return page_of(sorted(lines, key=lambda one: one.id), lambda one: one.id, limit, cursor)


@router.post("", status_code=status.HTTP_201_CREATED, summary="Make a workflow", openapi_extra=_BODY)
async def create_workflow(definition: Defined, writing: Writing, key: PostKey) -> WorkflowView:
    """From its definition, in JSON or TOML. Checked whole: where it has faults, each is named by its place, and nothing
    is stored."""
    accepted = await writing.cell.workflows.create(writing.origin, definition, key)
    writing.wrote(accepted.position)
    return await _as_written(writing.cell, accepted)


@router.get("/{workflow_id}", summary="Show a workflow")
async def get_workflow(workflow_id: str, cell: FreshCell, reading: Reading) -> WorkflowView:
    """Its newest version. One that ships, and that nobody has changed, bears no ETag."""
    known_now, _, position = await cell.workflows.load(workflow_id)
    catalogue.require(known_now, workflow_id)
    if not position:
        return _shipped(workflow_id, shipped()[workflow_id])
    stream = workflow_stream(workflow_id)

    def question(rows: ReadSnapshot) -> Versioned[WorkflowView] | None:
        row = model.workflows(rows).get(workflow_id)
        shown = None if row is None or row["removed"] else model.workflow_of_row(row)
        shown = None if shown is None else _with_problem(cell, shown)
        return versioned_if_there(rows, shown, model.Workflows.NAME, stream)

    found = await cell.find(stream, question)
    if found is None:
        raise NotFoundError(f"There is no workflow '{workflow_id}'.", remedy="List the workflows.")
    return reading.tagged(found)


@router.put("/{workflow_id}", summary="Replace a workflow", openapi_extra=_BODY)
async def set_workflow(workflow_id: str, definition: Defined, writing: Editing) -> WorkflowView:
    """A new version of it. Runs that are under way go on with the one that they began with."""
    accepted = await writing.cell.workflows.define(
        writing.origin, workflow_id, definition, writing.key, writing.if_match
    )
    writing.wrote(accepted.position)
    return await _as_written(writing.cell, accepted)


@router.delete("/{workflow_id}", summary="Remove a workflow")
async def remove_workflow(workflow_id: str, writing: Editing) -> Accepted:
    """No run of it begins any more; those under way go on."""
    accepted = await writing.cell.workflows.remove(writing.origin, workflow_id, writing.key, writing.if_match)
    writing.wrote(accepted.position)
    return accepted


@router.post("/{workflow_id}/runs", status_code=status.HTTP_202_ACCEPTED, summary="Start a workflow")
async def start_workflow_run(
    workflow_id: str, body: StartWorkflowRun, writing: Writing, key: PostKey
) -> WorkflowRunMade:
    """Its newest version, on these inputs. Where nothing names a project, and there is only one, that is taken."""
    only = await writing.cell.read(lambda rows: projects.projects(rows, archived=False))
    fallback = only[0].id if len(only) == 1 else None
    accepted = await writing.cell.workflows.start(writing.origin, workflow_id, body, key, fallback)
    writing.wrote(accepted.position)
    return WorkflowRunMade(id=accepted.id, position=accepted.position)


async def _as_written(cell: Cell, accepted: Accepted) -> WorkflowView:
    """As the log has it: a request that comes again is given the same answer."""
    recorded = [one for one in await cell.log.read(workflow_stream(accepted.id)) if one.position <= accepted.position]
    found = catalogue.require(
        catalogue.fold(accepted.id, (one.event for one in recorded), shipped().get(accepted.id)), accepted.id
    )
    at = recorded[-1].recorded_at if recorded else None
    return _view(found.id, found.number, dict(found.definition), found.file, at, accepted.position, found.package)


def _with_problem(cell: Cell, shown: WorkflowView) -> WorkflowView:
    problem = problem_of(cell.workflow_folder, shown.file)
    return shown.model_copy(update={"problem": problem}) if problem else shown


def _shipped(workflow_id: str, definition: dict[str, JsonValue]) -> WorkflowView:
    return _view(workflow_id, 0, definition, "", None, 0)


def _view(
    workflow_id: str, number: int, definition: dict[str, Any], file: str, at: Any, position: int, package: str = ""
) -> WorkflowView:
    return WorkflowView(
        id=workflow_id,
        name=definition["name"],
        description=definition.get("description", ""),
        version=number,
        source=catalogue.source_of(number, file, package),
        file=file,
        package=package,
        trigger=definition.get("trigger", "manual"),
        stages=tuple(one["name"] for one in definition["stages"]),
        updated_at=at,
        position=position,
        definition=definition,
    )
