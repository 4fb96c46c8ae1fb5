"""What an agent's commands may leave in a worktree, and what git on our side must not do with it.

Each payload makes a file; a guard that is taken away makes it appear.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.repo.site import TheirRepository, opened, step
from vapora.errors import NothingToLandError, UncommittableError
from vapora.repo.owner import Repository
from vapora.repo.worktrees import Worktree


class Trap:
    """A program that shows that it was run. It fails as well, so that git goes on in its own way."""

    def __init__(self, folder: Path) -> None:
        self.program = folder / "trap"
        self.sprung = folder / "sprung"
        self.program.write_text(f"#!/bin/sh\ntouch {self.sprung}\nexit 1\n")
        self.program.chmod(0o755)


@pytest.fixture
def trap(tmp_path: Path) -> Trap:
    return Trap(tmp_path)


def everything(ours: Repository, tree: Worktree) -> None:
    """Each kind of call that we make on a worktree."""
    ours.changed_paths(tree.name)
    (tree.path / "work.txt").write_text("x\n")
    try:
        ours.commit(tree.name, step())
    except UncommittableError:
        return
    ours.changes(tree.name)
    ours.conflicts(tree.name)
    ours.restore(tree.name, ["work.txt"])
    ours.set_back(tree.name, tree.head)
    ours.start("another")


def evil(folder: Path, trap: Trap) -> Path:
    """A git repository whose configuration runs the trap."""
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    hooks = folder / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("post-checkout", "pre-commit", "reference-transaction", "post-index-change"):
        (hooks / name).symlink_to(trap.program)
    with (folder / ".git" / "config").open("a") as config:
        config.write(
            f"[core]\n fsmonitor = {trap.program}\n pager = {trap.program}\n[diff]\n external = {trap.program}\n"
        )
        config.write(f'[filter "x"]\n clean = {trap.program}\n smudge = {trap.program}\n')
    return folder / ".git"


def test_the_trap_springs_where_git_is_left_to_itself(ours: Repository, trap: Trap, tmp_path: Path) -> None:
    """Else the tests below would show nothing."""
    tree = ours.start("task-1")
    (tree.path / ".git").write_text(f"gitdir: {evil(tmp_path / 'evil', trap)}\n")
    subprocess.run(["git", "status"], cwd=tree.path, check=False, capture_output=True)
    assert trap.sprung.exists()


def test_a_rewritten_git_file_is_not_followed(ours: Repository, trap: Trap, tmp_path: Path) -> None:
    tree = ours.start("task-1")
    (tree.path / ".git").write_text(f"gitdir: {evil(tmp_path / 'evil', trap)}\n")
    everything(ours, tree)
    assert not trap.sprung.exists()


def test_a_git_folder_in_place_of_the_file_is_not_entered(ours: Repository, trap: Trap) -> None:
    tree = ours.start("task-1")
    (tree.path / ".git").unlink()
    evil(tree.path, trap)
    everything(ours, tree)
    assert not trap.sprung.exists()


def test_a_repository_inside_runs_nothing_and_is_refused(ours: Repository, trap: Trap) -> None:
    tree = ours.start("task-1")
    inside = tree.path / "inside"
    evil(inside, trap)
    (inside / "file").write_text("x")
    identity = ("-c", "user.name=x", "-c", "user.email=x@x", "-c", "core.fsmonitor=", "-c", "core.hooksPath=/dev/null")
    for command in (["add", "file"], ["commit", "--quiet", "-m", "x"]):
        subprocess.run(["git", *identity, *command], cwd=inside, check=True)
    (inside / "file").write_text("changed")
    trap.sprung.unlink(missing_ok=True)
    everything(ours, tree)
    assert not trap.sprung.exists()
    with pytest.raises(UncommittableError, match="inside"):
        ours.commit("task-1", step())
    ours.set_back("task-1", tree.head)
    assert not inside.exists()


def test_a_submodule_with_a_configuration_of_its_own_runs_nothing(
    theirs: TheirRepository, trap: Trap, tmp_path: Path
) -> None:
    other = TheirRepository(tmp_path / "other")
    commit = other.commit({"file": "x"})
    theirs.write({".gitmodules": f'[submodule "lib"]\n path = lib\n url = {other.path}\n'})
    theirs.git("add", ".gitmodules")
    theirs.git("update-index", "--add", "--cacheinfo", f"160000,{commit},lib")
    theirs.git("commit", "--quiet", "-m", "Use lib")
    ours = opened(tmp_path / "data", theirs.path, tmp_path)
    tree = ours.start("task-1")
    subprocess.run(["git", "clone", "--quiet", other.path, tree.path / "lib"], check=True)
    evil(tree.path / "lib", trap)
    (tree.path / "lib/file").write_text("changed")
    trap.sprung.unlink(missing_ok=True)
    everything(ours, tree)
    assert not trap.sprung.exists()
    assert ours.bare.run("ls-tree", ours.trees.get("task-1").head, "lib").text.startswith("160000")
    ours.close()


def test_attributes_alone_run_nothing(ours: Repository, trap: Trap) -> None:
    tree = ours.start("task-1")
    (tree.path / ".gitattributes").write_text("* filter=x diff=x merge=x\n")
    (tree.path / ".gitconfig").write_text(f'[filter "x"]\n clean = {trap.program}\n')
    everything(ours, tree)
    assert not trap.sprung.exists()


def test_hooks_and_settings_of_their_repository_do_not_run(theirs: TheirRepository, trap: Trap, tmp_path: Path) -> None:
    evil(theirs.path, trap)
    (theirs.path / ".git/hooks/post-merge").symlink_to(trap.program)
    ours = opened(tmp_path / "data", theirs.path, tmp_path)
    tree = ours.start("task-1")
    everything(ours, tree)
    (tree.path / "a").write_text("x")
    ours.commit("task-1", step())
    ours.land("task-1", step())
    assert not trap.sprung.exists()
    with pytest.raises(NothingToLandError):
        ours.land("another", step())
    ours.close()


def test_symlinks_are_committed_as_links_and_not_followed(ours: Repository, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret\n")
    tree = ours.start("task-1")
    (tree.path / "link").symlink_to(secret)
    (tree.path / "folder").symlink_to(tmp_path)
    ours.commit("task-1", step())
    assert "+secret" not in ours.changes("task-1").patch
    assert ours.file("task-1", "link")[1] == str(secret).encode()
    ours.set_back("task-1", tree.head)
    assert secret.read_text() == "secret\n"


def test_a_folder_swapped_for_a_link_keeps_our_deletions_inside(ours: Repository, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.py").write_text("theirs")
    tree = ours.start("task-1")
    (tree.path / "src").rename(tree.path / "moved")
    (tree.path / "src").symlink_to(outside)
    ours.set_back("task-1", tree.head)
    assert (outside / "a.py").read_text() == "theirs"
    assert (tree.path / "src/a.py").read_text() == "a = 1\n"
    (tree.path / "out").symlink_to(outside)
    ours.remove("task-1")
    ours.empty_trash()
    assert (outside / "a.py").read_text() == "theirs"
