"""Runs of workflows, and steering them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from events.ids import workflow_run_stream
from projections import board
from projections import workflows as model
from projections.engine.transaction import ReadSnapshot
from vapora import clock
from vapora.api.context import FreshCell, Limit, PostKey, Writer, Writing
from vapora.api.forms import PositionCursor
from vapora.api.workflow_runs_view import run_view
from vapora.commands import (
    CancelWorkflowRun,
    PauseWorkflowRun,
    ResumeWorkflowRun,
    RetryStage,
    RetryStageBody,
    SkipStage,
    SkipStageBody,
)
from vapora.domain.workflow.requests import RunCommand
from vapora.domain.workflow.state import require
from vapora.ports import RequestKey
from vapora.views import Accepted, BoardCard, Page, WorkflowRunState, WorkflowRunSummary, WorkflowRunView

router = APIRouter(prefix="/workflow-runs", tags=["workflows"])
StageName = Annotated[str, Path(description="The stage's name.")]


@router.get("", summary="List the runs of workflows")
async def list_workflow_runs(
    cell: FreshCell,
    state: Annotated[WorkflowRunState | None, Query(description="Only those in this state.")] = None,
    workflow_id: Annotated[str | None, Query(max_length=200, description="Only those of this workflow.")] = None,
    limit: Limit = 100,
    cursor: PositionCursor = None,
) -> Page[WorkflowRunSummary]:
    """The newest first."""
    before = None if cursor is None else int(cursor)
    found = await cell.read(lambda rows: model.runs(rows, state, workflow_id, before, limit + 1))
    more = str(found[limit - 1][0]) if len(found) > limit else None
    return Page[WorkflowRunSummary](items=tuple(one for _, one in found[:limit]), next=more)


@router.get("/{workflow_run_id}", summary="Show a run of a workflow")
async def get_workflow_run(workflow_run_id: str, cell: FreshCell) -> WorkflowRunView:
    """With its stages and cards, what it cost, how long it took, and its critical path."""
    told = await cell.log.read(workflow_run_stream(workflow_run_id))

    def cards(rows: ReadSnapshot) -> dict[str, BoardCard]:
        return board.cards_of_workflow_run(rows, workflow_run_id)

    found = run_view(told, await cell.read(cards), clock.now())
    if found is None:
        require(None, workflow_run_id)
        raise AssertionError
    return found


@router.post("/{workflow_run_id}/cancel", summary="Cancel a run of a workflow")
async def cancel_workflow_run(
    workflow_run_id: str, writing: Writing, key: PostKey, body: CancelWorkflowRun | None = None
) -> Accepted:
    """Its open cards are called off, and what its stages did is undone, the last first. Of one that is cancelled
    nothing changes."""
    return await _change(writing, workflow_run_id, body or CancelWorkflowRun(), key)


@router.post("/{workflow_run_id}/pause", summary="Pause a run of a workflow")
async def pause_workflow_run(
    workflow_run_id: str, writing: Writing, key: PostKey, body: PauseWorkflowRun | None = None
) -> Accepted:
    """It makes no more cards until it is resumed. Those that it made go on."""
    return await _change(writing, workflow_run_id, body or PauseWorkflowRun(), key)


@router.post("/{workflow_run_id}/resume", summary="Resume a run of a workflow")
async def resume_workflow_run(
    workflow_run_id: str, writing: Writing, key: PostKey, body: ResumeWorkflowRun | None = None
) -> Accepted:
    return await _change(writing, workflow_run_id, body or ResumeWorkflowRun(), key)


@router.post("/{workflow_run_id}/stages/{stage}/retry", summary="Have a failed stage tried again")
async def retry_stage(
    workflow_run_id: str, stage: StageName, writing: Writing, key: PostKey, body: RetryStageBody | None = None
) -> Accepted:
    """The run goes on from there. Not where what it did was undone."""
    reason = "" if body is None else body.reason
    return await _change(writing, workflow_run_id, RetryStage(stage=stage, reason=reason), key)


@router.post("/{workflow_run_id}/stages/{stage}/skip", summary="Skip a stage")
async def skip_stage(
    workflow_run_id: str, stage: StageName, body: SkipStageBody, writing: Writing, key: PostKey
) -> Accepted:
    """What waits for it goes on as if it were done."""
    return await _change(writing, workflow_run_id, SkipStage(stage=stage, reason=body.reason), key)


async def _change(writing: Writer, run_id: str, command: RunCommand, key: RequestKey | None) -> Accepted:
    accepted = await writing.cell.workflows.change(writing.origin, run_id, command, key)
    writing.wrote(accepted.position)
    return accepted
