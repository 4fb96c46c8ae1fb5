"""What the fields of channels mean; `vapora.api.field_texts` puts them to the others."""

from __future__ import annotations

_CHANNEL = {
    "kind": "slack, discord, telegram, webhook or email.",
    "notices": "What it is told of, such as task-failed or budget-alert; * for all.",
    "secret": "The name of a secret in the vault, beginning with channel-: the address (slack, discord), the bot's "
    "token (telegram), what signs messages (webhook) or the password (email).",
    "url": "Where a webhook is sent to; of telegram, another server of the Bot API. Null: the kind has none.",
    "chat_id": "The chat that a Telegram bot writes into; null for other kinds.",
    "mail": "How mail is handed over; null for other kinds.",
    "templates": "Texts in place of ours, by notice or * for all: $name is filled in, and nothing else is done.",
    "enabled": "False: it is told nothing, and what happens meanwhile is not told later.",
}
_MAIL = {
    "host": "The mail server.",
    "port": "Its port: 587 for starttls, 465 for tls.",
    "security": "starttls, tls, or none where the operator has allowed the server's network.",
    "username": "For signing in; empty: without.",
    "sender": "The address that mail comes from.",
    "to": "The addresses that it goes to.",
}
SHAPES: dict[str, dict[str, str]] = {
    "SetChannel": _CHANNEL,
    "ChannelView": {"id": "The channel's id.", **_CHANNEL},
    "MailSettings": _MAIL,
    "MailView": _MAIL,
    "ResendDeliveries": {"positions": "Of which dead letters; none: all of them."},
    "ChannelOutcome": {
        "delivered": "Whether it was taken.",
        "status": "The status of the answer; null: there was none.",
        "error": "Why it does not count as delivered; empty where it does.",
        "duration_ms": "How long it took, in milliseconds.",
    },
    "ChannelDelivery": {
        "channel_id": "The channel's id.",
        "position": "The position of the event in the log.",
        "topic": "The topic of the event.",
        "state": "pending, delivered, or dead: given up after many attempts.",
        "attempts": "How often it was sent.",
        "status": "The status of the last answer; null: there was none.",
        "error": "What was wrong with the last attempt; empty: nothing.",
        "next_at": "When it is sent again; null: it is not.",
        "updated_at": "When it was sent last.",
    },
}
PARAMETERS = {"channel_id": "The channel's id: small letters, digits and hyphens."}
