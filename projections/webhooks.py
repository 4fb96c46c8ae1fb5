"""The webhooks of a workspace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from events import DomainEvent, Recorded, webhook
from projections.engine.base import Handler, Projection, Reader, Row, Rows, Table, format_instant
from vapora import views

WEBHOOKS = Table(
    "webhooks",
    key=("id",),
    columns={
        "id": "text",
        "url": "text",
        "topics": "json",
        "description": "text",
        "enabled": "int",
        "created_at": "text",
        "created_position": "int",
    },
)


def _set(recorded: Recorded, event: webhook.WebhookSet, rows: Rows) -> None:
    before = rows.get(WEBHOOKS, (event.webhook_id,))
    made = (recorded.position, format_instant(recorded.recorded_at))
    position, at = (before["created_position"], before["created_at"]) if before else made
    rows.put(
        WEBHOOKS,
        {
            "id": event.webhook_id,
            "url": event.url,
            "topics": list(event.topics),
            "description": event.description,
            "enabled": int(event.enabled),
            "created_at": at,
            "created_position": position,
        },
    )


def _removed(recorded: Recorded, event: webhook.WebhookRemoved, rows: Rows) -> None:
    rows.delete(WEBHOOKS, (event.webhook_id,))


class Webhooks(Projection):
    NAME = "webhooks"
    VERSION = 1
    TABLES = (WEBHOOKS,)
    HANDLERS: ClassVar[Mapping[type[DomainEvent], Handler]] = {
        webhook.WebhookSet: _set,
        webhook.WebhookRemoved: _removed,
    }


def webhooks(rows: Reader) -> tuple[views.WebhookView, ...]:
    """In the order in which they were made."""
    return tuple(map(_view, rows.select(WEBHOOKS, order=("created_position",))))


def webhook_of(rows: Reader, webhook_id: str) -> views.WebhookView | None:
    row = rows.get(WEBHOOKS, (webhook_id,))
    return None if row is None else _view(row)


def _view(row: Row) -> views.WebhookView:
    fields = {name: value for name, value in row.items() if name != "created_position"}
    return views.WebhookView.model_validate({**fields, "enabled": bool(row["enabled"])})
