"""The clients against the fakes, over real HTTP."""

from __future__ import annotations

import pickle
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from vapora.clock import now
from vapora.commands import SetTracker
from vapora.domain.tracker import connection, marker
from vapora.domain.tracker.remote import Changed
from vapora.errors import VaporaError
from vapora.testing.trackers import FakeGitHub, FakeJira, Fault
from vapora.testing.trackers.server import TOKEN
from vapora.trackers import TrackerClient, TrackerDelayedError, TrackerRefusedError, TrackerSignInError, adf, client_of

Fake = FakeGitHub | FakeJira


async def anywhere(scheme: str, host: str, port: int) -> str:
    return host


@pytest.fixture(scope="module")
def github() -> Iterator[FakeGitHub]:
    with FakeGitHub() as fake:
        yield fake


@pytest.fixture(scope="module")
def cloud() -> Iterator[FakeJira]:
    with FakeJira() as fake:
        yield fake


@pytest.fixture(scope="module")
def server() -> Iterator[FakeJira]:
    """A Jira of one's own."""
    with FakeJira(api="2", username="") as fake:
        yield fake


@pytest.fixture(params=["github", "cloud", "server"])
def fake(request: pytest.FixtureRequest) -> Fake:
    found: Fake = request.getfixturevalue(request.param)
    found.threads.clear()
    found.faults.clear()
    found.requests.clear()
    return found


@pytest.fixture
async def client(fake: Fake) -> AsyncIterator[TrackerClient]:
    made = opened(fake)
    yield made
    await made.line.close()


def opened(fake: Fake, token: str = TOKEN) -> TrackerClient:
    said: dict[str, Any] = {"project_id": "project-1", "secret": "tracker-app", "url": fake.url}
    if isinstance(fake, FakeGitHub):
        said |= {"kind": "github", "remote": fake.repository}
    else:
        said |= {"kind": "jira", "remote": fake.project, "jira_api": fake.api}
        said |= {"username": "bot@example.com"} if fake.api == "3" else {}
    [event] = connection.decide(None, SetTracker(**said), "app")
    return client_of(connection.Tracker(event).set, SecretStr(token), anywhere, now)  # type: ignore[arg-type]


def number(fake: Fake, one: int) -> str:
    return str(one) if isinstance(fake, FakeGitHub) else fake.key(one)


async def test_an_issue_is_read_as_it_is(fake: Fake, client: TrackerClient) -> None:
    made = fake.open_issue("The parser drops a line", "First.\n\nThen *this*:\nthat", ("vapora", "bug"))
    fake.comment(made, "Any news?")
    found = await client.issue(number(fake, made))
    assert found is not None
    assert (found.title, found.body) == ("The parser drops a line", "First.\n\nThen *this*:\nthat")
    assert (found.labels, found.state) == (("vapora", "bug"), "open")
    [said] = await client.comments(found.number)
    assert said.text == "Any news?" and said.author.lower() == "alice"
    assert await client.issue(number(fake, 99)) is None
    assert await client.who()


async def test_many_come_page_by_page(fake: Fake, client: TrackerClient) -> None:
    for one in range(230):
        fake.open_issue(f"Issue {one}", labels=("vapora",) if one % 2 else ())
    assert len((await client.changed(None)).issues) == 230
    assert len((await client.changed(now() - timedelta(minutes=5), ("vapora",))).issues) == 115


async def test_what_is_done_is_done_there(fake: Fake, client: TrackerClient) -> None:
    ref = marker.reference("acme", 7, "issue")
    made = await client.create_issue("Make it quick", marker.signed(kind(fake), "It is slow.", ref), ("vapora",))
    assert (await client.find_issue(ref)) == await client.issue(made.number)
    assert await client.find_issue(marker.reference("acme", 8, "issue")) is None
    edited = await client.edit_issue(made.number, Changed(title="Make it quicker"))
    assert edited.title == "Make it quicker" and marker.reference_in(edited.body) == ref
    await client.turn_issue(made.number, "doing")
    assert (await client.turn_issue(made.number, "closed")).state == "closed"
    assert (await client.turn_issue(made.number, "closed")).state == "closed"
    assert (await client.turn_issue(made.number, "open")).state == "open"
    said = marker.reference("acme", 9, "comment")
    await client.add_comment(made.number, marker.signed(kind(fake), "Begun", said))
    found = await client.find_comment(made.number, said)
    assert found is not None and marker.without(found.text) == "Begun"


def kind(fake: Fake) -> Any:
    return "github" if isinstance(fake, FakeGitHub) else "jira"


async def test_what_was_read_before_costs_nothing(fake: Fake, client: TrackerClient) -> None:
    made = number(fake, fake.open_issue("Once"))
    first = await client.issue(made)
    spent = fake.spent
    assert await client.issue(made) == first and fake.spent == spent
    fake.edit_issue(1, "Twice")
    again = await client.issue(made)
    assert again is not None and again.title == "Twice"


