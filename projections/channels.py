"""The channels of a workspace, by which people are told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from events import DomainEvent, Recorded, channel
from projections.engine.base import Handler, Projection, Reader, Row, Rows, Table, format_instant
from vapora import views

CHANNELS = Table(
    "channels",
    key=("id",),
    columns={
        "id": "text",
        "kind": "text",
        "notices": "json",
        "secret": "text",
        "url": "text",
        "chat_id": "text",
        "mail": "json",
        "templates": "json",
        "description": "text",
        "enabled": "int",
        "created_at": "text",
        "created_position": "int",
    },
)


def _set(recorded: Recorded, event: channel.ChannelSet, rows: Rows) -> None:
    before = rows.get(CHANNELS, (event.channel_id,))
    said = event.model_dump(mode="json", exclude={"channel_id"})
    rows.put(
        CHANNELS,
        {
            **said,
            "id": event.channel_id,
            **{name: said[name] or None for name in ("secret", "url", "chat_id")},
            "enabled": int(event.enabled),
            "created_at": before["created_at"] if before else format_instant(recorded.recorded_at),
            "created_position": before["created_position"] if before else recorded.position,
        },
    )


def _removed(recorded: Recorded, event: channel.ChannelRemoved, rows: Rows) -> None:
    rows.delete(CHANNELS, (event.channel_id,))


class Channels(Projection):
    NAME = "channels"
    VERSION = 1
    TABLES = (CHANNELS,)
    HANDLERS: ClassVar[Mapping[type[DomainEvent], Handler]] = {
        channel.ChannelSet: _set,
        channel.ChannelRemoved: _removed,
    }


def channels(rows: Reader) -> tuple[views.ChannelView, ...]:
    """In the order in which they were made."""
    return tuple(map(_view, rows.select(CHANNELS, order=("created_position",))))


def channel_of(rows: Reader, channel_id: str) -> views.ChannelView | None:
    row = rows.get(CHANNELS, (channel_id,))
    return None if row is None else _view(row)


def _view(row: Row) -> views.ChannelView:
    fields = {name: value for name, value in row.items() if name != "created_position"}
    return views.ChannelView.model_validate({**fields, "enabled": bool(row["enabled"])})
