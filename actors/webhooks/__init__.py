"""Sends what happens to addresses that people have named."""

from actors.webhooks.keys import VaultSecrets
from actors.webhooks.mail import Mailer
from actors.webhooks.outbox import Outbox
from actors.webhooks.sending import Sender
from actors.webhooks.telling import Teller
from actors.webhooks.webhooks import Webhooks

__all__ = ["Mailer", "Outbox", "Sender", "Teller", "VaultSecrets", "Webhooks"]
