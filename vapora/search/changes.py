"""What an event means for the index, and what those who say so may know of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from events import DomainEvent, Recorded
from events.content import Content
from vapora.domain.search import Entry


@dataclass(frozen=True, slots=True)
class Put:
    """It stands in the index from now on, in the place of what stood there under its key."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class Drop:
    kind: str
    id: str


Change = Put | Drop


class Known(Protocol):
    def get(self, kind: str, id_: str) -> Entry | None:
        """What stands in the index now, changes of earlier events included."""
        ...

    def text(self, content: Content) -> str:
        """Also of one that stands in the blob store."""
        ...


# What one event changes: the envelope, the event, and what is known.
Handler = Callable[[Recorded, Any, Known], Iterable[Change]]
Handlers = Mapping[type[DomainEvent], Handler]
