"""Facts about webhooks: where events of a workspace are sent to. Their secrets stand in no event."""

from __future__ import annotations

from typing import ClassVar

from events.base import DomainEvent


class WebhookSet(DomainEvent):
    """A webhook is so from now on; the first one makes it. `topics`: `task.done`, `task.*` or `*`. One that is not
    `enabled` is sent nothing."""

    TOPIC: ClassVar[str] = "webhook.set"

    webhook_id: str
    url: str
    topics: tuple[str, ...]
    description: str = ""
    enabled: bool = True


class WebhookTested(DomainEvent):
    """Somebody had a sample sent. `status`: what the other side answered, None where nothing came; `error`: why it does
    not count as delivered, empty where it does."""

    TOPIC: ClassVar[str] = "webhook.tested"

    webhook_id: str
    status: int | None
    error: str = ""


class WebhookRemoved(DomainEvent):
    TOPIC: ClassVar[str] = "webhook.removed"

    webhook_id: str
