"""Made from async_webhooks.py by `python -m tests.sdk.make`: change that file."""

from __future__ import annotations

from vapora import commands, views
from vapora.sdk.frames import Rows
from vapora.sdk.pages import Pages
from vapora.sdk.paths import Position, path
from vapora.sdk.transport import Transport


class Webhooks(Transport):
    """Where a workspace's events are sent to."""

    def webhooks(self, after: Position = None) -> Rows[views.WebhookView]:
        """In the order in which they were made."""
        return self._all("/webhooks", views.WebhookView, {"after": after})

    def create_webhook(self, webhook: commands.SetWebhook, key: str | None = None) -> views.WebhookMade:
        """The answer holds the secret that signs its messages, and is the only one that does."""
        return self._ask("POST", "/webhooks", views.WebhookMade, webhook, key)

    def webhook(self, webhook_id: str, after: Position = None) -> views.WebhookView:
        return self._get(path("webhooks", webhook_id), views.WebhookView, {"after": after})

    def set_webhook(self, webhook_id: str, webhook: commands.SetWebhook) -> views.WebhookView:
        """All of it anew; its secret stays."""
        return self._ask("PUT", path("webhooks", webhook_id), views.WebhookView, webhook)

    def remove_webhook(self, webhook_id: str) -> int:
        return self._write("DELETE", path("webhooks", webhook_id))

    def test_webhook(self, webhook_id: str, key: str | None = None) -> views.WebhookOutcome:
        """Send a sample now; what came of it."""
        return self._ask("POST", path("webhooks", webhook_id, "test"), views.WebhookOutcome, None, key)

    def deliveries(
        self, webhook_id: str, state: views.DeliveryState | None = None, limit: int | None = None
    ) -> Pages[views.WebhookDelivery]:
        """What was sent to it and what waits, the newest first, page by page as they are taken."""
        return self._items(path("webhooks", webhook_id, "deliveries"), views.WebhookDelivery, {"state": state}, limit)
