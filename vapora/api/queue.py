"""The queue of tasks to be done, for those who look after it."""

from __future__ import annotations

from fastapi import APIRouter

from vapora.api.context import FreshCell, PostKey, Writing
from vapora.commands import RequeueTask
from vapora.views import Accepted, QueueView

router = APIRouter(prefix="/queue", tags=["queue"])


@router.get("", summary="Show what waits to be taken")
async def get_queue(cell: FreshCell) -> QueueView:
    """How many tasks wait under each subject, and the dead letters. The queue is the log itself, or NATS where that is
    configured; a NATS that is away is told in `problem`, and work goes on from the log. It is that of all projects, and
    for those who may read all of them."""
    return await cell.queue.queue_status()


@router.post("/dead-letters/{task_id}/requeue", summary="Put a dead letter back")
async def requeue_dead_letter(task_id: str, writing: Writing, key: PostKey) -> Accepted:
    """The task is offered anew, and the log says by whom. Where NATS is away its dead letters cannot be looked at."""
    # Once it was put back it is no dead letter any more.
    if (answered := await writing.answered(key)) is not None:
        return answered
    letter = await writing.cell.queue.dead_letter(task_id)
    return await writing.dispatch(RequeueTask(deliveries=letter.deliveries), task_id, key)
