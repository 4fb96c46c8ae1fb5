"""Facts about channels: where people are told of what happens. Their secrets stand in the vault, never in an event."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from events.base import DomainEvent, Value

ChannelKind = Literal["slack", "discord", "telegram", "webhook", "email"]


class Mail(Value):
    """How mail is handed over: to which server, by whom and to whom."""

    host: str
    port: int = Field(ge=1, le=65_535)
    security: Literal["starttls", "tls", "none"]
    username: str = ""
    sender: str
    to: tuple[str, ...]


class ChannelSet(DomainEvent):
    """A channel is so from now on; the first one makes it. `notices`: what it is told of, `*` for all. `secret`: the
    name in the vault of the address (slack, discord), the bot's token (telegram), what signs messages (webhook), or the
    password (email); empty: none. `templates`: texts by notice, in place of ours."""

    TOPIC: ClassVar[str] = "channel.set"

    channel_id: str
    kind: ChannelKind
    notices: tuple[str, ...]
    secret: str = ""
    url: str = ""
    chat_id: str = ""
    mail: Mail | None = None
    templates: dict[str, str] = Field(default_factory=dict)
    description: str = ""
    enabled: bool = True


class ChannelTested(DomainEvent):
    """Somebody had a sample sent. `error`: why it does not count as delivered, empty where it does."""

    TOPIC: ClassVar[str] = "channel.tested"

    channel_id: str
    status: int | None
    error: str = ""


class ChannelResent(DomainEvent):
    """Somebody has dead letters sent again: those at these positions; all of them where none is named."""

    TOPIC: ClassVar[str] = "channel.resent"

    channel_id: str
    positions: tuple[int, ...] = ()


class ChannelRemoved(DomainEvent):
    TOPIC: ClassVar[str] = "channel.removed"

    channel_id: str
