"""What the fields of webhooks mean; `vapora.api.field_texts` puts them to the others."""

from __future__ import annotations

_ID = {"id": "The webhook's id."}
_HOOK = {
    "url": "The address that messages are sent to: https, and outside, unless the operator has allowed its network.",
    "topics": "Which events: a topic, as task.completed, all of a noun, as task.*, or * for every one.",
    "enabled": "False: it is sent nothing, and what happens meanwhile is not sent later.",
}
SHAPES: dict[str, dict[str, str]] = {
    "SetWebhook": _HOOK,
    "WebhookView": _ID | _HOOK,
    "WebhookMade": {**_ID, **_HOOK, "secret": "What its messages are signed with. It is shown here and never again."},
    "WebhookOutcome": {
        "delivered": "Whether it was answered with a status of 2xx.",
        "status": "The status of the answer; null: there was none.",
        "error": "Why it does not count as delivered; empty where it does.",
        "duration_ms": "How long it took, in milliseconds.",
    },
    "WebhookDelivery": {
        "id": "Stands in each attempt's header Vapora-Delivery: by it a receiver knows what it had before.",
        "webhook_id": "The webhook's id.",
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
PARAMETERS = {"webhook_id": "The webhook's id."}
