"""Rules about channels: what one is, what it is told of, and the form in which each kind is told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pydantic import JsonValue

from events.base import DomainEvent
from events.channel import ChannelRemoved, ChannelResent, ChannelSet, Mail
from vapora.commands import RemoveChannel, ResendDeliveries, SetChannel
from vapora.domain import notices
from vapora.errors import BadInputError, ConflictError, NotFoundError

# To be raised with every change of `evolve` or of the state: what an older fold saved is then left aside.
FOLD_VERSION = 1
MOST_CHANNELS = 50
TELEGRAM = "https://api.telegram.org"
_BOT_TOKEN = re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{10,100}")
_WEB_ADDRESS = re.compile(r"https?://[A-Za-z0-9._~:\[\]-]+(/[!-\"$-?A-~]*)?")


@dataclass(frozen=True, slots=True)
class Channel:
    set: ChannelSet
    removed: bool = False

    @property
    def id(self) -> str:
        return self.set.channel_id

    @property
    def topics(self) -> tuple[str, ...]:
        """What it may be told of; the notice of each event decides."""
        return notices.topics_of(self.set.notices)

    def wants(self, event: DomainEvent) -> bool:
        notice = notices.notice_of(event)
        return notice is not None and (notice in self.set.notices or notices.EVERY in self.set.notices)


def decide(
    state: Channel | None, command: SetChannel | RemoveChannel | ResendDeliveries, channel_id: str
) -> tuple[DomainEvent, ...]:
    """Raises `NotFoundError`, `BadInputError`."""
    match command:
        case RemoveChannel():
            require(state, channel_id)
            return (ChannelRemoved(channel_id=channel_id),)
        case ResendDeliveries():
            require(state, channel_id)
            return (ChannelResent(channel_id=channel_id, positions=tuple(dict.fromkeys(command.positions))),)
        case SetChannel():
            notices.check(command.notices, command.templates)
            event = ChannelSet(
                channel_id=channel_id,
                kind=command.kind,
                notices=command.notices,
                secret=command.secret or "",
                url=command.url or "",
                chat_id=command.chat_id or "",
                mail=None if command.mail is None else Mail(**command.mail.model_dump()),
                templates=command.templates,
                description=command.description,
                enabled=command.enabled,
            )
            return () if state is not None and not state.removed and state.set == event else (event,)


def evolve(state: Channel | None, event: DomainEvent) -> Channel | None:
    match event:
        case ChannelSet():
            return Channel(event)
        case ChannelRemoved() if state is not None:
            return Channel(state.set, removed=True)
        case _:
            return state


def require(state: Channel | None, channel_id: str) -> Channel:
    if state is None or state.removed:
        raise NotFoundError(f"There is no channel '{channel_id}'.", remedy="List the channels.")
    return state


def require_room(count: int) -> None:
    if count >= MOST_CHANNELS:
        raise ConflictError(f"A workspace has {MOST_CHANNELS} channels at most.", remedy="Remove one.")


def address(channel: ChannelSet, secret: str) -> str:
    """Where it is posted to. Raises `BadInputError`, which does not repeat what the secret is."""
    if channel.kind == "webhook":
        return channel.url
    if channel.kind == "telegram":
        if not _BOT_TOKEN.fullmatch(secret):
            raise BadInputError(f"The secret '{channel.secret}' is no token of a Telegram bot.")
        return f"{(channel.url or TELEGRAM).rstrip('/')}/bot{secret}/sendMessage"
    if not _WEB_ADDRESS.fullmatch(secret):
        raise BadInputError(f"The secret '{channel.secret}' is no address such as https://hooks.example.com/….")
    return secret


def body(channel: ChannelSet, text: str, notice: str, values: Mapping[str, str], at: datetime) -> dict[str, JsonValue]:
    """What is posted. Nothing that stands in the text calls people together, or shows a picture of another page."""
    match channel.kind:
        case "slack":
            escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
            return {"text": escaped, "unfurl_links": False, "unfurl_media": False}
        case "discord":
            return {"content": text, "allowed_mentions": {"parse": []}, "flags": 4}
        case "telegram":
            return {"chat_id": channel.chat_id, "text": text, "link_preview_options": {"is_disabled": True}}
        case _:
            said: dict[str, JsonValue] = {name: value for name, value in values.items() if value}
            return {"channel": channel.channel_id, "notice": notice, "at": at.isoformat(), "text": text, "facts": said}
