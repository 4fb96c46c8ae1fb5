"""The envelope: what the log knows about an event beside the event itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from events.base import DomainEvent, Unknown


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event as it stands in a workspace's log.

    `position` strictly increases along the log (numbers may be skipped); `version` counts 1, 2, 3 … within
    the stream; `recorded_at` (UTC) goes backwards only at a `ClockCorrected`. `actor` did it, `correlation` names the
    request that all of it goes back to, `causation` the position of the event that led to it (None: a request).
    `request_id` names the append, so that one sent twice is recognised. `topic_version`: in which version of its topic
    the event was stored, for who must know what an upcast could not say; None: in today's.
    """

    position: int
    stream: str
    version: int
    recorded_at: datetime
    workspace: str
    actor: str
    correlation: str
    causation: int | None
    request_id: str
    event: DomainEvent
    topic_version: int | None = None

    @property
    def topic(self) -> str:
        return self.event.topic

    @property
    def is_known(self) -> bool:
        """False where `Unknown` stands for it."""
        return not isinstance(self.event, Unknown)

    def open(self) -> Recorded:
        """Itself: those who take sealed records take opened ones as well."""
        return self
