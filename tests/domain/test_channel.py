from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from events.budget import TierChanged
from events.channel import ChannelRemoved, ChannelResent, ChannelSet
from events.ids import Scope, Tier
from events.run import RunSucceeded
from events.schedule import ScheduleSkipped
from events.task import TaskCompleted, TaskFailed
from vapora.commands import RemoveChannel, ResendDeliveries, SetChannel
from vapora.domain import channel as rules
from vapora.domain import notices
from vapora.domain.channel import Channel
from vapora.errors import BadInputError, NotFoundError

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
MAIL = {"host": "mail.example.com", "sender": "vapora@example.com", "to": ["ops@example.com"]}


def command(**more: Any) -> SetChannel:
    return SetChannel(**{"kind": "slack", "notices": ["task-failed"], "secret": "channel-ops", **more})


def channel(**more: Any) -> ChannelSet:
    (event,) = rules.decide(None, command(**more), "ops")
    assert isinstance(event, ChannelSet)
    return event


def test_a_channel_is_made_changed_and_removed() -> None:
    made = Channel(channel())
    assert rules.decide(made, command(), "ops") == ()
    (changed,) = rules.decide(made, command(enabled=False), "ops")
    assert isinstance(changed, ChannelSet) and not changed.enabled
    assert rules.decide(made, ResendDeliveries(positions=(3, 3)), "ops") == (
        ChannelResent(channel_id="ops", positions=(3,)),
    )
    (removed,) = rules.decide(made, RemoveChannel(), "ops")
    gone = rules.evolve(made, removed)
    assert removed == ChannelRemoved(channel_id="ops")
    for late in (RemoveChannel(), ResendDeliveries()):
        with pytest.raises(NotFoundError):
            rules.decide(gone, late, "ops")
    assert rules.decide(gone, command(), "ops") == (channel(),)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"secret": None}, "wants secret"),
        ({"kind": "telegram"}, "wants chat_id"),
        ({"kind": "webhook"}, "wants url"),
        ({"kind": "email", "secret": None}, "wants mail"),
        ({"chat_id": "1"}, "takes no chat_id"),
        ({"url": "https://example.com/"}, "takes no url"),
        ({"kind": "email", "secret": None, "mail": {**MAIL, "username": "u"}}, "wants a secret"),
        # Any other secret could be sent to whatever address somebody names.
        ({"secret": "anthropic-api-key"}, "pattern"),
        ({"notices": []}, "at least 1"),
        ({"kind": "email", "mail": {**MAIL, "to": ["a@example.com\nBcc: b@example.com"]}}, "pattern"),
        ({"kind": "email", "mail": {**MAIL, "security": "whatever"}}, "starttls"),
        ({"kind": "telegram", "chat_id": "1&text=x"}, "pattern"),
    ],
)
def test_what_does_not_fit_its_kind_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        command(**fields)


def test_a_notice_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(BadInputError, match="no notice 'task-lost'") as refused:
        rules.decide(None, command(notices=["task-lost"]), "ops")
    assert "budget-alert" in refused.value.remedy


@pytest.mark.parametrize("text", ["$secret", "${task_title.__class__}", "costs $ 5", "{task_title} $os"])
def test_a_template_knows_names_and_nothing_else(text: str) -> None:
    with pytest.raises(BadInputError, match="template"):
        rules.decide(None, command(templates={"task-failed": text}), "ops")


def test_it_is_told_what_it_wants_and_of_the_rest_nothing() -> None:
    one, every = Channel(channel()), Channel(channel(notices=["*"]))
    failed, done = TaskFailed(task_id="t", run_id="t.1", reason="x"), TaskCompleted(task_id="t", run_id="t.1")
    assert one.wants(failed) and not one.wants(done)
    assert every.wants(failed) and every.wants(done)
    skipped = ScheduleSkipped(schedule_id="s", due_at=NOON, reason="overlap")
    assert not every.wants(skipped)
    assert every.wants(skipped.model_copy(update={"reason": "refused"}))
    tier = TierChanged(
        scope=Scope.ROLE, scope_id="tester", window="2026-11", tier=Tier.NEAR, spent_microusd=9, limit_microusd=10
    )
    assert every.wants(tier) and not every.wants(tier.model_copy(update={"tier": Tier.NORMAL}))
    assert set(one.topics) == {"task.failed"} and "task.failed" in every.topics
    planned = RunSucceeded(
        run_id="t.1", task_id="t", agent_id="a", role="project-manager", task_type="planning", summary=""
    )
    assert every.wants(planned) and not every.wants(planned.model_copy(update={"task_type": "status-report"}))


def test_what_is_filled_in_is_no_template_and_no_markup() -> None:
    values = {
        "task_title": "$reason <!channel> ${link}\n\nAll is well: @everyone",
        "reason": "it & broke",
        "link": "https://b/t/1",
    }
    text = notices.text("task-failed", values, {})
    assert text == "Failed: $reason <!channel> ${link} All is well: @everyone. it & broke\nhttps://b/t/1"
    slack = rules.body(channel(), text, "task-failed", values, NOON)
    assert "<!channel>" not in str(slack["text"]) and "&lt;!channel&gt;" in str(slack["text"])
    discord = rules.body(channel(kind="discord"), text, "task-failed", values, NOON)
    assert discord["allowed_mentions"] == {"parse": []}
    telegram = rules.body(channel(kind="telegram", chat_id="-100"), text, "task-failed", values, NOON)
    assert telegram["chat_id"] == "-100" and "parse_mode" not in telegram


def test_a_text_of_one_s_own_takes_the_place_of_ours() -> None:
    values = {"task_title": "Log in", "reason": "no key", "link": "https://b/t/1"}
    assert notices.text("task-failed", values, {"task-failed": "$task_title costs $$5"}) == "Log in costs $5"
    assert notices.text("task-done", values, {"*": "$task_title: $link"}) == "Log in: https://b/t/1"


@given(st.text(max_size=3_000), st.text(max_size=3_000))
def test_whatever_stands_on_a_card_the_text_is_bounded_and_in_one_piece(title: str, reason: str) -> None:
    text = notices.text("task-failed", {"task_title": title, "reason": reason}, {})
    assert len(text) <= 1_900 and "\n" not in text
    assert all(one.isprintable() for one in text)


def test_where_it_is_posted_to_and_what_is_no_address_is_not_repeated() -> None:
    slack = "https://hooks.slack.com/services/T0/B0/abcdef"
    assert rules.address(channel(), slack) == slack
    telegram = channel(kind="telegram", chat_id="1")
    assert rules.address(telegram, "123:abcdefghijk") == "https://api.telegram.org/bot123:abcdefghijk/sendMessage"
    for of in (channel(), telegram):
        for wrong in ("xoxb-not-an-address", "123:abc/../../getUpdates?", "https://u:p@example.com/x"):
            with pytest.raises(BadInputError) as refused:
                rules.address(of, wrong)
            assert wrong not in str(refused.value)


def test_every_notice_has_a_text_that_can_be_filled() -> None:
    for name in notices.NOTICES:
        assert notices.text(name, {}, {}) is not None
        notices.check((name,), {name: "$notice"})
