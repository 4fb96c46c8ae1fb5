"""How work reaches the person's repository, and what must survive it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.repo.site import TheirRepository, opened, step
from vapora.errors import (
    MergeConflictError,
    NothingToLandError,
    PushRefusedError,
    RepositoryError,
    TargetDirtyError,
    TargetMovedError,
)
from vapora.repo.landing import Prepared, Strategy
from vapora.repo.owner import Repository


def worked(ours: Repository, name: str, **files: str) -> str:
    """The head of a task that wrote these files, one commit each; `__` in a name is a slash, `_` a dot."""
    tree = ours.start(name)
    for key, text in files.items():
        place = tree.path / key.replace("__", "/").replace("_", ".")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        head = ours.commit(name, step(f"Write {key}"))
    return head


@pytest.mark.parametrize(("strategy", "commits", "parents"), [("squash", 1, 1), ("merge", 3, 2), ("rebase", 2, 1)])
def test_each_strategy_brings_the_files_onto_the_newest_target(
    strategy: Strategy, commits: int, parents: int, ours: Repository, theirs: TheirRepository
) -> None:
    worked(ours, "task-1", src__a_py="a = 2\n", new_txt="x\n")
    before = theirs.commit({"src/b.py": "b = 2\n"})
    landing = ours.land("task-1", step("Land it"), strategy=strategy)
    assert (landing.oid, landing.branch, landing.already) == (theirs.head("main"), "main", False)
    assert theirs.show("src/a.py") + theirs.show("src/b.py") + theirs.show("new.txt") == "a = 2b = 2x"
    assert theirs.git("rev-list", "--count", f"{before}..main") == str(commits)
    assert len(theirs.git("log", "-1", "--format=%P").split()) == parents
    assert theirs.git("log", "-1", "--format=%(trailers:key=Vapora-Task,valueonly)").strip() == "task-1"
    assert theirs.git("status", "--porcelain") == ""


def test_a_rebase_keeps_each_commits_author_and_message(ours: Repository, theirs: TheirRepository) -> None:
    worked(ours, "task-1", a_txt="x\n", b_txt="x\n")
    theirs.commit({"c.txt": "x"})
    ours.land("task-1", step(), strategy="rebase")
    told = theirs.git("log", "-2", "--format=%s|%an|%cn").splitlines()
    assert told == ["Write b_txt|developer (VAPORA)|VAPORA", "Write a_txt|developer (VAPORA)|VAPORA"]


def test_unrelated_changes_of_theirs_survive_byte_for_byte(ours: Repository, theirs: TheirRepository) -> None:
    worked(ours, "task-1", src__a_py="a = 2\n")
    theirs.write({"src/b.py": "mine, not committed\r\n", "README.md": "staged\n", "untracked": "mine\n"})
    theirs.git("add", "README.md")
    status = theirs.git("status", "--porcelain")
    ours.land("task-1", step())
    assert theirs.git("status", "--porcelain") == status
    assert (theirs.path / "src/b.py").read_bytes() == b"mine, not committed\r\n"
    assert theirs.git("show", ":README.md") == "staged"
    assert (theirs.path / "src/a.py").read_text() == "a = 2\n"


@pytest.mark.parametrize("how", ["changed", "staged", "untracked"])
def test_a_change_of_theirs_in_the_way_is_named_and_nothing_moves(
    how: str, ours: Repository, theirs: TheirRepository
) -> None:
    worked(ours, "task-1", src__a_py="a = 2\n", new_txt="x\n")
    path = "new.txt" if how == "untracked" else "src/a.py"
    theirs.write({path: "mine\n"})
    if how == "staged":
        theirs.git("add", path)
    before = theirs.snapshot()
    with pytest.raises(TargetDirtyError) as dirty:
        ours.land("task-1", step())
    assert theirs.snapshot() == before
    assert how == "staged" or dirty.value.paths == (path,)
    theirs.git("reset", "--quiet", "--hard")
    theirs.git("clean", "-fdq")
    assert ours.land("task-1", step()).oid == theirs.head("main")


def test_a_branch_that_nobody_has_checked_out_moves_alone(ours: Repository, theirs: TheirRepository) -> None:
    worked(ours, "task-1", src__a_py="a = 2\n")
    theirs.git("checkout", "--quiet", "-b", "own-work")
    theirs.write({"src/a.py": "mine\n"})
    landing = ours.land("task-1", step(), branch="main")
    assert theirs.head("main") == landing.oid
    assert theirs.head() != landing.oid
    assert theirs.git("status", "--porcelain").strip() == "M src/a.py"


def test_a_target_in_another_worktree_of_theirs_moves_with_its_files(
    ours: Repository, theirs: TheirRepository, tmp_path: Path
) -> None:
    worked(ours, "task-1", src__a_py="a = 2\n")
    theirs.git("checkout", "--quiet", "-b", "own-work")
    theirs.git("worktree", "add", "--quiet", str(tmp_path / "elsewhere"), "main")
    ours.land("task-1", step(), branch="main")
    assert (tmp_path / "elsewhere/src/a.py").read_text() == "a = 2\n"
    assert theirs.git("-C", str(tmp_path / "elsewhere"), "status", "--porcelain") == ""


def test_while_they_rebase_the_target_nothing_lands(ours: Repository, theirs: TheirRepository) -> None:
    worked(ours, "task-1", new_txt="x\n")
    theirs.git("checkout", "--quiet", "-b", "side")
    theirs.commit({"src/a.py": "side\n"})
    theirs.git("checkout", "--quiet", "main")
    theirs.commit({"src/a.py": "main\n"})
    theirs.git("rebase", "side", ok=False)
    before = theirs.snapshot()
    with pytest.raises(TargetDirtyError, match="rebased"):
        ours.land("task-1", step(), branch="main")
    assert theirs.snapshot() == before


def test_a_conflict_names_the_paths_and_changes_nothing(ours: Repository, theirs: TheirRepository) -> None:
    worked(ours, "task-1", src__a_py="a = 2\n", new_txt="x\n")
    theirs.commit({"src/a.py": "a = 3\n"})
    before = theirs.snapshot()
    for strategy in ("squash", "merge", "rebase"):
        with pytest.raises(MergeConflictError) as conflict:
            ours.land("task-1", step(), strategy=strategy)
        assert conflict.value.paths == ("src/a.py",)
    assert ours.conflicts("task-1") == ("src/a.py",)
    assert theirs.snapshot() == before


def test_a_conflict_goes_back_to_the_worktree_and_lands_once_resolved(
    ours: Repository, theirs: TheirRepository
) -> None:
    worked(ours, "task-1", src__a_py="a = 2\n")
    newest = theirs.commit({"src/a.py": "a = 3\n", "other.txt": "x\n"})
    head, conflicts = ours.bring_up("task-1", step("Merge main"))
    tree = ours.trees.get("task-1")
    assert (conflicts, tree.head, tree.base) == (("src/a.py",), head, newest)
    assert "<<<<<<< vapora/task-1\na = 2\n=======\na = 3\n>>>>>>> origin/main\n" in (tree.path / "src/a.py").read_text()
    with pytest.raises(MergeConflictError, match=r"src/a\.py"):
        ours.land("task-1", step())
    (tree.path / "src/a.py").write_text("a = 5\n")
    ours.commit("task-1", step("Resolve"))
    assert [one.path for one in ours.changes("task-1").files] == ["src/a.py"]
    with pytest.raises(RepositoryError, match="rebased"):
        ours.land("task-1", step(), strategy="rebase")
    ours.land("task-1", step(), strategy="merge")
    assert theirs.show("src/a.py") == "a = 5"
    assert ours.bring_up("task-1", step())[1] == ()


def test_landing_again_after_a_crash_finds_that_it_was_done(ours: Repository, theirs: TheirRepository) -> None:
    worked(ours, "task-1", src__a_py="a = 2\n")
    first = ours.land("task-1", step())
    theirs.commit({"later.txt": "x"})
    again = ours.land("task-1", step())
    assert (again.oid, again.already) == (first.oid, True)
    assert theirs.git("rev-list", "--count", "main") == "3"


def test_more_work_after_landing_lands_too(ours: Repository, theirs: TheirRepository) -> None:
    worked(ours, "task-1", src__a_py="a = 2\n")
    ours.land("task-1", step())
    worked(ours, "task-1", src__b_py="b = 2\n")
    assert not ours.land("task-1", step()).already
    assert theirs.show("src/b.py") == "b = 2"


def test_what_was_not_approved_does_not_land(ours: Repository, theirs: TheirRepository) -> None:
    approved = worked(ours, "task-1", src__a_py="a = 2\n")
    worked(ours, "task-1", src__b_py="b = 2\n")
    with pytest.raises(TargetMovedError):
        ours.land("task-1", step(), head=approved)
    assert theirs.git("rev-list", "--count", "main") == "1"


def test_nothing_lands_where_nothing_changed(ours: Repository, theirs: TheirRepository) -> None:
    ours.start("task-1")
    with pytest.raises(NothingToLandError):
        ours.land("task-1", step())


def test_what_the_target_has_already_by_other_means_counts_as_landed(ours: Repository, theirs: TheirRepository) -> None:
    worked(ours, "task-2", src__a_py="a = 2\n")
    head = theirs.commit({"src/a.py": "a = 2\n"})
    landing = ours.land("task-2", step())
    assert (landing.oid, landing.already) == (theirs.git("rev-parse", "main"), True)
    assert head is None or theirs.git("rev-parse", "main") == head


def test_a_repository_without_a_commit_gets_its_first(tmp_path: Path) -> None:
    theirs = TheirRepository(tmp_path / "empty")
    theirs.write({"untracked.txt": "mine\n"})
    ours = opened(tmp_path / "data", theirs.path, tmp_path)
    worked(ours, "task-1", a_txt="x\n")
    worked(ours, "task-2", b_txt="x\n")
    with pytest.raises(RepositoryError):
        ours.start("task-3", "elsewhere")
    ours.land("task-1", step())
    assert theirs.git("status", "--porcelain") == "?? untracked.txt"
    ours.land("task-2", step())
    assert (theirs.path / "a.txt").exists() and (theirs.path / "b.txt").exists()
    assert theirs.git("symbolic-ref", "HEAD") == "refs/heads/main"
    ours.close()


def test_a_bare_repository_is_a_target_like_any_other(theirs: TheirRepository, tmp_path: Path) -> None:
    theirs.git("clone", "--quiet", "--bare", ".", str(tmp_path / "bare.git"))
    for name, where in (("path", str(tmp_path / "bare.git")), ("url", (tmp_path / "bare.git").as_uri())):
        ours = opened(tmp_path / name, where, tmp_path)
        worked(ours, "task-1", **{f"{name}_txt": "x\n"})
        landing = ours.land("task-1", step())
        assert theirs.git("-C", str(tmp_path / "bare.git"), "rev-parse", "main") == landing.oid
        ours.close()


def test_a_push_that_the_remote_refuses_comes_back_with_its_words(theirs: TheirRepository, tmp_path: Path) -> None:
    ours = opened(tmp_path / "data", theirs.path.as_uri(), tmp_path)
    worked(ours, "task-1", a_txt="x\n")
    before = theirs.snapshot()
    with pytest.raises(PushRefusedError, match="checked out"):
        ours.land("task-1", step())
    assert theirs.snapshot() == before
    assert ours.push("task-1") == theirs.head("vapora/task-1")
    ours.close()


def test_the_branch_alone_is_pushed_and_moves_with_the_work(ours: Repository, theirs: TheirRepository) -> None:
    for text in ("1\n", "2\n"):
        head = worked(ours, "task-1", a_txt=text)
        assert ours.push("task-1") == ours.push("task-1") == head == theirs.head("vapora/task-1")
    theirs.git("branch", "--force", "vapora/task-1", "main")
    worked(ours, "task-1", a_txt="3\n")
    with pytest.raises(TargetMovedError):
        ours.push("task-1")


def test_a_target_that_moves_between_fetch_and_push_is_not_overwritten(theirs: TheirRepository, tmp_path: Path) -> None:
    """The remote moves in its own hook, after the landing was computed: the worst moment."""
    theirs.git("clone", "--quiet", "--bare", ".", str(tmp_path / "bare.git"))
    other = theirs.git("commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "meanwhile")
    theirs.git("push", "--quiet", str(tmp_path / "bare.git"), f"{other}:refs/heads/side")
    hook = tmp_path / "bare.git/hooks/pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nunset GIT_QUARANTINE_PATH\ngit update-ref refs/heads/main refs/heads/side\n")
    hook.chmod(0o755)
    ours = opened(tmp_path / "data", (tmp_path / "bare.git").as_uri(), tmp_path)
    worked(ours, "task-1", a_txt="x\n")
    with pytest.raises((TargetMovedError, PushRefusedError)):
        ours.land("task-1", step())
    assert theirs.git("-C", str(tmp_path / "bare.git"), "rev-parse", "main") == other
    ours.close()


def test_a_landing_that_was_cut_off_before_the_branch_moved_is_done_anew(
    ours: Repository, theirs: TheirRepository, tmp_path: Path
) -> None:
    worked(ours, "task-1", src__a_py="a = 2\n")
    assert isinstance(ours.prepare_landing("task-1", step()), Prepared)
    ours.close()
    again = opened(tmp_path / "data", theirs.path, tmp_path)
    theirs.commit({"src/b.py": "b = 2\n"})
    landing = again.land("task-1", step())
    again.close()
    assert (landing.already, theirs.git("rev-list", "--count", "main")) == (False, "3")
    assert (theirs.show("src/a.py"), theirs.show("src/b.py")) == ("a = 2", "b = 2")
