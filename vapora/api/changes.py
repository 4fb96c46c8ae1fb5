"""What stands on a task's branch, and where it goes: landed, pushed, sent back, or beside another attempt."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Path, Query, status

from projections import attempts as model
from vapora.api.context import OPERATOR_ONLY, Cursor, FreshCell, Limit, PostKey, Writing
from vapora.api.forms import WHOLE
from vapora.api.pages import page_of
from vapora.api.tasks import require_task
from vapora.commands import MergeTask, PickAttempt, ResolveTask, StartAttempt
from vapora.views import Accepted, Attempt, Changes, FileText, Merged, Page, Pushed

router = APIRouter(prefix="/tasks", tags=["work"])
# A body may be left out.
MergeTaskBody = Annotated[MergeTask, Body(default_factory=MergeTask)]
ResolveTaskBody = Annotated[ResolveTask, Body(default_factory=ResolveTask)]
StartAttemptBody = Annotated[StartAttempt, Body(default_factory=StartAttempt)]

Number = Annotated[int, Path(ge=1, le=1_000), WHOLE]


@router.get("/{task_id}/changes", summary="Show what a task changed")
async def get_changes(
    task_id: str,
    cell: FreshCell,
    run: Annotated[str | None, Query(description="What this run of it changed, and no other.", max_length=200)] = None,
    attempt: Annotated[
        int | None, Query(description="Of this attempt; absent: of the one that is the card's.", ge=1, le=1_000), WHOLE
    ] = None,
) -> Changes:
    """Commits, files and the patch of its branch, the checks of its newest commit, and what could not be merged."""
    await require_task(cell, task_id)
    return await cell.repositories.changes(task_id, attempt, run)


@router.get("/{task_id}/files", summary="Read a file of a task's branch")
async def get_file(
    task_id: str,
    cell: FreshCell,
    path: Annotated[str, Query(description="From the root of the repository.", min_length=1, max_length=4_096)],
    ref: Annotated[
        str | None,
        Query(description="A commit of the branch; absent: its newest.", pattern=r"^[0-9a-f]{4,64}$"),
    ] = None,
) -> FileText:
    """At most its first megabyte; no text where it is none."""
    await require_task(cell, task_id)
    return await cell.repositories.file(task_id, path, ref)


@router.post("/{task_id}/merge", summary="Land a task's work", dependencies=[OPERATOR_ONLY])
async def merge_task(task_id: str, body: MergeTaskBody, writing: Writing, key: PostKey) -> Merged:
    """Makes approved work part of the project's branch, in the repository itself. Refused, with nothing changed, where
    it is not approved, a check is red, both sides changed the same places, or changes in a checkout are in the way."""
    await require_task(writing.cell, task_id)
    merged = await writing.cell.repositories.merge(writing.origin, task_id, body, key)
    writing.wrote(merged.position)
    return merged


@router.post("/{task_id}/push", summary="Push a task's branch", dependencies=[OPERATOR_ONLY])
async def push_task(task_id: str, writing: Writing, key: PostKey) -> Pushed:
    """The branch alone, for teams that merge by pull request. A refusal has the remote's words."""
    await require_task(writing.cell, task_id)
    pushed = await writing.cell.repositories.push(writing.origin, task_id, key)
    writing.wrote(pushed.position)
    return pushed


@router.post("/{task_id}/resolve", summary="Have a conflict resolved")
async def resolve_task(task_id: str, body: ResolveTaskBody, writing: Writing, key: PostKey) -> Accepted:
    """Sends work that could not be merged back to its agent, which gets both sides to bring them together."""
    return await writing.dispatch(body, task_id, key)


@router.get("/{task_id}/attempts", summary="List a task's attempts")
async def list_attempts(task_id: str, cell: FreshCell, limit: Limit = 500, cursor: Cursor = None) -> Page[Attempt]:
    """The first one first."""
    await require_task(cell, task_id)
    found = await cell.read(lambda rows: model.attempts(rows, task_id))
    return page_of(found, lambda one: str(one.number), limit, cursor)


@router.post("/{task_id}/attempts", status_code=status.HTTP_202_ACCEPTED, summary="Have a task tried again")
async def start_attempt(task_id: str, body: StartAttemptBody, writing: Writing, key: PostKey) -> Accepted:
    """On a branch of its own, from the base or from a step of the card's newest run. The attempts stand side by side
    until one is picked."""
    return await writing.dispatch(body, task_id, key)


@router.post("/{task_id}/attempts/{number}/pick", summary="Pick an attempt")
async def pick_attempt(task_id: str, number: Number, writing: Writing, key: PostKey) -> Accepted:
    """Its work is the card's from now on."""
    return await writing.dispatch(PickAttempt(number=number), task_id, key)
