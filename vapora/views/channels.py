"""Channels by which people are told, and what was sent to them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from vapora.views.base import View
from vapora.views.webhooks import DeliveryState


class MailView(View):
    host: str
    port: int
    security: Literal["starttls", "tls", "none"]
    username: str
    sender: str
    to: tuple[str, ...]


class ChannelView(View):
    """`secret`: the name of a secret in the vault; null: it needs none."""

    id: str
    kind: Literal["slack", "discord", "telegram", "webhook", "email"]
    notices: tuple[str, ...]
    secret: str | None
    url: str | None
    chat_id: str | None
    mail: MailView | None
    templates: dict[str, str]
    description: str
    enabled: bool
    created_at: datetime
    position: int


class ChannelOutcome(View):
    """What came of a sample. `status`: of the answer, null: there was none, or mail has none."""

    delivered: bool
    status: int | None
    error: str
    duration_ms: int
    position: int


class ChannelDelivery(View):
    """One notice on its way to one channel. `dead`: it was tried often enough, and is not tried again by itself."""

    channel_id: str
    position: int
    topic: str
    state: DeliveryState
    attempts: int
    status: int | None
    error: str
    next_at: datetime | None
    created_at: datetime
    updated_at: datetime
