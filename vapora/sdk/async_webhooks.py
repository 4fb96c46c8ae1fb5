"""Webhooks, for the asynchronous client. `python -m tests.sdk.make` makes the synchronous one from it."""

from __future__ import annotations

from vapora import commands, views
from vapora.sdk.async_pages import AsyncPages
from vapora.sdk.async_transport import AsyncTransport
from vapora.sdk.frames import Rows
from vapora.sdk.paths import Position, path


class AsyncWebhooks(AsyncTransport):
    """Where a workspace's events are sent to."""

    async def webhooks(self, after: Position = None) -> Rows[views.WebhookView]:
        """In the order in which they were made."""
        return await self._all("/webhooks", views.WebhookView, {"after": after})

    async def create_webhook(self, webhook: commands.SetWebhook, key: str | None = None) -> views.WebhookMade:
        """The answer holds the secret that signs its messages, and is the only one that does."""
        return await self._ask("POST", "/webhooks", views.WebhookMade, webhook, key)

    async def webhook(self, webhook_id: str, after: Position = None) -> views.WebhookView:
        return await self._get(path("webhooks", webhook_id), views.WebhookView, {"after": after})

    async def set_webhook(self, webhook_id: str, webhook: commands.SetWebhook) -> views.WebhookView:
        """All of it anew; its secret stays."""
        return await self._ask("PUT", path("webhooks", webhook_id), views.WebhookView, webhook)

    async def remove_webhook(self, webhook_id: str) -> int:
        return await self._write("DELETE", path("webhooks", webhook_id))

    async def test_webhook(self, webhook_id: str, key: str | None = None) -> views.WebhookOutcome:
        """Send a sample now; what came of it."""
        return await self._ask("POST", path("webhooks", webhook_id, "test"), views.WebhookOutcome, None, key)

    def deliveries(
        self, webhook_id: str, state: views.DeliveryState | None = None, limit: int | None = None
    ) -> AsyncPages[views.WebhookDelivery]:
        """What was sent to it and what waits, the newest first, page by page as they are taken."""
        return self._items(path("webhooks", webhook_id, "deliveries"), views.WebhookDelivery, {"state": state}, limit)
