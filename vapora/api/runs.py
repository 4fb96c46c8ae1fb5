"""Runs: one agent's attempt at one task, and what it left behind."""

from __future__ import annotations

from anyio import to_thread
from fastapi import APIRouter
from starlette.responses import PlainTextResponse

from events.content import Content
from events.ids import run_stream
from projections import runs as model
from vapora.api.cells import Cell
from vapora.api.context import Cursor, FreshCell, Limit
from vapora.api.pages import page_of
from vapora.errors import NotFoundError
from vapora.views import Artifact, Execution, Page, RunBrief

router = APIRouter(prefix="/runs", tags=["runs"])


@router.get("/{run_id}", summary="Show a run")
async def get_run(run_id: str, cell: FreshCell) -> Execution:
    return await require_run(cell, run_id)


@router.get("/{run_id}/brief", summary="Read what a run was told first")
async def get_brief(run_id: str, cell: FreshCell) -> RunBrief:
    """About its role, and about the task: what the model's conversation begins with."""
    await require_run(cell, run_id)
    return await cell.read(lambda rows: model.brief(rows, run_id))


@router.get("/{run_id}/artifacts", summary="List what a run made")
async def list_artifacts(run_id: str, cell: FreshCell, limit: Limit = 500, cursor: Cursor = None) -> Page[Artifact]:
    """Small ones with their text."""
    await require_run(cell, run_id)
    found = await cell.read(lambda rows: model.artifacts(rows, run_id))
    return page_of(found, lambda one: one.name, limit, cursor)


@router.get("/{run_id}/artifacts/{name}", response_class=PlainTextResponse, summary="Read what a run made")
async def get_artifact(run_id: str, name: str, cell: FreshCell) -> PlainTextResponse:
    """The whole text, however large."""
    await require_run(cell, run_id)
    for one in await cell.read(lambda rows: model.artifacts(rows, run_id)):
        if one.name == name:
            content = Content(text=one.text, digest=one.digest, size=one.size)
            text = await to_thread.run_sync(cell.blobs.text, content)
            # Never as anything that a browser would run: a model wrote it.
            return PlainTextResponse(text, headers={"X-Content-Type-Options": "nosniff"})
    raise NotFoundError(f"The run '{run_id}' made nothing called '{name}'.", remedy="List its artifacts.")


async def require_run(cell: Cell, run_id: str) -> Execution:
    found = await cell.find(run_stream(run_id), lambda rows: model.run_of(rows, run_id))
    if found is None:
        raise NotFoundError(f"There is no run '{run_id}'.", remedy="Check the id; a task's card names its runs.")
    return found
