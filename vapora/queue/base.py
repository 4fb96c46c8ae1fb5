"""The room's one protocol: a queue of tasks that delivers at least once (M8.1, M8.3).

A taker answers every offer. No answer in time means that it died: the offer is delivered again, and after too many
deliveries without an answer it becomes a dead letter, which a person may look at. Whoever wants to put it back says so
in the log (`TaskRequeued`): that is an offer of its own, and the dead letter is over. To say "not now" is an answer:
however often it is given, it makes no dead letter.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

from vapora.domain.offers import Offer
from vapora.views import DeadLetterView, QueueView


@dataclass(frozen=True, slots=True)
class TaskOffer:
    """A task to be done, as the queue delivered it.

    `position` and `version` name the event that made it to do: with another one since, the offer is stale. `deliveries`
    counts this one, from the last time that the queue began to count anew. `token` is the queue's own.
    """

    task_id: str
    position: int
    version: int
    subject: str
    priority: int
    deliveries: int = 1
    token: str = ""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An offer that was delivered `deliveries` times and never answered. Its `id` is the task's."""

    id: str
    subject: str
    position: int
    deliveries: int

    def view(self) -> DeadLetterView:
        return DeadLetterView(id=self.id, subject=self.subject, deliveries=self.deliveries, position=self.position)


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """`depth`: offers not answered for good, by subject, without dead letters. `problem`: why it does not deliver.
    `dead_letters_known`: whether the queue could be asked for them."""

    kind: Literal["log", "nats"]
    connected: bool = True
    problem: str | None = None
    depth: dict[str, int] = field(default_factory=dict)
    dead_letters: tuple[DeadLetter, ...] = ()
    dead_letters_known: bool = True

    def view(self) -> QueueView:
        return QueueView(
            kind=self.kind,
            connected=self.connected,
            problem=self.problem,
            depth=self.depth,
            waiting=sum(self.depth.values()),
            dead_letters=tuple(letter.view() for letter in self.dead_letters),
            dead_letters_known=self.dead_letters_known,
        )


class TaskQueue(Protocol):
    """One workspace's queue. Where it cannot be reached, its methods raise `UnavailableError` and may be repeated."""

    @property
    def connected(self) -> bool: ...

    @property
    def problem(self) -> str | None: ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def fetch(self, limit: int, timeout_s: float) -> list[TaskOffer]:
        """What is there, of high priority first; waits for the first. Takers share: no two are delivered the same."""
        ...

    async def ack(self, offer: TaskOffer) -> None:
        """It is taken, or was stale: never to be delivered again."""
        ...

    async def nak(self, offer: TaskOffer, delay_s: float) -> None:
        """Not now; to be delivered again after `delay_s`."""
        ...

    async def heartbeat(self, offer: TaskOffer) -> None:
        """Still at it: the time for an answer begins anew."""
        ...

    async def dead_letters(self) -> list[DeadLetter]: ...

    async def discard(self, id: str) -> None:
        """Forget a dead letter; no matter if there is none."""
        ...

    async def status(self) -> QueueStatus: ...


def offered(offer: Offer, deliveries: int = 1, token: str = "") -> TaskOffer:
    return TaskOffer(offer.task_id, offer.position, offer.version, offer.subject, offer.priority, deliveries, token)


def urgency(subject: str) -> int:
    """Sorts by the subject's level of priority, the highest first (R13)."""
    return ("high", "medium", "low").index(subject.rpartition(".")[2])
