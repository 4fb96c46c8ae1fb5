"""Webhooks, and what was sent to them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from vapora.views.base import View


class WebhookView(View):
    id: str
    url: str
    topics: tuple[str, ...]
    description: str
    enabled: bool
    created_at: datetime
    position: int


class WebhookMade(WebhookView):
    """With the secret that its messages are signed with. It is shown here and never again."""

    secret: str


class WebhookOutcome(View):
    """What came of a sample. `status`: of the answer, null: there was none. `error`: why it does not count as taken,
    empty where it does."""

    delivered: bool
    status: int | None
    error: str
    duration_ms: int
    position: int


DeliveryState = Literal["pending", "delivered", "dead"]


class WebhookDelivery(View):
    """One event on its way to one webhook. `dead`: it was tried often enough, and is not tried again by itself.
    `status`, `error`: of the last attempt. `next_at`: of the next one, null where there is none."""

    id: str
    webhook_id: str
    position: int
    topic: str
    state: DeliveryState
    attempts: int
    status: int | None
    error: str
    next_at: datetime | None
    created_at: datetime
    updated_at: datetime
