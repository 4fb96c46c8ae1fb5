"""The audit trail: who did what to what, when, and how it came out (M11.11 to M11.13).

What counts as significant stands in `projections.audit_rules`. An event that this version does not know is shown as
such: an audit trail that leaves out what it does not understand would lie.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from events import DomainEvent, Recorded, Unknown
from projections.audit_line import AuditLine
from projections.audit_rules import RULES
from projections.engine import base
from projections.engine.base import (
    Between,
    Contains,
    Handler,
    Projection,
    Reader,
    Row,
    Rows,
    Table,
    Where,
    format_instant,
)
from vapora import views

AUDIT = Table(
    "audit",
    key=("at",),
    columns={
        "at": "int",
        "timestamp": "text",
        "actor": "text",
        "action": "text",
        "resource_type": "text",
        "resource_id": "text",
        "result": "text",
        "details": "text",
        "topic": "text",
        "correlation": "text",
        "causation": "int",
        # What a search looks through, in small letters.
        "words": "text",
    },
    indexes=(("actor", "at"), ("resource_type", "resource_id", "at"), ("timestamp",)),
)


# No text that begins alike comes behind one that ends with it.
LAST_CHARACTER = "\U0010ffff"


def _keep(recorded: Recorded, event: DomainEvent, rows: Rows) -> None:
    _put(recorded, RULES[type(event)](event), rows)


def _put(recorded: Recorded, entry: AuditLine, rows: Rows) -> None:
    said = (recorded.actor, entry.action, entry.resource_type, entry.resource_id, recorded.topic, entry.details)
    rows.add(
        AUDIT,
        {
            "at": recorded.position,
            "timestamp": format_instant(recorded.recorded_at),
            "actor": recorded.actor,
            "action": entry.action,
            "resource_type": entry.resource_type,
            "resource_id": entry.resource_id,
            "result": entry.result,
            "details": entry.details,
            "topic": recorded.topic,
            "correlation": recorded.correlation,
            "causation": recorded.causation,
            "words": "\n".join(said).casefold(),
        },
    )


class Audit(Projection):
    NAME = "audit"
    VERSION = 6
    TABLES = (AUDIT,)
    HANDLERS: ClassVar[Mapping[type[DomainEvent], Handler]] = dict.fromkeys(RULES, _keep)

    # Of the others it takes those that nobody here knows.
    TOPICS = None

    def take(self, entry: base.LoggedEvent, rows: Rows) -> None:
        if entry.topic in self.topics or not entry.is_known:
            self.apply(entry.open(), rows)

    def apply(self, recorded: Recorded, rows: Rows) -> None:
        if isinstance(recorded.event, Unknown):
            kind, _, name = recorded.stream.partition(":")
            details = f"written by a newer VAPORA: {recorded.event.why}"
            _put(recorded, AuditLine("unknown", kind, name, details=details), rows)
            return
        super().apply(recorded, rows)


def entries(
    rows: Reader,
    wanted: views.AuditFilter,
    *,
    before: int | None = None,
    limit: int = 100,
) -> tuple[views.AuditEntry, ...]:
    """The newest first; `before`: only what stands at a lower position."""
    after = None if before is None else (before,)
    return tuple(map(_entry, rows.select(AUDIT, _where(wanted), order=("-at",), limit=limit, after=after)))


def oldest(rows: Reader, wanted: views.AuditFilter, *, after: int, limit: int) -> tuple[views.AuditEntry, ...]:
    """The oldest first, of those beyond the position `after`."""
    return tuple(map(_entry, rows.select(AUDIT, _where(wanted), order=("at",), limit=limit, after=(after,))))


def _where(wanted: views.AuditFilter) -> Where:
    where: dict[str, Any] = {"actor": _text(wanted.actor), "action": _text(wanted.action), "result": wanted.result}
    if wanted.resource is not None:
        kind, colon, name = wanted.resource.partition(":")
        where["resource_type"] = _text(kind)
        where["resource_id"] = _text(name) if colon else None
    where = {name: value for name, value in where.items() if value is not None}
    between = (wanted.since, wanted.until)
    if between != (None, None):
        low, high = (None if at is None else format_instant(at) for at in between)
        where["timestamp"] = Between(low, high)
    if (wanted.first, wanted.last) != (None, None):
        where["at"] = Between(wanted.first, wanted.last)
    if wanted.text:
        where["words"] = Contains(wanted.text.casefold())
    return where


def _text(wanted: str | None) -> str | Between | None:
    """Whole, or with a `*` behind it what begins like that."""
    if wanted is None or not wanted.endswith("*"):
        return wanted
    return Between(wanted[:-1], f"{wanted[:-1]}{LAST_CHARACTER}")


def _entry(row: Row) -> views.AuditEntry:
    fields = {name: row[name] for name in views.AuditEntry.model_fields if name != "position"}
    return views.AuditEntry.model_validate({**fields, "position": row["at"]})
