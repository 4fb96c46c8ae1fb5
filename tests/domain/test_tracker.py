"""What an issue means for a card, and a card for its issue."""

from __future__ import annotations

import hmac
import itertools
import json
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from pydantic import ValidationError

from events.base import DomainEvent
from events.ids import BoardType, TaskState
from events.task import TaskApproved, TaskArchived, TaskCommented, TaskCompleted, TaskEdited, TaskLanded, TaskPushed
from events.tracker import IssueLinked, IssueWanted, TrackerReceived, TrackerSent, TrackerSet
from events.work import Work
from vapora.commands import RemoveTracker, SetTracker
from vapora.domain.task_state import Task
from vapora.domain.tracker import connection, incoming, link, mapping, marker, outside, webhook
from vapora.domain.tracker.connection import Tracker, actor_of
from vapora.domain.tracker.link import Link
from vapora.domain.tracker.on_card import events_of
from vapora.domain.tracker.outgoing import target_of, wishes_of
from vapora.domain.tracker.remote import RemoteComment, RemoteIssue, RemotePull
from vapora.errors import ConflictError, NotFoundError

ISSUE = RemoteIssue("7", "The parser drops a line", "Steps: …", "https://x/7", "open", "alice", ("vapora", "bug", "P1"))
HEAD, BASE = "a" * 40, "b" * 40


def command(**more: Any) -> SetTracker:
    said: dict[str, Any] = {
        "kind": "github",
        "remote": "acme/app",
        "project_id": "project-1",
        "secret": "tracker-app",
        **more,
    }
    return SetTracker(**said)


def tracker(id_: str = "app", **more: Any) -> Tracker:
    [event] = connection.decide(None, command(**more), id_)
    assert isinstance(event, TrackerSet)
    return Tracker(event)


def task(**more: Any) -> Task:
    said: dict[str, Any] = {
        "id": "task-1",
        "project_id": "project-1",
        "title": ISSUE.title,
        "description": ISSUE.body,
        "type": BoardType.BUGFIX,
        "task_type": "coding",
        "task_type_reason": "",
        "role": None,
        "priority": 75,
        "review": "human",
        "deadline": None,
        "context": {},
        "blocked_by": (),
        "labels": mapping.labels_of(ISSUE),
    }
    return Task(**{**said, **more})


def linked(**more: Any) -> Link:
    return replace(Link("app", "task-1", "issue", "7", ISSUE.url, "card", ISSUE.digest), **more)


def carried_out(card: Task, meaning: incoming.Meaning) -> tuple[DomainEvent, ...]:
    numbers = itertools.count(1)
    return events_of(card, meaning.commands, lambda: f"comment-{next(numbers)}")


def of(issue: RemoteIssue, card: Task, one: Link | None = None) -> incoming.Meaning:
    return incoming.of_issue(tracker(), one or linked(), issue, card, asked=False)


def test_an_issue_with_the_label_becomes_a_card_that_says_where_it_is_from() -> None:
    fresh = incoming.of_issue(tracker(), None, ISSUE, None, asked=False).fresh
    assert fresh is not None
    assert (fresh.title, fresh.type, fresh.priority) == (ISSUE.title, BoardType.BUGFIX, 75)
    assert fresh.context[outside.CONTEXT_KEY] == "github:acme/app#7"
    assert outside.is_from_outside(task(context=fresh.context)) and not outside.is_from_outside(task())


@pytest.mark.parametrize("changed", [{"labels": ("bug",)}, {"state": "closed"}, {"is_pull": True}])
def test_no_other_issue_does_unless_somebody_asks(changed: dict[str, Any]) -> None:
    other = replace(ISSUE, **changed)
    assert incoming.of_issue(tracker(), None, other, None, asked=False) == incoming.NOTHING
    asked = incoming.of_issue(tracker(), None, other, None, asked=True)
    assert (asked.fresh is None) == other.is_pull
    every = incoming.of_issue(tracker(labels=()), None, replace(ISSUE, labels=()), None, asked=False)
    assert every.fresh is not None


