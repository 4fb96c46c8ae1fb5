"""All that a round has left, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from actors.coordinator.queue_consumer import ConsumerState
from events import Recorded
from events.content import Content
from projections.engine.base import Row
from vapora.domain.budget import Ledger
from vapora.domain.swarm.state import Swarm
from vapora.testing.agreement import cards, ledger, queue, read_models
from vapora.testing.delivery import Streams, delivery
from vapora.testing.soundness import Discrepancy, billed, contents, kept, soundness
from vapora.views import BoardCard

WORKSPACE = "default"


@dataclass(frozen=True, slots=True)
class Records:
    """All that is left of the work: the log, and what everybody else holds."""

    log: list[Recorded]
    rows: dict[str, list[Row]]
    cards: dict[str, BoardCard]
    ledger: Ledger
    swarm: Swarm
    accepted: dict[int, str]
    billed_microusd: int
    text: Callable[[Content], str]
    waiting: frozenset[str]
    streams: Streams | None
    consumer: ConsumerState | None

    def findings(self) -> list[Discrepancy]:
        return [
            *soundness(self.log, WORKSPACE, self.waiting),
            *billed(self.log, self.billed_microusd),
            *kept(self.log, self.accepted),
            *contents(self.log, self.text),
            *read_models(self.rows, self.log),
            *cards(self.cards, self.log),
            *ledger(self.ledger, self.log),
            *queue(self.swarm, self.log),
            *(delivery(self.streams, self.log, WORKSPACE, self.consumer) if self.streams else ()),
        ]
