"""Where in the log events of a stream, a topic, an actor or a request stand. It opens no event, not even to decode it.

Times are not in it: positions are in their order, so whoever looks for an instant halves the log.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from events import DomainEvent
from projections.engine.base import Between, Handler, LoggedEvent, Projection, Reader, Rows, Scalar, Table
from vapora.views import EventFilter

EVENTS = Table(
    "log_index",
    key=("at",),
    columns={"at": "int", "stream": "text", "topic": "text", "actor": "text", "correlation": "text"},
    indexes=(("stream", "at"), ("topic", "at"), ("actor", "at"), ("correlation", "at")),
)


class LogIndex(Projection):
    NAME = "log_index"
    VERSION = 1
    TABLES = (EVENTS,)
    HANDLERS: ClassVar[Mapping[type[DomainEvent], Handler]] = {}
    TOPICS = None

    def take(self, entry: LoggedEvent, rows: Rows) -> None:
        row = {
            "at": entry.position,
            "stream": entry.stream,
            "topic": entry.topic,
            "actor": entry.actor,
            "correlation": entry.correlation,
        }
        rows.add(EVENTS, row)


def last_of(rows: Reader, stream: str, until: int) -> int:
    """The position of the stream's last event up to `until`; 0: there is none."""
    found = rows.select(EVENTS, {"stream": stream, "at": Between(high=until)}, order=("-at",), limit=1)
    return int(found[0]["at"]) if found else 0


def find(rows: Reader, after: int, limit: int, wanted: EventFilter) -> list[int]:
    """The first positions beyond `after` that fit."""
    every: dict[str, Any] = wanted.model_dump(exclude={"topics"}) | {"topic": wanted.topics or None}
    where: dict[str, Scalar | tuple[Scalar, ...]] = {name: one for name, one in every.items() if one is not None}
    return [row["at"] for row in rows.select(EVENTS, where, order=("at",), limit=limit, after=(after,))]