def test_an_issue_that_we_made_becomes_no_card_of_its_own() -> None:
    ours = replace(ISSUE, body=marker.signed("github", "It is slow", marker.reference("acme", 3, "issue")))
    assert incoming.of_issue(tracker(), None, ours, None, asked=False) == incoming.NOTHING
    assert mapping.text_of(ours) == "It is slow"


def test_what_was_seen_already_is_no_news() -> None:
    assert of(ISSUE, task()) == incoming.NOTHING


def test_a_change_of_the_issue_changes_the_card_that_was_made_of_it() -> None:
    changed = replace(ISSUE, title="The parser drops two lines", labels=("vapora", "P0"))
    meaning = of(changed, task())
    edited, labelled = carried_out(task(), meaning)
    assert isinstance(edited, TaskEdited) and (edited.title, edited.priority) == (changed.title, 95)
    assert getattr(labelled, "labels", ()) == ("vapora", "P0")
    assert [one.digest for one in meaning.received] == [changed.digest]
    done = task(state=TaskState.DONE)
    assert carried_out(done, of(changed, done)) == ()


def test_a_card_that_was_here_first_is_not_rewritten_from_outside() -> None:
    meaning = of(replace(ISSUE, title="Obey me"), task(), linked(made="issue"))
    [said] = carried_out(task(), meaning)
    assert isinstance(said, TaskCommented) and said.text.startswith(outside.OUTSIDE_MARK)


@pytest.mark.parametrize(
    ("state", "kinds"),
    [
        (TaskState.TODO, [TaskArchived]),
        (TaskState.FAILED, [TaskArchived]),
        (TaskState.IN_PROGRESS, [TaskCommented]),
        (TaskState.REVIEW, [TaskCommented]),
        (TaskState.DONE, []),
        (TaskState.ARCHIVED, []),
    ],
)
def test_a_closed_issue_ends_what_has_not_begun(state: TaskState, kinds: list[type]) -> None:
    card = task(state=state)
    meaning = of(replace(ISSUE, state="closed"), card)
    assert [type(one) for one in carried_out(card, meaning)] == kinds
    assert [one.state for one in meaning.received] == ["closed"]


def test_an_issue_that_is_opened_again_gets_another_card_where_the_first_one_is_finished() -> None:
    shut = linked(state="closed")
    assert of(ISSUE, task(state=TaskState.DONE), shut).fresh is not None
    assert of(ISSUE, task(state=TaskState.IN_PROGRESS), shut).fresh is None
    [reopened] = carried_out(task(state=TaskState.FAILED), of(ISSUE, task(state=TaskState.FAILED), shut))
    assert reopened.topic == "task.reopened"


def test_comments_come_once_and_ours_do_not_come_back() -> None:
    ours = marker.signed("github", "Working on it", marker.reference("acme", 12, "comment"))
    others = (
        RemoteComment("1", "Any news?", "alice"),
        RemoteComment("2", ours, "vapora-bot"),
        RemoteComment("3", "sent, by its id", "vapora-bot"),
        RemoteComment("4", f"> {ours}\n\nquoted, and an answer", "alice"),
    )
    one = linked(sent=frozenset({"comment/3"}))
    meaning = incoming.of_comments(tracker(), one, others, task(), "acme")
    said = [getattr(event, "text", "") for event in carried_out(task(), meaning)]
    assert len(said) == 2 and "alice on acme/app#7" in said[0] and said[1].endswith("quoted, and an answer")
    known = one
    for received in meaning.received:
        found = link.evolve(known, received)
        assert found is not None
        known = found
    assert incoming.of_comments(tracker(), known, others, task(), "acme") == incoming.Meaning()
    changed = incoming.of_comments(tracker(), known, (replace(others[0], text="News?"),), task(), "acme")
    [event] = carried_out(task(), changed)
    assert "(changed) News?" in getattr(event, "text", "")


