from __future__ import annotations

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from events import topics
from events.webhook import WebhookRemoved, WebhookSet
from vapora.commands import RemoveWebhook, SetWebhook
from vapora.domain import webhook as rules
from vapora.domain.webhook import Webhook
from vapora.errors import BadInputError, NotFoundError

URL = "https://example.com/hooks?from=vapora"


def command(*wanted: str, url: str = URL) -> SetWebhook:
    return SetWebhook(url=url, topics=wanted or ("task.*",))


def test_a_webhook_is_made_changed_and_removed() -> None:
    (made,) = rules.decide(None, command(), "w", topics(), new=True)
    hook = rules.evolve(None, made)
    assert hook == Webhook("w", URL, ("task.*",))
    assert rules.decide(hook, command(), "w", topics(), new=False) == ()
    (changed,) = rules.decide(hook, command("*"), "w", topics(), new=False)
    assert isinstance(changed, WebhookSet) and changed.topics == ("*",)
    (removed,) = rules.decide(hook, RemoveWebhook(), "w", topics(), new=False)
    gone = rules.evolve(hook, removed)
    assert removed == WebhookRemoved(webhook_id="w")
    for late in (RemoveWebhook(), command()):
        with pytest.raises(NotFoundError):
            rules.decide(gone, late, "w", topics(), new=False)


def test_a_pattern_that_no_topic_has_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(BadInputError, match=r"like 'taks\.\*'") as refused:
        rules.decide(None, command("taks.*"), "w", topics(), new=True)
    assert "task.submitted" in refused.value.remedy


def test_a_webhook_wants_what_its_patterns_name_while_it_is_enabled() -> None:
    hook = Webhook("w", URL, ("task.*", "run.failed"))
    assert [one for one in ("task.completed", "run.failed", "run.started") if hook.wants(one)] == [
        "task.completed",
        "run.failed",
    ]
    assert Webhook("w", URL, ("*",)).wants("run.started")
    assert not Webhook("w", URL, ("*",), enabled=False).wants("run.started")
    wanted = rules.topics_for([hook], topics())
    assert "run.failed" in wanted and "task.submitted" in wanted and "run.started" not in wanted


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/x",
        "https://user:secret@example.com/x",
        "https:///x",
        "https://example.com/x#part",
        "https://example.com:99999/x",
        "https://exa mple.com/",
        "https://example.com/\u00e4",
        "//example.com",
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        command(url=url)


def test_the_signature_is_one_that_anybody_with_the_secret_can_check() -> None:
    body = b'{"topic":"task.completed"}'
    header = rules.signature("whsec_x", 1_700_000_000, body)
    at, _, signed = header.partition(",v1=")
    assert at == "t=1700000000"
    assert hmac.compare_digest(signed, hmac.new(b"whsec_x", b"1700000000." + body, "sha256").hexdigest())
    assert rules.signature("whsec_y", 1_700_000_000, body) != header


@given(st.integers(1, 100), st.floats(0, 1))
def test_pauses_grow_up_to_an_hour_and_are_spread(attempts: int, luck: float) -> None:
    pause = rules.pause_s(attempts, luck)
    assert 5 <= pause <= 1.5 * 3_600
    assert rules.pause_s(attempts + 1, luck) >= pause
    assert rules.pause_s(attempts, 0) <= pause


def test_what_the_other_side_asks_for_is_a_floor_of_an_hour_at_most() -> None:
    assert rules.pause_s(1, 0, 120) == 120
    assert rules.pause_s(1, 0, 1) == 5
    assert rules.pause_s(1, 0, 10**9) == 3_600
