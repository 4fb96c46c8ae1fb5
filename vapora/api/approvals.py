"""What workflows ask people."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from events.ids import workflow_run_stream
from projections import workflows as model
from vapora.api.context import FreshCell, Limit, PostKey, Writing
from vapora.api.forms import PositionCursor
from vapora.api.gate import LetIn
from vapora.commands import DecideApproval
from vapora.domain import access
from vapora.domain.workflow.requests import may_decide
from vapora.domain.workflow.state import Asked, run_of_approval
from vapora.errors import NotFoundError
from vapora.views import ApprovalDecided, ApprovalState, ApprovalView, Page

router = APIRouter(prefix="/approvals", tags=["workflows"])


@router.get("", summary="List what workflows ask")
async def list_approvals(
    cell: FreshCell,
    state: Annotated[
        ApprovalState | None, Query(description="`open` if nothing is said: what waits for somebody.")
    ] = "open",
    workflow_run_id: Annotated[str | None, Query(max_length=200, description="Only those of this run.")] = None,
    limit: Limit = 100,
    cursor: PositionCursor = None,
) -> Page[ApprovalView]:
    """The newest first."""
    before = None if cursor is None else int(cursor)
    found = await cell.read(lambda rows: model.approvals(rows, state, workflow_run_id, before, limit + 1))
    more = str(found[limit - 1][0]) if len(found) > limit else None
    return Page[ApprovalView](items=tuple(one for _, one in found[:limit]), next=more)


@router.get("/{approval_id}", summary="Show what a workflow asks")
async def get_approval(approval_id: str, cell: FreshCell) -> ApprovalView:
    stream = workflow_run_stream(run_of_approval(approval_id))
    found = await cell.find(stream, lambda rows: model.approval_of(rows, approval_id))
    if found is None:
        raise NotFoundError(f"There is no approval '{approval_id}'.", remedy="List the approvals.")
    return found


@router.post("/{approval_id}", summary="Approve or reject")
async def decide_approval(
    approval_id: str, body: DecideApproval, writing: Writing, key: PostKey, admitted: LetIn, request: Request
) -> ApprovalDecided:
    """Of what was looked at: `seen` is the digest that the approval showed. Where that has changed, it is refused, and
    asked anew. Of two who decide at once one stands. A person decides, never a program."""
    principal = admitted.principal
    names = {principal.id, principal.id.removeprefix("user:")}
    if principal.kind == "User":
        for person in await request.app.state.cells.system.identity().people([principal.id]):
            names.add(person.email)
    role = None if principal.role is None else principal.role.value
    sovereign = access.owns_installation(principal)

    def may(asked: Asked) -> bool:
        return principal.kind != "Token" and may_decide(asked, role, names, sovereign)

    accepted = await writing.cell.workflows.settle(writing.origin, approval_id, body, may, key)
    writing.wrote(accepted.position)
    return ApprovalDecided(id=approval_id, decision=body.decision, position=accepted.position)
