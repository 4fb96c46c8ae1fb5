"""What people see of a project's repository, and what is kept of it on the disk."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from actors.repositories.open import task_of
from actors.work_messages import UseTool, worktree_name
from events.content import Content
from events.ids import ChecksVerdict, TaskState, project_stream, run_stream, task_stream
from events.project import ProjectArchived, ProjectEdited, ProjectFileAccepted
from events.run import ChecksRan
from events.task import LandingRefused, TaskArchived, TaskPushed
from events.work import Check, CommandResult
from tests.actors.kit import ORIGIN
from tests.actors.repositories_site import Site, site
from tests.waiting import DEADLINE_S
from vapora.domain import project as projects
from vapora.errors import (
    NotARepositoryError,
    NotFoundError,
    NoWorktreeError,
    PushRefusedError,
    RepositoryError,
    SourceRefusedError,
    UnknownBranchError,
)


@pytest.fixture
async def cell(tmp_path: Path) -> AsyncIterator[Site]:
    async with site(tmp_path) as made:
        yield made


async def test_the_changes_of_a_card_are_shown_with_its_steps_and_checks(cell: Site) -> None:
    await cell.project(lands=False)
    await cell.submit("t1")
    work = await cell.hand_in("t1", {"b.txt": "new\n", "a.txt": "1\ntwo\n3\n"})
    result = CommandResult(
        name="tests", command="make test", exit_code=0, duration_ms=5, output=Content(text="ok", size=2)
    )
    ran = ChecksRan(
        run_id="t1.1",
        task_id="t1",
        head=work.head,
        round=1,
        verdict=ChecksVerdict.GREEN,
        results=(result,),
        sandbox="none",
    )
    await cell.append(run_stream("t1.1"), ran)
    shown = await cell.repositories.changes("t1")
    assert (shown.branch, shown.base, shown.head, shown.approved_head) == ("vapora/t1", work.base, work.head, work.head)
    assert [(one.path, one.status, one.additions, one.deletions) for one in shown.files] == [
        ("a.txt", "modified", 1, 1),
        ("b.txt", "added", 1, 0),
    ]
    assert [(one.run_id, one.step) for one in shown.commits] == [("t1.1", 0), ("t1.1", 0)]
    assert [(one.name, one.exit_code, one.output) for one in shown.checks] == [("tests", 0, "ok")]
    assert "+two" in shown.patch and shown.conflicts == ()
    cell.theirs.commit({"a.txt": "1\nzwei\n3\n"})
    cell.opened.opened()["p1"].fetch()
    assert (await cell.repositories.changes("t1")).conflicts == ("a.txt",)


async def test_a_file_is_read_from_the_cards_branch_and_from_no_other_commit(cell: Site) -> None:
    await cell.project(lands=False)
    await cell.submit("t1")
    work = await cell.hand_in("t1", {"b.txt": "new\n", "c.bin": "\0"})
    found = await cell.repositories.file("t1", "b.txt")
    assert (found.text, found.size, found.ref, found.binary) == ("new\n", 4, work.head, False)
    assert (await cell.repositories.file("t1", "c.bin")).text is None
    with pytest.raises(NotFoundError):
        await cell.repositories.file("t1", "b.txt", work.base)
    later = cell.theirs.commit({"d.txt": "later\n"})
    cell.opened.opened()["p1"].fetch()
    with pytest.raises(NotFoundError, match="no commit"):
        await cell.repositories.file("t1", "d.txt", later)


async def test_a_card_whose_run_has_not_begun_has_no_changes(cell: Site) -> None:
    await cell.project()
    await cell.submit("t1")
    with pytest.raises(NoWorktreeError):
        await cell.repositories.changes("t1")


async def test_names_that_are_not_utf_8_are_shown_and_land(cell: Site) -> None:
    await cell.project(lands=False)
    await cell.submit("t1")
    place, begun = await cell.begin("t1")
    arguments = {"command": "printf x > $(printf 'caf\\351')"}
    use = UseTool(place, begun.workplace, begun.workplace.head, 0, 0, "run_command", arguments)
    assert (await cell.repositories.use_tool(use)).ok
    assert [one.path for one in (await cell.repositories.changes("t1")).files] == ["caf\\xe9"]


async def test_a_sparse_file_of_900_mib_is_refused_by_its_size_and_undone(cell: Site) -> None:
    await cell.project()
    await cell.submit("t1")
    place, begun = await cell.begin("t1")
    use = UseTool(
        place, begun.workplace, begun.workplace.head, 0, 0, "run_command", {"command": "truncate -s 900M big.bin"}
    )
    outcome = await cell.repositories.use_tool(use)
    assert not outcome.ok and outcome.commit == begun.workplace.head
    assert "900 MiB" in outcome.text
    assert (await cell.repositories.changes("t1")).files == ()


async def test_the_projects_file_is_shown_from_the_base_branch_and_in_effect_once_accepted(cell: Site) -> None:
    await cell.project()
    text = 'setup = ["make deps"]\n[[checks]]\nname = "tests"\ncommand = "make test"\n'
    assert (await cell.repositories.project_file("p1")).text is None
    cell.theirs.commit({".vapora/project.toml": text})
    found = await cell.repositories.project_file("p1")
    assert (found.text, found.sha256, found.accepted) == (text, sha256(text.encode()).hexdigest(), False)
    assert found.setup == ("make deps",) and found.problem is None
    await cell.submit("t1")
    place, begun = await cell.begin("t1")
    assert begun.workplace.checks == ()
    await cell.write(place, begun, {".vapora/project.toml": "setup = []\n"})
    assert (await cell.repositories.project_file("p1")).text == text
    accepted = ProjectFileAccepted(project_id="p1", sha256=found.sha256 or "", text=Content(text=text, size=len(text)))
    await cell.append(project_stream("p1"), accepted, ProjectEdited(project_id="p1", cleared=("checks",)))
    assert (await cell.repositories.project_file("p1")).accepted
    in_effect = await cell.opened.in_effect(await cell.opened.project("p1"))
    assert in_effect == projects.InEffect(None, ("make deps",), (Check(name="tests", command="make test"),))
    cell.theirs.commit({".vapora/project.toml": "sandbox = 'none'\n"})
    changed = await cell.repositories.project_file("p1")
    assert not changed.accepted and changed.problem is not None and "sandbox" in changed.problem


async def test_what_cannot_be_a_repository_is_told_before_a_project_is_made(cell: Site, tmp_path: Path) -> None:
    found = await cell.repositories.examine(str(cell.theirs.path))
    assert (found.base_branch, found.head, found.branches) == ("main", cell.theirs.head(), ("main",))
    (tmp_path / "plain").mkdir()
    with pytest.raises(NotARepositoryError):
        await cell.repositories.examine(str(tmp_path / "plain"))
    with pytest.raises(NotARepositoryError):
        await cell.repositories.examine(str(tmp_path / "nothing"))
    with pytest.raises(SourceRefusedError, match="password"):
        await cell.repositories.examine("https://me:secret@example.com/x.git")
    with pytest.raises(SourceRefusedError, match="outside"):
        await cell.repositories.examine("/usr")
    with pytest.raises(UnknownBranchError, match="no branch 'maim'"):
        await cell.repositories.examine(str(cell.theirs.path), "maim")
    cell.theirs.git("checkout", "--quiet", "--detach")
    with pytest.raises(UnknownBranchError, match="detached"):
        await cell.repositories.examine(str(cell.theirs.path))
    assert (await cell.repositories.examine(str(cell.theirs.path), "main")).head == cell.theirs.head()


async def test_the_overview_names_branches_and_worktrees_or_what_is_wrong(cell: Site) -> None:
    await cell.project(lands=False)
    await cell.submit("t1")
    work = await cell.hand_in("t1", {"b.txt": "x\n"})
    shown = await cell.repositories.overview("p1")
    assert (shown.base_branch, shown.head, shown.problem) == ("main", cell.theirs.head(), None)
    assert [(one.name, one.task_id, one.attempt, one.oid) for one in shown.branches] == [
        ("vapora/t1", "t1", 1, work.head)
    ]
    assert [(one.task_id, one.bytes > 0) for one in shown.worktrees] == [("t1", True)]
    await cell.append(project_stream("p1"), ProjectEdited(project_id="p1", repo="/elsewhere"))
    assert "Set it back" in ((await cell.repositories.overview("p1")).problem or "")


async def test_a_repository_that_is_gone_is_a_problem_to_be_shown_and_not_a_fault(cell: Site) -> None:
    await cell.project()
    cell.theirs.path.rename(cell.folder / "moved")
    shown = await cell.repositories.overview("p1")
    assert shown.problem is not None and "no folder" in shown.problem
    await cell.submit("t1")
    with pytest.raises(RepositoryError):
        await cell.begin("t1")


async def test_a_branch_is_pushed_alone_and_a_refusal_stands_on_the_card(cell: Site, tmp_path: Path) -> None:
    await cell.project(lands=False, repo=f"file://{cell.theirs.path}")
    await cell.submit("t1")
    work = await cell.hand_in("t1", {"b.txt": "x\n"})
    pushed = await cell.repositories.push(ORIGIN, "t1")
    assert (pushed.branch, pushed.head) == ("vapora/t1", work.head)
    assert cell.theirs.head("vapora/t1") == work.head and len(await cell.of(TaskPushed, "t1")) == 1
    hook = cell.theirs.path / ".git" / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'not on a Friday'; exit 1\n")
    hook.chmod(0o755)
    await cell.submit("t2")
    await cell.hand_in("t2", {"c.txt": "x\n"})
    with pytest.raises(PushRefusedError, match="Friday"):
        await cell.repositories.push(ORIGIN, "t2")
    [refused] = await cell.of(LandingRefused, "t2")
    assert refused.kind == "push-refused" and (await cell.task("t2")).state is TaskState.DONE


async def test_worktrees_of_what_is_over_go_and_those_of_work_stay(tmp_path: Path) -> None:
    async with site(tmp_path, keep=timedelta(days=14)) as cell:
        await cell.project(lands=False)
        for name in ("t1", "t2", "t3"):
            await cell.submit(name)
            await cell.hand_in(name, {f"{name}.txt": "x\n"})
        await cell.begin("t2", 2)
        await cell.append(task_stream("t1"), TaskArchived(task_id="t1", from_state=TaskState.DONE))
        await until_worktrees(cell, {"t2", "t3"})
        assert set(cell.opened.opened()["p1"].branches()) == {"t1", "t2", "t3"}
        for name in ("t2", "t3"):
            os.utime(cell.opened.opened()["p1"].trees.admin(name) / "index", (0, 0))
        await cell.restart()
        await until_worktrees(cell, {"t2"})
        assert "t3" in cell.opened.opened()["p1"].branches()


async def test_what_a_cut_off_landing_left_is_cleared_when_the_repository_is_opened(cell: Site) -> None:
    await cell.project(lands=False)
    await cell.submit("t1")
    work = await cell.hand_in("t1", {"b.txt": "x\n"})
    cell.opened.opened()["p1"].scratch("landing-t1", work.head)
    assert "landing-t1" in cell.worktrees()
    await cell.restart()
    await cell.repositories.changes("t1")
    assert "landing-t1" not in cell.worktrees() and set(cell.opened.opened()["p1"].branches()) == {"t1"}


async def test_an_archived_projects_worktrees_go_when_it_is_looked_at_next(cell: Site) -> None:
    await cell.project(lands=False)
    await cell.submit("t1")
    await cell.hand_in("t1", {"b.txt": "x\n"})
    await cell.append(project_stream("p1"), ProjectArchived(project_id="p1"))
    await cell.restart()
    await until_worktrees(cell, set())


def test_a_worktrees_name_says_task_and_attempt() -> None:
    for task_id, attempt in (("task-1", 1), ("task-1", 2), ("t_a", 11)):
        assert task_of(worktree_name(task_id, attempt)) == (task_id, attempt)


async def until_worktrees(cell: Site, wanted: set[str]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while cell.worktrees() != wanted:
            await asyncio.sleep(0)
