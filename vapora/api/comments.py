"""What is said on a card, and what is decided about its work."""

from __future__ import annotations

from fastapi import APIRouter, status

from projections import comments as model
from vapora.api.context import FreshCell, Limit, PostKey, Writing
from vapora.api.forms import PositionCursor
from vapora.api.tasks import require_task
from vapora.commands import ApproveTask, CommentTask, RequestChanges
from vapora.views import Accepted, Comment, CommentMade, Page

router = APIRouter(prefix="/tasks", tags=["work"])


@router.get("/{task_id}/comments", summary="List a card's comments")
async def list_comments(
    task_id: str, cell: FreshCell, limit: Limit = 100, cursor: PositionCursor = None
) -> Page[Comment]:
    """The oldest first: what people and agents said, questions, answers, and reviews with their comments on lines."""
    await require_task(cell, task_id)
    return await cell.read(lambda rows: model.comments(rows, task_id, cursor, limit))


@router.post("/{task_id}/comments", status_code=status.HTTP_201_CREATED, summary="Say something on a card")
async def comment_task(task_id: str, body: CommentTask, writing: Writing, key: PostKey) -> CommentMade:
    """Its next run reads it. With `answers`, the run that asked goes on with it."""
    accepted = await writing.dispatch(body, task_id, key)
    return CommentMade(id=accepted.id, task_id=task_id, position=accepted.position)


@router.post("/{task_id}/approve", summary="Approve a task's work")
async def approve_task(task_id: str, body: ApproveTask, writing: Writing, key: PostKey) -> Accepted:
    """Just the commit that was looked at: refused where the branch has moved since."""
    return await writing.dispatch(body, task_id, key)


@router.post("/{task_id}/request-changes", summary="Send a task's work back")
async def request_changes(task_id: str, body: RequestChanges, writing: Writing, key: PostKey) -> Accepted:
    """With what is to be changed, in all and on single lines. It goes back to its author."""
    return await writing.dispatch(body, task_id, key)
