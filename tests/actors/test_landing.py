"""Accepted work becomes part of the person's branch: by their word, or by itself; once, and never half."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from events.ids import WORKSPACE, ChecksVerdict, MergePolicy, Review, TaskState, project_stream, task_stream
from events.project import ProjectEdited
from events.task import LandingRefused, TaskCompleted, TaskLanded, TaskRejected
from events.work import Work
from events.workspace import WorkspacePaused, WorkspaceResumed
from tests.actors.kit import ORIGIN
from tests.actors.repositories_site import Site, site
from tests.waiting import DEADLINE_S
from vapora.commands import MergeTask
from vapora.errors import (
    ChecksFailedError,
    MergeConflictError,
    NotApprovedError,
    ReviewOutdatedError,
    TargetDirtyError,
    UnavailableError,
)


@pytest.fixture
async def cell(tmp_path: Path) -> AsyncIterator[Site]:
    async with site(tmp_path) as made:
        yield made


async def test_approved_green_work_lands_by_itself_and_its_worktree_goes(cell: Site) -> None:
    await cell.project()
    await cell.submit("t1", Review.HUMAN)
    work = await cell.hand_in("t1", {"b.txt": "new\n"}, review=Review.HUMAN)
    assert "b.txt" not in cell.theirs.git("ls-tree", "--name-only", "main")
    await cell.approve("t1", work)
    landed = await cell.until(TaskLanded, "t1")
    assert (landed.head, landed.branch, landed.oid) == (work.head, "main", cell.theirs.head("main"))
    assert cell.main("b.txt") == "new"
    await gone(cell, "t1")
    assert (await cell.repositories.changes("t1")).head == work.head
    told = cell.theirs.git("log", "-1", "--format=%an%n%B", "main")
    assert told.startswith("developer (VAPORA)") and "Vapora-Task: t1" in told


async def test_work_without_green_checks_waits_for_a_person(cell: Site) -> None:
    await cell.project()
    await cell.submit("t1")
    await cell.submit("t2")
    await cell.hand_in("t1", {"b.txt": "unchecked\n"}, checks=ChecksVerdict.UNCHECKED)
    await cell.hand_in("t2", {"c.txt": "green\n"})
    await cell.until(TaskLanded, "t2")
    assert await cell.of(TaskLanded, "t1") == []
    merged = await cell.repositories.merge(ORIGIN, "t1", MergeTask())
    assert (cell.main("b.txt"), merged.oid, merged.branch) == ("unchecked", cell.theirs.head("main"), "main")


async def test_a_person_merges_what_is_approved_and_only_that(cell: Site) -> None:
    await cell.project(lands=False)
    await cell.submit("t1", Review.HUMAN)
    work = await cell.hand_in("t1", {"b.txt": "new\n"}, review=Review.HUMAN)
    with pytest.raises(NotApprovedError):
        await cell.repositories.merge(ORIGIN, "t1", MergeTask())
    await cell.approve("t1", work)
    before = cell.theirs.head("main")
    merged = await cell.repositories.merge(ORIGIN, "t1", MergeTask(strategy="merge", message="With a message"))
    assert cell.theirs.git("log", "-1", "--format=%s|%P", "main") == f"With a message|{before} {work.head}"
    again = await cell.repositories.merge(ORIGIN, "t1", MergeTask())
    assert (again.oid, again.already) == (merged.oid, True)
    assert len(await cell.of(TaskLanded, "t1")) == 1


async def test_red_work_lands_with_force_alone_which_is_on_record(cell: Site) -> None:
    await cell.project(lands=False, checks=("false",))
    await cell.submit("t1")
    await cell.hand_in("t1", {"b.txt": "red\n"}, checks=ChecksVerdict.RED)
    with pytest.raises(ChecksFailedError):
        await cell.repositories.merge(ORIGIN, "t1", MergeTask())
    await cell.repositories.merge(ORIGIN, "t1", MergeTask(force=True))
    [landed] = await cell.of(TaskLanded, "t1")
    assert landed.forced and cell.main("b.txt") == "red"


async def test_what_was_approved_must_be_where_the_branch_is(cell: Site) -> None:
    await cell.project(lands=False)
    await cell.submit("t1")
    await cell.hand_in("t1", {"b.txt": "approved\n"})
    repository = cell.opened.opened()["p1"]
    base = repository.bare.resolve("refs/vapora/base/t1")
    assert base is not None
    repository.set_back("t1", base)
    with pytest.raises(ReviewOutdatedError):
        await cell.repositories.merge(ORIGIN, "t1", MergeTask())
    assert "b.txt" not in cell.theirs.git("ls-tree", "--name-only", "main")


async def test_a_conflict_sends_the_card_back_with_the_paths_and_the_markers_and_at_most_three_times(
    cell: Site,
) -> None:
    await cell.project()
    await cell.submit("t1")
    for number in range(1, 5):
        place, begun = await cell.begin("t1", number)
        assert begun.workplace.conflicts == (() if number == 1 else ("a.txt",))
        head = await cell.write(place, begun, {"a.txt": f"1\nours {number}\n3\n"})
        cell.theirs.commit({"a.txt": f"1\ntheirs {number}\n3\n"})
        await complete(cell, "t1", number, begun.workplace.base, head)
        refused = await cell.until(LandingRefused, "t1", number)
        assert (refused.kind, refused.paths, refused.head) == ("merge-conflict", ("a.txt",), head)
        if number < 4:
            rejected = await cell.until(TaskRejected, "t1", number)
            assert (rejected.cause, rejected.head) == ("conflict", head)
    task = await cell.task("t1")
    assert (task.state, task.conflict_rounds, task.to_land) == (TaskState.DONE, 3, True)
    assert task.refused is not None and task.refused.paths == ("a.txt",)
    with pytest.raises(MergeConflictError) as refusal:
        await cell.repositories.merge(ORIGIN, "t1", MergeTask())
    assert refusal.value.paths == ("a.txt",)
    assert len(await cell.of(LandingRefused, "t1")) == 4


async def test_checks_run_again_on_the_merged_files_where_the_base_branch_moved(cell: Site) -> None:
    await cell.project(checks=("! test -e b.txt || ! test -e c.txt",))
    await cell.submit("t1")
    place, begun = await cell.begin("t1")
    head = await cell.write(place, begun, {"b.txt": "x\n"})
    cell.theirs.commit({"c.txt": "x\n"})
    await complete(cell, "t1", 1, begun.workplace.base, head)
    refused = await cell.until(LandingRefused, "t1")
    rejected = await cell.until(TaskRejected, "t1")
    assert refused.kind == "checks-failed" and rejected.cause == "conflict"
    assert "b.txt" not in cell.theirs.git("ls-tree", "--name-only", "main")
    assert not [name for name in cell.worktrees() if name.startswith("landing")]


async def test_checks_do_not_run_again_where_nothing_moved(cell: Site) -> None:
    await cell.project(checks=("false",))
    await cell.submit("t1")
    await cell.hand_in("t1", {"b.txt": "x\n"})
    await cell.until(TaskLanded, "t1")


async def test_changes_of_the_persons_own_are_named_once_and_it_lands_when_they_are_out_of_the_way(
    cell: Site,
) -> None:
    await cell.project()
    await cell.submit("t1")
    cell.theirs.write({"a.txt": "mine, not committed\n"})
    work = await cell.hand_in("t1", {"a.txt": "theirs\n"})
    refused = await cell.until(LandingRefused, "t1")
    assert (refused.kind, refused.paths) == ("target-dirty", ("a.txt",))
    with pytest.raises(TargetDirtyError):
        await cell.repositories.merge(ORIGIN, "t1", MergeTask())
    assert (cell.theirs.path / "a.txt").read_text() == "mine, not committed\n"
    cell.theirs.git("checkout", "--", "a.txt")
    landed = await cell.until(TaskLanded, "t1")
    assert landed.head == work.head and (cell.theirs.path / "a.txt").read_text() == "theirs\n"
    assert len(await cell.of(LandingRefused, "t1")) == 1


@pytest.mark.parametrize("how", ["before", "after"])
async def test_a_landing_that_was_not_recorded_is_found_and_not_done_again(tmp_path: Path, how: str) -> None:
    async with site(tmp_path, look_again_s=3600) as cell:
        await cell.project(lands=False)
        await cell.submit("t1")
        await cell.hand_in("t1", {"b.txt": "new\n"})
        cell.line.cut.append(how)
        with pytest.raises(UnavailableError):
            await cell.repositories.merge(ORIGIN, "t1", MergeTask())
        assert cell.main("b.txt") == "new"
        landed = cell.theirs.head("main")
        await cell.restart(look_again_s=3600)
        cell.theirs.commit({"c.txt": "later\n"})
        merged = await cell.repositories.merge(ORIGIN, "t1", MergeTask())
        assert (merged.oid, merged.already) == (landed, True)
        assert len(await cell.of(TaskLanded, "t1")) == 1
        assert cell.theirs.git("rev-list", "--count", "main") == "3"


async def test_after_a_restart_what_was_accepted_meanwhile_lands(cell: Site) -> None:
    await cell.project(lands=False)
    await cell.submit("t1")
    await cell.hand_in("t1", {"b.txt": "new\n"})
    await cell.repositories.stop()
    policy = ProjectEdited(project_id="p1", merge_policy=MergePolicy.WHEN_APPROVED)
    await cell.append(project_stream("p1"), policy)
    await cell.build().start()
    await cell.until(TaskLanded, "t1")


async def test_nothing_lands_by_itself_while_the_workspace_is_paused(cell: Site) -> None:
    await cell.project()
    await cell.submit("t1")
    await cell.append(WORKSPACE, WorkspacePaused())
    await cell.hand_in("t1", {"b.txt": "new\n"})
    merged = cell.theirs.head("main")
    assert await cell.of(TaskLanded, "t1") == []
    await cell.append(WORKSPACE, WorkspaceResumed())
    landed = await cell.until(TaskLanded, "t1")
    assert landed.oid != merged


async def test_two_cards_at_the_same_moment_both_land(cell: Site) -> None:
    await cell.project(lands=False)
    for name in ("t1", "t2"):
        await cell.submit(name)
        await cell.hand_in(name, {f"{name}.txt": name})
    await asyncio.gather(*(cell.repositories.merge(ORIGIN, name, MergeTask()) for name in ("t1", "t2")))
    assert (cell.main("t1.txt"), cell.main("t2.txt")) == ("t1", "t2")


async def test_twelve_cards_at_once_all_land_and_no_commit_is_lost(cell: Site) -> None:
    """Three of them change the same line: whoever comes later gets git's markers, and brings both together."""
    await cell.project(checks=("test -s a.txt",))
    names = [f"t{number}" for number in range(12)]
    for name in names:
        await cell.submit(name)

    async def work(name: str) -> None:
        quarrels = name in ("t0", "t1", "t2")
        for run in range(1, 5):
            place, begun = await cell.begin(name, run)
            files = {f"{name}.txt": f"{name}\n"}
            if quarrels:
                folder = cell.opened.opened()["p1"].trees.path(name)
                lines = [one for one in (folder / "a.txt").read_text().splitlines() if one[:7] not in MARKERS]
                files["a.txt"] = "\n".join(dict.fromkeys([*lines[:-1], name, lines[-1]])) + "\n"
            head = await cell.write(place, begun, files)
            await complete(cell, name, run, begun.workplace.base, head)
            rejected = asyncio.create_task(cell.until(TaskRejected, name, run))
            landed = asyncio.create_task(cell.until(TaskLanded, name))
            done, left = await asyncio.wait((rejected, landed), return_when=asyncio.FIRST_COMPLETED)
            for one in left:
                one.cancel()
                with suppress(asyncio.CancelledError):
                    await one
            if landed in done:
                return
            assert (await cell.of(LandingRefused, name))[-1].paths == ("a.txt",)

    await asyncio.gather(*(work(name) for name in names))
    assert {name: (await cell.task(name)).is_landed for name in names} == dict.fromkeys(names, True)
    assert [cell.main(f"{name}.txt") for name in names] == names
    assert set(cell.main("a.txt").splitlines()) == {"1", "2", "3", "t0", "t1", "t2"}
    assert cell.theirs.git("status", "--porcelain") == ""


MARKERS = ("<<<<<<<", "=======", ">>>>>>>")


async def complete(cell: Site, task_id: str, run: int, base: str, head: str) -> None:
    work = Work(branch=f"vapora/{task_id}", base_branch="main", base=base, head=head, checks=ChecksVerdict.GREEN)
    completed = TaskCompleted(task_id=task_id, run_id=f"{task_id}.{run}", work=work)
    await cell.append(task_stream(task_id), completed)


async def gone(cell: Site, worktree: str) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while worktree in cell.worktrees():
            await asyncio.sleep(0)
