"""What the coordinator shows of its queue to those outside."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from vapora.domain.offers import OnOffer
from vapora.log.client import LogClient
from vapora.queue import TaskQueue
from vapora.queue.log_queue import LogQueue
from vapora.views import DeadLetterView, QueueView


class QueueDoor:
    """`delivered_by` is the queue that brings the work; None: the log, of which `on_offer` says what is known."""

    def __init__(
        self, log: LogClient, workspace: str, delivered_by: TaskQueue | None, on_offer: Callable[[], OnOffer]
    ) -> None:
        self._log = log
        self._workspace = workspace
        self._delivered_by = delivered_by
        self._on_offer = on_offer
        self._own: LogQueue | None = None
        self._journal = structlog.get_logger("coordinator")

    def health(self) -> str:
        """`log`, `nats`, or why NATS does not deliver."""
        queue = self._delivered_by
        if queue is None:
            return "log"
        return "nats" if queue.connected else f"log, while NATS is away: {queue.problem}"

    async def status(self) -> QueueView:
        return (await self._queue().status()).view()

    async def requeue(self, task_id: str) -> DeadLetterView:
        letter = await self._queue().requeue(task_id)
        self._journal.info("dead letter put back", task=task_id)
        return letter.view()

    def _queue(self) -> TaskQueue:
        """The log's own queue is made when it is first asked for, where the coordinator's view is: that needs no look
        at the past."""
        if self._delivered_by is not None:
            return self._delivered_by
        if self._own is None:
            self._own = LogQueue(self._log, self._workspace, on_offer=self._on_offer())
        return self._own
