"""What the coordinator shows of its queue to those outside."""

from __future__ import annotations

from collections.abc import Callable

from actors.coordinator.queue_consumer import QueueConsumer
from vapora.domain.offers import OpenOffers
from vapora.errors import NotFoundError, UnavailableError
from vapora.log.client import LogClient
from vapora.queue import QueueStatus
from vapora.queue.log_queue import LogQueue
from vapora.views import DeadLetterView, QueueView


class QueueStatusReader:
    """`consumer`: where a queue delivers the work; None: the log does, of which `open_offers` says what is known."""

    def __init__(
        self, log: LogClient, workspace: str, consumer: QueueConsumer | None, open_offers: Callable[[], OpenOffers]
    ) -> None:
        self._log = log
        self._workspace = workspace
        self._consumer = consumer
        self._open_offers = open_offers
        self._own: LogQueue | None = None

    def health(self) -> str:
        """`log`, `nats`, or why NATS does not deliver."""
        if self._consumer is None:
            return "log"
        queue = self._consumer.queue
        return "nats" if queue.connected else f"log, while NATS is away: {queue.problem}"

    async def status(self) -> QueueView:
        return (await self._status()).view()

    async def dead_letter(self, task_id: str) -> DeadLetterView:
        status = await self._status()
        for letter in status.dead_letters:
            if letter.id == task_id:
                return letter.view()
        if not status.dead_letters_known:
            raise UnavailableError(status.problem or "The queue is away.", remedy="Try again when it is back.")
        raise NotFoundError(f"There is no dead letter '{task_id}'.", remedy="List them: `vapora queue`.")

    async def _status(self) -> QueueStatus:
        """The log's own queue is made when it is first asked for, where the coordinator's view is: that needs no look
        at the past."""
        if self._consumer is not None:
            return await self._consumer.status()
        if self._own is None:
            self._own = LogQueue(self._log, self._workspace, open_offers=self._open_offers())
        return await self._own.status()
