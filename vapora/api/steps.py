"""What a run did, step by step, and how it is stopped."""

from __future__ import annotations

from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Body, Path, Query
from starlette.responses import PlainTextResponse

from events.content import Content
from projections import steps as model
from vapora.api.context import FreshCell, Limit, PostKey, Writing
from vapora.api.gate import LetIn
from vapora.api.runs import require_run
from vapora.commands import CancelRun, CancelRunBody, DecideToolCall, DecideToolCallBody, Pause, PauseRun, ResumeRun
from vapora.errors import ForbiddenError, NotFoundError
from vapora.views import Accepted, Page, Step

router = APIRouter(prefix="/runs", tags=["runs"])
# A body may be left out.
CancelBody = Annotated[CancelRunBody, Body(default_factory=CancelRunBody)]
PauseBody = Annotated[Pause, Body(default_factory=Pause)]

# A text that is larger is shown up to here.
_MOST_CHARACTERS = 1_000_000
StepCursor = Annotated[
    str | None, Query(description="`next` of the page before.", pattern=r"^[0-9]{1,18}\.[0-9]{1,6}$", examples=["7.0"])
]
Digest = Annotated[str, Path(description="The SHA-256 that stands in the step.", pattern=r"^[0-9a-f]{64}$")]


@router.get("/{run_id}/steps", summary="List a run's steps")
async def list_steps(run_id: str, cell: FreshCell, limit: Limit = 100, cursor: StepCursor = None) -> Page[Step]:
    """In order: setup, answers of the model, tools, checks, and the verdict of a review; also what is under way. Large
    texts stand in `GET /runs/{id}/content/{sha256}`."""
    await require_run(cell, run_id)
    return await cell.read(lambda rows: model.steps(rows, run_id, cursor, limit))


@router.get("/{run_id}/content/{sha256}", response_class=PlainTextResponse, summary="Read a large text of a run")
async def get_content(run_id: str, sha256: Digest, cell: FreshCell) -> PlainTextResponse:
    """At most a million characters of it; the header Vapora-Truncated says whether there are more."""
    await require_run(cell, run_id)
    size = await cell.read(lambda rows: model.size_of(rows, run_id, sha256))
    if size is None:
        raise NotFoundError(f"The run '{run_id}' has no text {sha256[:12]}….", remedy="List its steps.")
    text = await to_thread.run_sync(cell.blobs.text, Content(digest=sha256, size=size))
    # Never as anything that a browser would run: a model or a command wrote it.
    headers = {"X-Content-Type-Options": "nosniff", "Vapora-Truncated": str(len(text) > _MOST_CHARACTERS).lower()}
    return PlainTextResponse(text[:_MOST_CHARACTERS], headers=headers)


@router.post("/{run_id}/cancel", summary="Cancel a run")
async def cancel_run(run_id: str, body: CancelBody, writing: Writing, key: PostKey) -> Accepted:
    """It ends after what is under way; its card goes back to todo."""
    run = await require_run(writing.cell, run_id)
    return await writing.dispatch(CancelRun(run_id=run_id, reason=body.reason), run.task_id, key)


@router.post("/{run_id}/pause", summary="Pause a run")
async def pause_run(run_id: str, body: PauseBody, writing: Writing, key: PostKey) -> Accepted:
    """It takes no further step until it is resumed; what is under way ends."""
    run = await require_run(writing.cell, run_id)
    return await writing.dispatch(PauseRun(run_id=run_id, reason=body.reason), run.task_id, key)


@router.post("/{run_id}/resume", summary="Let a run go on")
async def resume_run(run_id: str, writing: Writing, key: PostKey) -> Accepted:
    run = await require_run(writing.cell, run_id)
    return await writing.dispatch(ResumeRun(run_id=run_id), run.task_id, key)


@router.post("/{run_id}/tool-call", summary="Allow or refuse a call of a tool")
async def decide_tool_call(
    run_id: str, body: DecideToolCallBody, writing: Writing, key: PostKey, admitted: LetIn
) -> Accepted:
    """Of a run that has read text of strangers, and wants to send something out. `seen` is the digest that the card
    shows behind the call. A person decides, never a program."""
    if admitted.principal.kind == "Token":
        raise ForbiddenError("A person decides whether a call may go out.", remedy="Sign in, and decide there.")
    run = await require_run(writing.cell, run_id)
    return await writing.dispatch(DecideToolCall(run_id=run_id, **body.model_dump()), run.task_id, key)