@pytest.mark.parametrize("kind", ["github", "jira"])
def test_a_reference_is_found_again_and_taken_off(kind: Any) -> None:
    ref = marker.reference("acme", 42, "comment")
    text = marker.signed(kind, "Done:\n\n- a", ref)
    assert marker.reference_in(text) == ref
    assert marker.without(text) == "Done:\n\n- a"
    assert marker.reference_in(f"{text}\n\nthat is what it said") is None


def work(head: str = HEAD) -> dict[int, Work]:
    return {1: Work(branch="vapora/task-1", base_branch="main", base=BASE, head=head, checks="green")}


def pull(**more: Any) -> RemotePull:
    made = RemotePull("9", "https://x/pull/9", "A title", "open", "vapora/task-1", HEAD, "main")
    return replace(made, **more)


@pytest.mark.parametrize("state", [TaskState.REVIEW, TaskState.DONE])
def test_a_merge_over_there_is_recorded_as_it_is(state: TaskState) -> None:
    card = task(state=state, work=work()[1], run_id="run-1", approved_head=HEAD)
    one = linked(kind="pull", number="9", digest=pull().digest)
    meaning = incoming.of_pull(tracker(), one, pull(state="merged", merged_as="c" * 40, merged_by="bob"), card)
    said, *events = carried_out(card, meaning)
    assert isinstance(said, TaskCommented) and "bob on acme/app#9" in said.text
    assert [type(event) for event in events] == ([TaskApproved] if state is TaskState.REVIEW else []) + [TaskLanded]
    assert isinstance(events[-1], TaskLanded) and events[-1].oid == "c" * 40


def test_a_merge_of_another_commit_is_only_told() -> None:
    card = task(state=TaskState.REVIEW, work=work()[1], run_id="run-1")
    one = linked(kind="pull", number="9", digest=pull().digest)
    meaning = incoming.of_pull(tracker(), one, pull(state="merged", head="d" * 40, merged_as="c" * 40), card)
    [said] = carried_out(card, meaning)
    assert isinstance(said, TaskCommented) and "not with what the card has" in said.text


COMMENT = TaskCommented(task_id="task-1", comment_id="comment-1", text="Please hurry")


def deeds(event: DomainEvent, actor: str = "user:1", *trackers: Tracker) -> list[tuple[str, str]]:
    found = wishes_of(event, 5, actor, trackers or (tracker(),), (linked(),))
    return [(one.tracker_id, one.deed) for one in found]


def test_what_people_say_and_change_travels() -> None:
    assert deeds(COMMENT) == [("app", "comment")]
    assert deeds(TaskEdited(task_id="task-1", title="Another title")) == [("app", "edit")]
    assert deeds(TaskEdited(task_id="task-1", priority=1)) == []
    assert deeds(TaskCompleted(task_id="task-1", run_id="run-1")) == [("app", "state")]
    assert deeds(TaskPushed(task_id="task-1", branch="vapora/task-1", head=HEAD)) == [("app", "pull")]
    assert deeds(IssueWanted(tracker_id="app", task_id="task-1")) == [("app", "issue")]


def test_nothing_goes_back_to_where_it_came_from_and_comments_stay_where_they_were_made() -> None:
    assert deeds(TaskEdited(task_id="task-1", title="Another"), actor_of("app")) == []
    assert deeds(COMMENT, actor_of("app")) == []
    assert deeds(TaskCompleted(task_id="task-1", run_id="run-1"), actor_of("app")) == [("app", "state")]
    assert deeds(COMMENT, actor_of("other")) == []
    assert deeds(COMMENT, "user:1", tracker(enabled=False)) == []


def test_what_an_agent_says_leaves_the_house_only_where_the_connection_says_so() -> None:
    said = COMMENT.model_copy(update={"agent_id": "developer-1"})
    assert deeds(said) == []
    assert deeds(said, "agent:developer-1", tracker(agent_comments=True)) == [("app", "comment")]


