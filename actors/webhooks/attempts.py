"""One attempt to send one message, to a webhook or to a channel."""

from __future__ import annotations

import json
from typing import Any

from actors.webhooks.keys import SigningSecrets
from actors.webhooks.outbox import Due
from actors.webhooks.sending import Attempt, Sender
from actors.webhooks.telling import Teller
from events import Recorded, Unknown
from vapora.clock import Clock
from vapora.domain import webhook as rules
from vapora.domain.channel import Channel
from vapora.domain.webhook import Webhook
from vapora.errors import VaporaError
from vapora.views import EventView


class Attempts:
    """Of a workspace."""

    def __init__(
        self, workspace: str, clock: Clock, *, secrets: SigningSecrets, sender: Sender, teller: Teller
    ) -> None:
        self._workspace = workspace
        self._clock = clock
        self._secrets = secrets
        self._sender = sender
        self._teller = teller

    async def attempt(self, one: Due, recorded: Recorded, channel: Channel | None) -> Attempt:
        """Send it once. `channel`: the one that it is for, where it is there."""
        if one.channel_id is None:
            event = EventView.of(recorded).model_dump(mode="json")
            return await self.post(one.webhook, f"{one.webhook.id}.{one.position}", one.topic, event)
        if channel is None or isinstance(recorded.event, Unknown):
            return Attempt(None, "the channel is gone, or the event is of a newer version")
        return await self._teller.tell(channel.set, recorded)

    async def post(self, hook: Webhook, delivery: str, topic: str, event: dict[str, Any]) -> Attempt:
        body = json.dumps(
            {"delivery": delivery, "webhook": hook.id, "workspace": self._workspace, **event},
            ensure_ascii=False,
            separators=(",", ":"),
        ).encode()
        # Of the moment of sending, so that the other side can refuse what is old.
        at = int(self._clock().timestamp())
        try:
            secret = await self._secrets.find(hook.id)
        except VaporaError as error:
            return Attempt(None, f"its secret cannot be read: {error.message}")
        if secret is None:
            return Attempt(None, "its secret is not in the vault any more: remove the webhook, and make it anew")
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "VAPORA-Webhook/1",
            "Vapora-Delivery": delivery,
            "Vapora-Topic": topic,
            "Vapora-Signature": rules.signature(secret, at, body),
        }
        return await self._sender.send(hook.url, body, headers)
