"""What a search asks for. None, or nothing named: whatever it is."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from vapora.views.base import View


class Enveloped(Protocol):
    """An event with what stands around it."""

    @property
    def stream(self) -> str: ...

    @property
    def topic(self) -> str: ...

    @property
    def actor(self) -> str: ...

    @property
    def correlation(self) -> str: ...


class EventFilter(View):
    stream: str | None = None
    topics: tuple[str, ...] = ()
    actor: str | None = None
    correlation: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether every event fits."""
        return not self.topics and self.stream is self.actor is self.correlation is None

    def fits(self, event: Enveloped) -> bool:
        return (
            self.stream in (None, event.stream)
            and (not self.topics or event.topic in self.topics)
            and self.actor in (None, event.actor)
            and self.correlation in (None, event.correlation)
        )


class AuditFilter(View):
    """`actor`, `action` and `resource` are whole, or a beginning with `*` behind it: `user:*`, `task:task-1*`.
    `resource`: a kind, as `task`, or one thing, as `task:task-1`; `text`: a part of anything said, in any case; `since`
    and `until`, and the positions `first` and `last`, are taken in."""

    actor: str | None = None
    action: str | None = None
    resource: str | None = None
    result: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None
    first: int | None = None
    last: int | None = None

    def __str__(self) -> str:
        """The question, as the audit trail shows that somebody asked it."""
        said = self.model_dump(mode="json", exclude_none=True)
        return ", ".join(f"{name}={value}" for name, value in said.items()) or "everything"
