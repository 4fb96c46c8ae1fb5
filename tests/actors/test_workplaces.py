"""What a run's worktree is like, with real repositories and a real sandbox: where it begins, what its tools leave, and
what a call that comes again finds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from actors.work_messages import BeginRun, RunChecks
from events.work import Check
from tests.actors.kit import WORKSPACE, log_writer, passed
from tests.actors.worktree_site import ALL, PLACE, World
from tests.sandbox.conftest import require
from tests.waiting import DEADLINE_S
from vapora.clock import now
from vapora.errors import NotFoundError, RepositoryError
from vapora.log.client import LogClient


@pytest.fixture(scope="module", autouse=True)
def namespaces() -> None:
    require("bubblewrap")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with log_writer(now) as writer:
        made = World(tmp_path, LogClient(writer, WORKSPACE))
        yield made
        await made.close()


async def test_a_project_without_a_repository_has_no_worktree(world: World) -> None:
    await world.project(repo=None)
    assert await world.places.begin(BeginRun(PLACE, ALL, ("**",))) is None


async def test_a_run_begins_on_the_newest_commit_and_again_where_it_stood(world: World) -> None:
    await world.project(checks=(Check(name="test", command="true"),))
    begun = await world.begin()
    place = begun.workplace
    assert (place.branch, place.base_branch, place.base, place.head) == (
        "vapora/task-1",
        "main",
        world.theirs.head(),
        world.theirs.head(),
    )
    assert [one.name for one in place.checks] == ["test"]
    assert place.sandbox == "bubblewrap"
    assert await world.begin() == begun
    used = await world.places.use_tool(world.use(begun, place.head, "file_write", path="b.txt", content="b\n"))
    again = await world.begin(replace(PLACE, run_id="task-1.2"))
    assert (again.workplace.head, again.workplace.base) == (used.commit, place.base)


async def test_what_a_call_left_uncommitted_is_not_there_for_the_next_run(world: World) -> None:
    await world.project()
    begun = await world.begin()
    folder = (await world.repository()).trees.path("task-1")
    (folder / "stray.txt").write_text("half")
    (folder / "ignored").mkdir()
    (folder / "ignored" / "kept").write_text("product of a setup")
    assert await world.begin(replace(PLACE, run_id="task-1.2")) == begun
    assert not (folder / "stray.txt").exists()
    assert (folder / "ignored" / "kept").exists()


@pytest.mark.parametrize("known", [True, False])
async def test_the_file_for_agents_is_read_from_the_worktree_and_no_further(known: bool, world: World) -> None:
    (world.folder / "secret").write_text("secret")
    await world.project()
    if known:
        world.theirs.commit({"CLAUDE.md": "x" * 20_000, "CONTRIBUTING.md": "second"})
    else:
        (world.theirs.path / "AGENTS.md").symlink_to(world.folder / "secret")
        world.theirs.commit({"CONTRIBUTING.md": "second"})
    begun = await world.begin()
    assert begun.wishes_from == ("CLAUDE.md" if known else "CONTRIBUTING.md")
    assert len(begun.wishes) < 17_000
    assert "secret" not in begun.wishes


# Tools.


async def test_a_call_finds_the_commit_that_it_names_whatever_was_done_since(world: World) -> None:
    """The agent died before it recorded a call: it comes again, and must not find its own effect."""
    await world.project()
    begun = await world.begin()
    append = {"command": "echo x >> a.txt"}
    lost = await world.places.use_tool(world.use(begun, begun.workplace.head, "run_command", 0, **append))
    await world.restart()
    again = await world.places.use_tool(world.use(begun, begun.workplace.head, "run_command", 0, **append))
    assert await world.file("a.txt", again.commit) == "a\nx"
    assert (await world.repository()).branches() == {"task-1": again.commit}
    kept = (await world.repository()).bare.refs("refs/vapora/kept/")
    assert lost.commit == again.commit or lost.commit in kept.values()


async def test_the_same_call_under_way_is_joined_and_its_outcome_is_given_again(world: World) -> None:
    await world.project()
    begun = await world.begin()
    use = world.use(begun, begun.workplace.head, "run_command", command="echo $$ >> a.txt; sleep 0.2; date +%N")
    first, second = await asyncio.gather(world.places.use_tool(use), world.places.use_tool(use))
    assert first == second == await world.places.use_tool(use)
    assert len((await world.file("a.txt", first.commit)).splitlines()) == 2


async def test_a_caller_that_is_gone_does_not_end_the_call(world: World) -> None:
    await world.project()
    begun = await world.begin()
    use = world.use(begun, begun.workplace.head, "run_command", command="touch begun; sleep 0.3; echo x >> a.txt")
    folder = (await world.repository()).trees.path("task-1")
    asking = asyncio.create_task(world.places.use_tool(use))
    await passed((folder / "begun").exists)
    asking.cancel()
    outcome = await world.places.use_tool(use)
    assert await world.file("a.txt", outcome.commit) == "a\nx"


async def test_the_end_of_a_run_ends_its_command_and_the_next_run_finds_nothing_of_it(world: World) -> None:
    await world.project()
    begun = await world.begin()
    use = world.use(begun, begun.workplace.head, "run_command", command="touch begun; sleep 500")
    folder = (await world.repository()).trees.path("task-1")
    asking = asyncio.create_task(world.places.use_tool(use))
    await passed((folder / "begun").exists)
    await world.places.end(PLACE)
    assert (await asyncio.gather(asking, return_exceptions=True))[0].__class__ is asyncio.CancelledError
    again = await world.begin(replace(PLACE, run_id="task-1.2"))
    assert again.workplace == begun.workplace
    assert not (folder / "begun").exists()


async def test_a_run_that_begins_ends_what_an_earlier_one_left_running(world: World) -> None:
    await world.project()
    begun = await world.begin()
    use = world.use(begun, begun.workplace.head, "run_command", command="touch begun; sleep 500")
    folder = (await world.repository()).trees.path("task-1")
    asking = asyncio.create_task(world.places.use_tool(use))
    await passed((folder / "begun").exists)
    async with asyncio.timeout(DEADLINE_S):
        await world.begin(replace(PLACE, run_id="task-1.2"))
    assert asking.done() or await asyncio.gather(asking, return_exceptions=True)


async def test_a_look_commits_nothing_and_a_command_that_fails_is_committed_all_the_same(world: World) -> None:
    await world.project()
    begun = await world.begin()
    head = begun.workplace.head
    looked = await world.places.use_tool(world.use(begun, head, "file_read", path="a.txt"))
    assert (looked.commit, looked.ok) == (head, True)
    failed = await world.places.use_tool(world.use(begun, head, "run_command", 1, command="echo b > b.txt; exit 3"))
    assert (failed.ok, failed.exit_code, failed.sandbox) == (False, 3, "bubblewrap")
    assert await world.file("b.txt", failed.commit) == "b"


@pytest.mark.parametrize(
    "nested",
    [
        "git init -q nested; touch nested/file",
        "git init -q nested; cd nested; git -c user.name=a -c user.email=a@b commit -q --allow-empty -m x",
    ],
)
async def test_what_cannot_be_committed_is_undone_and_the_agent_is_told(nested: str, world: World) -> None:
    await world.project()
    begun = await world.begin()
    command = f"echo b > b.txt; {nested}"
    outcome = await world.places.use_tool(world.use(begun, begun.workplace.head, "run_command", command=command))
    assert (outcome.ok, outcome.commit) == (False, begun.workplace.head)
    assert "all changes of this call were undone" in outcome.text
    assert "nested" in outcome.text
    assert not ((await world.repository()).trees.path("task-1") / "b.txt").exists()


async def test_a_role_that_writes_nothing_may_run_commands_that_leave_nothing(world: World) -> None:
    await world.project()
    begun = await world.begin(writable=())
    head = begun.workplace.head
    outcome = await world.places.use_tool(world.use(begun, head, "run_command", command="echo b > b.txt"))
    assert outcome.commit == head
    assert "undone were the changes to b.txt" in outcome.text


# Checks.


async def test_checks_run_on_the_commit_alone_and_leave_nothing(world: World) -> None:
    test = Check(name="test", command="test -f b.txt && touch left.txt")
    await world.project(checks=(test, Check(name="slow", command="sleep 60", timeout_s=1)))
    begun = await world.begin()
    used = await world.places.use_tool(world.use(begun, begun.workplace.head, "file_write", path="b.txt", content="b"))
    results = await world.places.run_checks(RunChecks(PLACE, begun.workplace, used.commit, 1))
    assert [(one.name, one.exit_code, one.ended) for one in results] == [("test", 0, ""), ("slow", None, "timeout")]
    looked = await world.places.use_tool(world.use(begun, used.commit, "git_status", 2))
    assert "left.txt" not in looked.text


async def test_a_base_that_moved_is_merged_and_its_conflicts_are_red_until_they_are_resolved(world: World) -> None:
    await world.project()
    begun = await world.begin()
    ours = await world.write(begun, "a.txt", "ours\n")
    world.theirs.commit({"a.txt": "theirs\n"})
    place = replace(PLACE, run_id="task-1.2")
    begun = await world.begin(place)
    assert begun.workplace.conflicts == ("a.txt",)
    assert begun.workplace.base == world.theirs.head()
    # Told again to an agent that died with the answer.
    assert (await world.begin(place)).workplace.conflicts == ("a.txt",)
    head = begun.workplace.head
    assert head != ours
    [red] = await world.places.run_checks(RunChecks(place, begun.workplace, head, 1))
    assert (red.exit_code, "a.txt still holds" in red.output) == (1, True)
    mend = replace(world.use(begun, head, "file_write", path="a.txt", content="both\n"), place=place)
    mended = await world.places.use_tool(mend)
    [green] = await world.places.run_checks(RunChecks(place, begun.workplace, mended.commit, 2))
    assert green.exit_code == 0


# Setup.


async def test_setup_runs_once_in_a_worktree_and_what_it_made_stays(world: World) -> None:
    await world.project(setup=("mkdir -p ignored && date +%N > ignored/made", "echo changed > a.txt"))
    begun = await world.begin()
    outcome = await world.places.set_up(PLACE, begun.workplace)
    assert outcome.ok and not outcome.reused
    assert [one.exit_code for one in outcome.results] == [0, 0]
    folder = (await world.repository()).trees.path("task-1")
    made = (folder / "ignored" / "made").read_text()
    await world.places.use_tool(world.use(begun, begun.workplace.head, "file_read", path="a.txt"))
    assert (folder / "a.txt").read_text() == "a\n"
    await world.restart()
    again = await world.places.set_up(replace(PLACE, run_id="task-1.2"), begun.workplace)
    assert (again.ok, again.reused, again.results) == (True, True, ())
    assert (folder / "ignored" / "made").read_text() == made


async def test_a_setup_that_fails_says_so_and_is_tried_again(world: World) -> None:
    await world.project(setup=("echo no network; exit 7", "touch never"))
    begun = await world.begin()
    outcome = await world.places.set_up(PLACE, begun.workplace)
    assert not outcome.ok
    assert [(one.exit_code, one.output) for one in outcome.results] == [(7, "no network\n")]
    assert not (await world.places.set_up(PLACE, begun.workplace)).reused


async def test_ignored_files_of_the_person_are_copied_and_others_are_refused(world: World) -> None:
    world.theirs.write({".env": "KEY=1\n", "ignored/deep/one": "1", "plain.txt": "not ignored"})
    await world.project(copies=(".env", "ignored"))
    begun = await world.begin()
    outcome = await world.places.set_up(PLACE, begun.workplace)
    assert outcome.copied == (".env", "ignored/deep/one")
    folder = (await world.repository()).trees.path("task-1")
    assert (folder / ".env").read_text() == "KEY=1\n"
    assert (folder / "ignored" / "deep" / "one").read_text() == "1"


async def test_a_copy_that_would_be_committed_is_refused(world: World) -> None:
    world.theirs.write({"plain.txt": "not ignored"})
    await world.project(copies=("plain.txt",))
    begun = await world.begin()
    outcome = await world.places.set_up(PLACE, begun.workplace)
    assert not outcome.ok
    assert "plain.txt: not ignored by git" in outcome.results[0].output
    assert not ((await world.repository()).trees.path("task-1") / "plain.txt").exists()


async def test_a_copy_that_is_not_there_is_named(world: World) -> None:
    await world.project(copies=(".env",))
    begun = await world.begin()
    with pytest.raises(NotFoundError, match=r"\.env"):
        await world.places.set_up(PLACE, begun.workplace)


# Reviews and attempts.


async def test_a_review_sees_the_patch_and_only_of_the_commit_that_it_is_of(world: World) -> None:
    await world.project()
    begun = await world.begin()
    written = await world.write(begun, "b.txt", "b\n")
    place = replace(PLACE, run_id="task-1.2", agent_id="code-reviewer", purpose="review")
    review = await world.begin(place, at=written)
    assert "+b" in review.patch
    assert (review.workplace.head, review.patch_truncated) == (written, False)
    with pytest.raises(RepositoryError, match="not at"):
        await world.begin(replace(place, run_id="task-1.3"), at=begun.workplace.head)


async def test_another_attempt_begins_at_a_commit_of_the_first_and_both_stand_side_by_side(world: World) -> None:
    await world.project()
    begun = await world.begin()
    first = await world.write(begun, "b.txt", "1\n")
    second = await world.write(begun, "c.txt", "2\n", 1, first)
    place = replace(PLACE, run_id="task-1.2", attempt=2)
    forked = await world.begin(place, at=first)
    assert (forked.workplace.branch, forked.workplace.head) == ("vapora/task-1.2", first)
    assert forked.workplace.base == begun.workplace.base
    assert (await world.repository()).branches() == {"task-1": second, "task-1.2": first}
