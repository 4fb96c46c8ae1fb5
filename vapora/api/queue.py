"""The queue of tasks to be done, for those who look after it."""

from __future__ import annotations

from fastapi import APIRouter

from vapora.api.context import FreshCell, Writing
from vapora.commands import RequeueTask
from vapora.views import DeadLetterView, QueueView

router = APIRouter(prefix="/queue", tags=["queue"])


@router.get("", summary="Show what waits to be taken")
async def get_queue(cell: FreshCell) -> QueueView:
    """How many tasks wait under each subject, and the dead letters. The queue is the log itself, or NATS where that is
    configured; a NATS that is away is told in `problem`, and work goes on from the log."""
    return await cell.queue.queue_status()


@router.post("/dead-letters/{task_id}/requeue", summary="Put a dead letter back")
async def requeue_dead_letter(task_id: str, writing: Writing) -> DeadLetterView:
    """The task is offered anew, and the log says by whom. Where NATS is away its dead letters cannot be looked at."""
    letter = await writing.cell.queue.dead_letter(task_id)
    await writing.dispatch(RequeueTask(deliveries=letter.deliveries), task_id)
    return letter
