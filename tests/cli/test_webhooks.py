"""`vapora webhooks`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Run = Callable[..., Any]
# Nothing is sent there: no event of this topic happens while the webhook is there.
URL, TOPIC = "https://1.1.1.1/hooks", "webhook.removed"


def test_webhooks_are_made_listed_changed_and_removed(vapora: Run) -> None:
    made = vapora("webhooks", "add", URL, "--topic", TOPIC, "--json")
    assert made.code == 0, made.err
    assert made.json["secret"].startswith("whsec_")
    webhook = made.json["id"]
    changed = vapora("webhooks", "set", webhook, "--description", "For the build", "--disable", "--json")
    assert (changed.json["url"], changed.json["topics"], changed.json["enabled"]) == (URL, [TOPIC], False)
    listed = vapora("webhooks", "--json").json["items"]
    assert [(one["id"], one["description"]) for one in listed] == [(webhook, "For the build")]
    assert vapora("webhooks", "deliveries", webhook, "--json").json["items"] == []
    assert "Nothing was sent" in vapora("webhooks", "deliveries", webhook).out
    assert vapora("webhooks", "remove", webhook).code == 0
    assert vapora("webhooks", "deliveries", webhook).code == 1


def test_what_cannot_be_a_webhook_is_refused(vapora: Run) -> None:
    inside = vapora("webhooks", "add", "https://10.0.0.1/hooks", "--topic", TOPIC)
    assert inside.code == 1 and "VAPORA_WEBHOOK_ALLOW" in inside.err
    assert vapora("webhooks", "add", "somewhere", "--topic", TOPIC).code == 2
    assert vapora("webhooks", "set", "webhook-1").code == 2
    assert vapora("webhooks", "deliveries", "webhook-1", "--state", "lost").code == 2


def test_a_task_is_labelled_and_found_by_its_label(vapora: Run) -> None:
    vapora("project", "add", "Labelled")
    task = vapora("task", "add", "Write it", "--project", "Labelled", "--label", "mobile", "--label", "web", "--quiet")
    assert task.code == 0, task.err
    found = vapora("task", "list", "--label", "mobile", "--json").json["items"]
    assert [(one["id"], one["labels"]) for one in found] == [(task.out.strip(), ["mobile", "web"])]
    assert vapora("task", "list", "--label", "other", "--json").json["items"] == []
