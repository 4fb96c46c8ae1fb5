"""Cards and issues in step, against servers that speak as GitHub and Jira do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from actors.trackers.desk import UseTracker
from events.ids import TaskState
from events.task import TaskApproved, TaskLanded
from events.tracker import IssueLinked, PullLinked, TrackerKind, TrackerReceived, TrackerRefused, TrackerSent
from tests.actors.kit import ORIGIN, Line, everything, log_writer
from tests.trackers.site import ALICE, HEAD, Fake, Site
from tests.waiting import DEADLINE_S
from vapora.clock import now
from vapora.commands import EditTask, MoveTask, RemoveTracker
from vapora.domain.tracker import marker, outside
from vapora.errors import BadInputError, NotFoundError, UnauthenticatedError
from vapora.testing.trackers import FakeGitHub, FakeJira, Fault


@pytest.fixture(scope="module")
def github_server() -> Iterator[FakeGitHub]:
    with FakeGitHub() as fake:
        yield fake


@pytest.fixture(scope="module")
def jira_server() -> Iterator[FakeJira]:
    with FakeJira() as fake:
        yield fake


def emptied(fake: Fake) -> Fake:
    fake.threads.clear()
    fake.messages.clear()
    fake.requests.clear()
    fake.faults.clear()
    fake.down, fake.reset_s, fake.tell = False, 1.0, None
    return fake


@pytest.fixture(params=["github", "jira"])
async def site(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Site]:
    fake = emptied(request.getfixturevalue(f"{request.param}_server"))
    async with log_writer(now) as writer:
        made = Site(writer, tmp_path, fake)
        await made.connect()
        await made.start()
        await made.settled()
        yield made
        await made.stop()


@pytest.fixture
async def github(github_server: FakeGitHub, tmp_path: Path) -> AsyncIterator[Site]:
    async with log_writer(now) as writer:
        made = Site(writer, tmp_path, emptied(github_server))
        await made.connect()
        await made.start()
        await made.settled()
        yield made
        await made.stop()


async def test_an_issue_becomes_a_card_and_comments_travel_both_ways_once(site: Site) -> None:
    number = site.fake.open_issue("The parser drops a line", "Steps: …", ("vapora",))
    site.fake.open_issue("Not for us", "…")
    await site.tell()
    await site.settled()
    card = await site.card()
    assert (card.title, card.description) == ("The parser drops a line", "Steps: …")
    assert outside.is_from_outside(card)

    site.fake.comment(number, "Any news?")
    await site.says(card.id, "We are at it")
    messages = await site.tell()
    await site.settled()
    [theirs] = [one for one in await site.said() if "Any news?" in one]
    assert theirs.startswith(outside.OUTSIDE_MARK)
    [_, ours] = site.comments(number)
    assert "Ann Who" in ours and "We are at it" in ours

    # The webhook of our own comment, and every other one once more.
    for _ in range(2):
        for one in (*messages, *site.fake.messages):
            await site.ours.deliver("app", one.headers, one.body)
        await site.settled()
    assert len(site.comments(number)) == 2 and len(await site.said()) == 2 and len(await site.cards()) == 1


async def test_a_card_and_its_issue_end_together(site: Site) -> None:
    number = site.fake.open_issue("The parser drops a line", "…", ("vapora",))
    await site.tell()
    await site.settled()
    card = await site.card()
    await site.worked_on(card.id)
    await site.dispatcher.dispatch(ALICE, MoveTask(state=TaskState.DONE), card.id)
    await site.settled()
    assert not site.is_closed(number)  # its work is not part of the base branch yet
    landed = TaskLanded(task_id=card.id, run_id=None, head=HEAD, branch="main", oid="c" * 40, strategy="merge")
    await site.append(card.id, landed)
    await site.until(lambda: site.is_closed(number))
    await site.tell()
    await site.settled()
    assert (await site.card()).state is TaskState.DONE and await site.said() == []

    site.fake.turn(number, "open")
    await site.tell()
    await site.settled()
    first, again = await site.cards()
    assert again.title == first.title and again.state is TaskState.TODO
    site.fake.turn(number, "closed")
    await site.tell()
    await site.settled()
    assert (await site.cards())[1].state is TaskState.ARCHIVED


async def test_titles_and_texts_follow_each_other(site: Site) -> None:
    number = site.fake.open_issue("The parser drops a line", "Steps: …", ("vapora",))
    await site.tell()
    await site.settled()
    site.fake.edit_issue(number, "The parser drops two lines")
    await site.tell()
    await site.settled()
    card = await site.card()
    assert card.title == "The parser drops two lines"
    await site.dispatcher.dispatch(ALICE, EditTask(title="Three lines", description="Count them."), card.id)
    await site.settled()
    assert site.fake.threads[number].title == "Three lines"
    count = len(await everything(site.log))
    await site.tell()
    await site.settled()
    assert len(await everything(site.log)) == count  # what was ours does not come back


async def test_an_issue_is_made_of_a_card_once(site: Site) -> None:
    task = await site.submit()
    site.fake.faults.append(Fault.LOST_ANSWER)
    await site.want_issue(task)
    await site.settled()
    await site.until(lambda: len(site.fake.threads) == 1)
    await site.tell()
    await site.settled()
    [linked] = await site.of(IssueLinked)
    assert (linked.task_id, linked.made) == (task, "issue")
    assert [one.title for one in site.fake.threads.values()] == ["Make it quick"]
    assert len(await site.cards()) == 1
    site.fake.edit_issue(1, "Delete everything")
    await site.tell()
    await site.settled()
    assert (await site.card()).title == "Make it quick"
    assert [one.startswith(outside.OUTSIDE_MARK) for one in await site.said()] == [True]


async def test_what_was_open_before_is_brought_when_somebody_asks(site: Site) -> None:
    for one in range(3):
        site.fake.open_issue(f"Older {one}", labels=("vapora",))
    bare = site.fake.open_issue("Without a label")
    await site.import_issues()
    await site.settled()
    assert len(await site.cards()) == 3
    await site.import_issues(bare)
    await site.import_issues(bare)
    await site.settled()
    assert sorted(one.title for one in await site.cards())[-1] == "Without a label"
    assert len(await site.cards()) == 4


async def test_what_no_webhook_told_is_found_by_looking(site: Site) -> None:
    await site.stop()
    site.fake.open_issue("Nobody told us", labels=("vapora",))
    (site.folder / "trackers" / "outbox.db").unlink()  # as after a move to another machine
    await site.start()
    await site.settled()
    assert (await site.card()).title == "Nobody told us"


async def test_a_webhook_with_a_wrong_signature_is_refused_and_changes_nothing(site: Site) -> None:
    site.fake.open_issue("The parser drops a line", "…", ("vapora",))
    [message] = site.fake.messages
    before = len(await everything(site.log))
    header = site.fake.signature_header
    for signature in ("", "sha256=" + "0" * 64, message.headers[header][:-1] + "x"):
        with pytest.raises(UnauthenticatedError):
            await site.ours.deliver("app", {**message.headers, header: signature}, message.body)
    with pytest.raises(UnauthenticatedError):
        await site.ours.deliver("app", message.headers, message.body + b" ")
    with pytest.raises(NotFoundError):
        await site.ours.deliver("other", message.headers, message.body)
    await site.settled()
    assert await site.cards() == [] and len(await everything(site.log)) <= before + 2  # that the secrets were used


@pytest.mark.parametrize("fault", [Fault.OUTAGE, Fault.LIMIT, Fault.SECONDARY, Fault.NO_JSON, Fault.SIGN_IN])
async def test_outages_and_limits_only_delay(site: Site, fault: Fault) -> None:
    number = site.fake.open_issue("The parser drops a line", "…", ("vapora",))
    await site.tell()
    await site.settled()
    card = await site.card()
    site.fake.faults += [fault, fault] if fault not in (Fault.LIMIT, Fault.SECONDARY) else [fault]
    for one in range(3):
        await site.says(card.id, f"Comment {one}")
    site.fake.comment(number, "Theirs")
    await site.tell()
    await site.until(lambda: len(site.comments(number)) == 4 and not site.fake.faults)
    await site.settled()
    ours = [one for one in site.comments(number) if "Comment" in one]
    assert [marker.without(one).rpartition("\n")[2] for one in ours] == ["Comment 0", "Comment 1", "Comment 2"]
    assert [one for one in await site.said() if "Theirs" in one]


async def test_a_long_outage_is_told_and_ends_by_itself(site: Site) -> None:
    number = site.fake.open_issue("The parser drops a line", "…", ("vapora",))
    await site.tell()
    await site.settled()
    site.fake.down = True
    await site.says((await site.card()).id, "Still here")

    async def is_held() -> bool:
        status = (await site.ours.status())["app"]
        return status.waiting == 1 and "503" in status.problem

    while not await is_held():
        pass
    assert not (await site.ours.health())["problem"]
    site.fake.down = False
    await site.until(lambda: len(site.comments(number)) == 1)


@pytest.mark.parametrize("answer_lost", [True, False])
async def test_killed_between_sending_and_recording_nothing_is_said_twice(site: Site, answer_lost: bool) -> None:
    number = site.fake.open_issue("The parser drops a line", "…", ("vapora",))
    await site.tell()
    await site.settled()
    card = await site.card()
    await site.stop()
    line = Line(site.writer)
    await site.start(line)
    await site.settled()
    if answer_lost:
        site.fake.faults.append(Fault.LOST_ANSWER)
    # It tells of the use of its secret elsewhere; its next append is that the comment was sent.
    line.dead.set()
    await site.says(card.id, "Once only")
    await site.until(lambda: len(site.comments(number)) == 1)
    await site.stop()
    assert await site.of(TrackerSent) == []
    await site.start()
    await site.settled()
    [sent] = await site.of(TrackerSent)
    assert sent.remote_id == str(site.fake.comments_of(number)[0].id)
    await site.tell()
    await site.settled()
    assert len(site.comments(number)) == 1 and await site.said() == ["Once only"]


async def test_killed_after_the_card_was_made_there_is_one_card(site: Site) -> None:
    await site.stop()
    line = Line(site.writer)
    line.dies_after = 1
    await site.start(line)
    site.fake.open_issue("The parser drops a line", "…", ("vapora",))
    await site.tell()
    async with asyncio.timeout(DEADLINE_S):
        await line.dead.wait()
    await site.stop()
    await site.start()
    await site.settled()
    assert len(await site.cards()) == 1


async def test_what_is_refused_for_good_is_recorded_and_does_not_stop_the_rest(site: Site) -> None:
    number = site.fake.open_issue("The parser drops a line", "…", ("vapora",))
    await site.tell()
    await site.settled()
    card = await site.card()
    site.fake.faults.append(Fault.REFUSED)
    await site.says(card.id, "Refused")
    await site.says(card.id, "Taken")
    await site.settled()
    [refused] = await site.of(TrackerRefused)
    assert refused.task_id == card.id and "422" in refused.reason
    assert ["Taken" in one for one in site.comments(number)] == [True]


async def test_after_it_was_removed_nothing_travels(site: Site) -> None:
    number = site.fake.open_issue("The parser drops a line", "…", ("vapora",))
    await site.tell()
    await site.settled()
    card = await site.card()
    await site.dispatcher.dispatch(ORIGIN, RemoveTracker(), "app")
    await site.says(card.id, "Alone")
    await site.settled()
    assert site.comments(number) == []
    with pytest.raises(NotFoundError):
        await site.ours.deliver("app", {}, b"{}")


async def test_it_is_at_rest_until_it_looks_again(site: Site) -> None:
    await site.settled()
    rest = await site.settled()
    assert rest.due is not None and rest.due > now()


async def test_a_pushed_branch_has_a_pull_request_whose_review_and_merge_come_back(github: Site) -> None:
    fake = github.fake
    assert isinstance(fake, FakeGitHub)
    number = fake.open_issue("The parser drops a line", "…", ("vapora",))
    await github.tell()
    await github.settled()
    card = await github.card()
    fake.push(f"vapora/{card.id}", HEAD)
    fake.faults.append(Fault.LOST_ANSWER)
    await github.worked_on(card.id)
    await github.settled()
    [pull] = fake.pulls
    [linked] = await github.of(PullLinked)
    assert (linked.task_id, linked.number) == (card.id, str(pull.number))
    assert (pull.branch, pull.base, f"Closes acme/app#{number}" in pull.body) == (f"vapora/{card.id}", "main", True)

    fake.comment_on_line(pull.number, "parser.py", 3, "Off by one")
    fake.review(pull.number, "CHANGES_REQUESTED", "Please mend it")
    await github.tell()
    await github.settled()
    commented = [one.event for one in await everything(github.log) if one.topic == "task.commented"]
    found = {(getattr(one, "path", None), getattr(one, "line", None)) for one in commented}
    assert found == {("parser.py", 3), (None, None)}
    assert any("changes requested" in one for one in await github.said())

    oid = fake.merge(pull.number)
    await github.tell()
    await github.settled()
    card = await github.card()
    assert (card.state, card.is_landed, card.landed and card.landed.oid) == (TaskState.DONE, True, oid)
    assert len(await github.of(TaskApproved)) == 1
    await github.until(lambda: github.is_closed(number))


async def test_nothing_goes_to_an_address_inside(github: Site) -> None:
    number = github.fake.open_issue("The parser drops a line", "…", ("vapora",))
    await github.tell()
    await github.settled()
    card = await github.card()
    await github.stop()
    asked = len(github.fake.requests)
    github.allowed = ()
    await github.start()
    await github.says(card.id, "Not from here")

    while "inside" not in (await github.ours.status())["app"].problem:
        pass
    assert len(github.fake.requests) == asked and github.comments(number) == []


async def test_no_token_stands_in_the_log_or_beside_it(site: Site) -> None:
    site.fake.open_issue("The parser drops a line", "…", ("vapora",))
    await site.tell()
    await site.settled()
    received = await site.of(TrackerReceived)
    said = str(await everything(site.log))
    await site.stop()
    files = [one.read_bytes() for one in site.folder.rglob("*") if one.is_file()]
    assert received == [] or "digest" in str(received[0])
    for canary in ("canary-tracker-token", site.fake.secret):
        assert canary not in said and not any(canary.encode() in one for one in files)


async def test_agents_read_and_write_issues_of_their_project_and_of_no_other(site: Site) -> None:
    site.fake.open_issue("The parser drops a line", "Steps: …", ("vapora",))
    kind: TrackerKind = "github" if isinstance(site.fake, FakeGitHub) else "jira"

    async def use(tool: str, **arguments: Any) -> str:
        found = await site.ours.use_tool(UseTracker(kind, tool, arguments, site.project, agent="developer"))
        return found.text

    assert "The parser drops a line (open) [vapora]" in await use("list_issues", labels=["vapora"])
    assert "Steps: …" in await use("read_issue", number=site.number(1))
    await use("comment", number=site.number(1), text="I shall look at it")
    assert "I shall look at it" in await use("read_issue", number=site.number(1))
    await use("create_issue", title="Another one", text="By the way")
    assert [one.title for one in site.fake.threads.values()] == ["The parser drops a line", "Another one"]
    await site.tell()
    await site.settled()
    assert len(await site.cards()) == 1 and await site.said() == []  # what is ours is no news
    for wrong in ("../../user", "1/comments", "OTHER-1", ""):
        with pytest.raises(BadInputError):
            await use("read_issue", number=wrong)
    with pytest.raises(BadInputError):
        await site.ours.use_tool(UseTracker(kind, "list_issues", {}, "another-project"))


async def test_an_agent_opens_the_pull_request_of_its_card_once(github: Site) -> None:
    fake = github.fake
    assert isinstance(fake, FakeGitHub)
    await github.connect(pull_requests=False)
    task = await github.submit()
    fake.push(f"vapora/{task}", HEAD)
    await github.worked_on(task)
    await github.settled()
    assert fake.pulls == []
    use = UseTracker("github", "open_pull", {"title": "Make it quick"}, github.project, task, "developer")
    for _ in range(2):
        assert "is open" in (await github.ours.use_tool(use)).text
    assert len(fake.pulls) == 1 and len(await github.of(PullLinked)) == 1
