"""Sends what happens to addresses that people have named."""

from actors.webhooks.keys import VaultSecrets
from actors.webhooks.outbox import Outbox
from actors.webhooks.sending import Sender
from actors.webhooks.webhooks import Webhooks

__all__ = ["Outbox", "Sender", "VaultSecrets", "Webhooks"]