async def test_a_page_that_was_full_and_did_not_change_may_have_a_next_one(fake: Fake, client: TrackerClient) -> None:
    made = fake.open_issue("Much to say")
    for one in range(100):
        fake.comment(made, f"Comment {one}")
    assert len(await client.comments(number(fake, made))) == 100
    fake.comment(made, "One more")
    assert len(await client.comments(number(fake, made))) == 101


@pytest.mark.parametrize("fault", [Fault.OUTAGE, Fault.NO_JSON, Fault.LIMIT])
async def test_outages_and_limits_are_delays(fake: Fake, client: TrackerClient, fault: Fault) -> None:
    fake.open_issue("Wait for it")
    fake.reset_s = 30
    fake.faults.append(fault)
    with pytest.raises(TrackerDelayedError) as raised:
        await client.issue(number(fake, 1))
    if fault is Fault.LIMIT:
        assert raised.value.wait_s is not None and 25 < raised.value.wait_s < 35
        asked = len(fake.requests)
        with pytest.raises(TrackerDelayedError):
            await client.issue(number(fake, 1))
        assert len(fake.requests) == asked  # it was asked to be silent


async def test_the_second_limit_too(fake: Fake, client: TrackerClient) -> None:
    fake.open_issue("Wait for it")
    fake.reset_s = 40
    fake.faults.append(Fault.SECONDARY)
    with pytest.raises(TrackerDelayedError) as raised:
        await client.add_comment(number(fake, 1), "Hello")
    assert raised.value.wait_s == 40 and fake.comments_of(1) == []


async def test_a_wrong_token_and_a_refusal_say_what_they_are(fake: Fake, client: TrackerClient) -> None:
    fake.open_issue("Mine")
    stranger = opened(fake, "another token")
    with pytest.raises(TrackerSignInError) as raised:
        await stranger.issue(number(fake, 1))
    assert "another token" not in str(raised.value)
    await stranger.line.close()
    fake.faults.append(Fault.REFUSED)
    with pytest.raises(TrackerRefusedError):
        await client.add_comment(number(fake, 1), "Hello")


async def test_a_lost_answer_is_a_delay_and_what_was_sent_is_found(fake: Fake, client: TrackerClient) -> None:
    fake.open_issue("Lost and found")
    ref = marker.reference("acme", 11, "comment")
    fake.faults.append(Fault.LOST_ANSWER)
    with pytest.raises(TrackerDelayedError):
        await client.add_comment(number(fake, 1), marker.signed(kind(fake), "Hello", ref))
    assert await client.find_comment(number(fake, 1), ref) is not None


async def test_pull_requests_with_reviews(github: FakeGitHub) -> None:
    github.threads.clear()
    client = opened(github)
    github.push("vapora/task-1", "a" * 40)
    made = await client.open_pull("vapora/task-1", "main", "A title", "A text")
    assert (made.state, made.head) == ("open", "a" * 40)
    with pytest.raises(TrackerRefusedError, match="already exists"):
        await client.open_pull("vapora/task-1", "main", "A title", "A text")
    found = await client.find_pull("vapora/task-1")
    assert found is not None and found.number == made.number
    github.comment_on_line(int(made.number), "parser.py", 3, "Off by one")
    github.review(int(made.number), "CHANGES_REQUESTED", "Please mend it")
    review, line = sorted(await client.pull_comments(made.number), key=lambda one: one.thing, reverse=True)
    assert (line.path, line.line) == ("parser.py", 3) and review.verdict == "CHANGES_REQUESTED"
    oid = github.merge(int(made.number))
    merged = await client.pull(made.number)
    assert merged is not None and (merged.state, merged.merged_as, merged.merged_by) == ("merged", oid, "bob")
    await client.line.close()


@pytest.mark.parametrize(
    "error",
    [
        TrackerDelayedError("Later.", 30),
        TrackerRefusedError("Never.", 422),
        TrackerSignInError("Who?", remedy="Say so."),
    ],
)
def test_what_goes_wrong_crosses_processes_whole(error: VaporaError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), vars(again)) == (type(error), vars(error))


def test_texts_of_the_cloud_are_trees() -> None:
    document = {
        "type": "doc",
        "version": 1,
        "content": [
            {"type": "heading", "content": [{"type": "text", "text": "Steps"}]},
            {
                "type": "bulletList",
                "content": [
                    {"type": "listItem", "content": [{"type": "paragraph", "content": [{"type": "text", "text": "a"}]}]}
                ],
            },
            {"type": "codeBlock", "content": [{"type": "text", "text": "x = 1"}]},
            {"type": "paragraph", "content": [{"type": "mention", "attrs": {"text": "@bob"}}, {"type": "hardBreak"}]},
        ],
    }
    assert adf.text_of(document) == "Steps\n- a\n```\nx = 1\n```\n\n@bob"
    assert adf.text_of(None) == "" and adf.text_of({"type": "doc", "content": "?"}) == ""
    assert adf.text_of(adf.document_of("a\nb\n\nc")) == "a\nb\n\nc"