def test_an_issue_is_closed_when_nothing_is_left_to_be_done() -> None:
    ended = TaskCompleted(task_id="task-1", run_id="run-1")
    assert target_of(task(state=TaskState.DONE), ended) == "closed"
    assert target_of(task(state=TaskState.DONE, work=work()[1]), ended) is None
    assert target_of(task(state=TaskState.REVIEW), ended) is None


def test_a_link_is_folded_from_its_stream() -> None:
    known: Link | None = None
    events = [
        IssueLinked(tracker_id="app", task_id="task-1", number="7", url="u", made="card", digest="d", position=3),
        TrackerReceived(
            tracker_id="app", task_id="task-1", number="7", thing="issue", remote_id="7", digest="e", state="closed"
        ),
        TrackerSent(tracker_id="app", task_id="task-1", number="7", thing="comment", remote_id="9", position=8),
    ]
    for event in events:
        known = link.evolve(known, event)
    assert known is not None
    assert (known.digest, known.state) == ("e", "closed")
    assert known.sent == {"comment/9"} and known.carried == {3, 8}


def test_a_connection_stays_with_what_it_is_connected_to() -> None:
    one = tracker()
    assert connection.decide(one, command(), "app") == ()
    with pytest.raises(ConflictError):
        connection.decide(one, command(remote="acme/other"), "app")
    [event] = connection.decide(one, command(poll_s=60), "app")
    assert isinstance(event, TrackerSet)
    with pytest.raises(NotFoundError):
        connection.decide(None, RemoveTracker(), "app")


@pytest.mark.parametrize(
    "wrong",
    [
        {"secret": "anthropic-api-key"},
        {"remote": "acme"},
        {"remote": "../.."},
        {"kind": "jira", "remote": "APP"},
        {"kind": "jira", "remote": "acme/app", "url": "https://jira.example.com"},
        {"url": "https://user:pw@github.example.com"},
        {"webhook_secret": "tracker-app"},
        {"username": "me"},
    ],
)
def test_a_connection_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        command(**wrong)


def signature(secret: str, body: bytes) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, sha256).hexdigest()


@pytest.mark.parametrize("kind", ["github", "jira"])
def test_only_what_is_signed_with_the_secret_is_believed(kind: Any) -> None:
    body, header = b'{"a": 1}', "x-hub-signature-256" if kind == "github" else "x-hub-signature"
    assert webhook.is_signed(kind, "s3cret", {header: signature("s3cret", body)}, body)
    assert not webhook.is_signed(kind, "s3cret", {header: signature("other", body)}, body)
    assert not webhook.is_signed(kind, "s3cret", {header: signature("s3cret", body)}, body + b" ")
    assert not webhook.is_signed(kind, "s3cret", {header: "sha256="}, body)
    assert not webhook.is_signed(kind, "s3cret", {}, body)
    assert not webhook.is_signed(kind, "", {header: signature("", body)}, body)


def test_a_webhook_only_says_where_to_look() -> None:
    one, repository = tracker(), {"full_name": "Acme/App"}
    assert webhook.where(one, {"issue": {"number": 7}, "repository": repository}) == (webhook.Where("issue", "7"),)
    on_pull = {"issue": {"number": 9, "pull_request": {}}, "repository": repository}
    assert webhook.where(one, on_pull) == (webhook.Where("pull", "9"),)
    assert webhook.where(one, {"pull_request": {"number": 9}, "repository": repository})[0].kind == "pull"
    for nothing in ({"issue": {"number": 7}}, {"issue": {"number": "7/../8"}, "repository": repository}, {"zen": "…"}):
        assert webhook.where(one, json.loads(json.dumps(nothing))) == ()
    jira = tracker(kind="jira", remote="APP", url="https://jira.example.com")
    assert webhook.where(jira, {"issue": {"key": "APP-7"}}) == (webhook.Where("issue", "APP-7"),)
    assert webhook.where(jira, {"issue": {"key": "OTHER-7"}}) == ()
