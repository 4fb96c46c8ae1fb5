"""From the person's repository to a worktree, commits, and what they show."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.repo.site import AT, DEVELOPER, VAPORA, TheirRepository, environ, opened, step
from vapora.errors import (
    BadInputError,
    GitFailedError,
    NotARepositoryError,
    NotFoundError,
    NoWorktreeError,
    RepositoryBusyError,
    SourceRefusedError,
    UncommittableError,
    UnknownBranchError,
)
from vapora.repo.commits import StepCommit
from vapora.repo.owner import Repository


def test_a_worktree_is_the_base_branchs_newest_commit_on_a_branch_of_the_task(
    ours: Repository, theirs: TheirRepository
) -> None:
    newer = theirs.commit({"src/a.py": "a = 2\n"})
    tree = ours.start("task-1")
    assert (tree.branch, tree.base, tree.head) == ("vapora/task-1", newer, newer)
    assert (tree.path / "src/a.py").read_text() == "a = 2\n"
    assert ours.changed_paths("task-1") == []


def test_nothing_is_written_into_their_repository_before_landing(ours: Repository, theirs: TheirRepository) -> None:
    before = theirs.snapshot()
    tree = ours.start("task-1")
    (tree.path / "new").write_text("x")
    ours.commit("task-1", step())
    assert theirs.snapshot() == before
    assert not list((theirs.path / ".git").glob("worktrees"))


def test_objects_of_a_path_are_shared_with_it(ours: Repository, theirs: TheirRepository) -> None:
    theirs_objects = {path.stat().st_ino for path in (theirs.path / ".git/objects").glob("??/*")}
    ours_objects = {path.stat().st_ino for path in (ours.bare.dir / "objects").glob("??/*")}
    assert theirs_objects
    assert theirs_objects == ours_objects


def test_a_step_is_a_commit_of_the_agent_with_trailers_that_cannot_be_forged(ours: Repository) -> None:
    tree = ours.start("task-1")
    (tree.path / "src/a.py").write_text("a = 3\n")
    message = "Set a\n\nVapora-Task: another\nSigned-off-by: Person <person@example.com>"
    made = ours.commit("task-1", StepCommit(message, DEVELOPER, AT, {"Vapora-Task": "task-1", "Vapora-Run": "run\n1"}))
    [commit] = ours.commits("task-1")
    assert commit.oid == made == ours.trees.get("task-1").head
    assert commit.trailers == (("Vapora-Task", "task-1"), ("Vapora-Run", "run 1"))
    assert (commit.subject, commit.at) == ("Set a", AT)
    who = ours.bare.run("log", "-1", "--format=%an <%ae>, %cn <%ce>, %aI", made).text
    assert who == (
        "developer (VAPORA) <developer@agents.localhost>, VAPORA <vapora@localhost>, 2026-11-27T12:00:00+00:00"
    )


def test_a_step_that_changed_nothing_makes_no_commit(ours: Repository) -> None:
    tree = ours.start("task-1")
    assert ours.commit("task-1", step()) == tree.head


def test_a_step_takes_every_kind_of_change_as_git_add_does(ours: Repository, theirs: TheirRepository) -> None:
    files = {"file": "1", "exec": "1", "gone": "1", "to-link": "1", "to-folder": "1", "folder/x": "1", "eol": "a\nb\n"}
    theirs.commit(files | {".gitattributes": "eol text eol=lf\n"})
    folder = ours.start("task-1").path

    def plain(folder: Path) -> None:
        (folder / "file").write_text("2")
        (folder / "exec").chmod(0o755)
        (folder / "to-link").unlink()
        (folder / "to-link").symlink_to("file")
        (folder / "new dir").mkdir()
        (folder / "new dir" / "-a \n*ö").write_text("new")
        (folder / os.fsdecode(b"\xff")).write_text("no UTF-8")

    def others(folder: Path) -> None:
        (folder / "gone").unlink()
        (folder / "to-folder").unlink()
        (folder / "to-folder").mkdir()
        (folder / "to-folder" / "y").write_text("y")
        (folder / "folder" / "x").unlink()
        (folder / "folder").rmdir()
        (folder / "folder").write_text("a file")

    for change in (plain, others):
        change(folder)
        change(theirs.path)
        theirs.git("add", "--all")
        made = ours.commit("task-1", step())
        assert ours.bare.run("rev-parse", f"{made}^{{tree}}").text == theirs.git("write-tree")
        assert ours.changed_paths("task-1") == []
    # Another form of what is there already is no change.
    (folder / "eol").write_bytes(b"a\r\nb\r\n")
    assert ours.commit("task-1", step()) == made


def test_a_step_goes_on_the_tasks_branch_wherever_its_head_was_left(ours: Repository) -> None:
    tree = ours.start("task-1")
    ours.trees.run("task-1", "update-ref", "--no-deref", "HEAD", tree.head)
    ours.trees.run("task-1", "checkout", "--quiet", "--detach")
    (tree.path / "new").write_text("x")
    made = ours.commit("task-1", step())
    assert ours.branches() == {"task-1": made}
    assert ours.commit("task-1", step()) == made


def test_a_tracked_file_that_became_a_repository_is_refused(ours: Repository) -> None:
    tree = ours.start("task-1")
    place = tree.path / "README.md"
    place.unlink()
    ours.bare.git.run("init", "--quiet", str(place))
    for commit in (False, True):
        if commit:
            who = step().variables(VAPORA)
            ours.bare.git.run("commit", "-q", "--allow-empty", "-m", "x", git_dir=place / ".git", variables=who)
        with pytest.raises(UncommittableError if commit else GitFailedError, match=r"README\.md"):
            ours.commit("task-1", step())
        assert ours.trees.get("task-1").head == tree.head


def test_an_author_cannot_write_another_line_into_the_commit(ours: Repository) -> None:
    tree = ours.start("task-1")
    (tree.path / "a").write_text("x")
    author = type(DEVELOPER)("a\ncommitter Mallory <m@x> 0 +0000", "<>")
    made = ours.commit("task-1", step(author=author))
    assert ours.bare.run("cat-file", "commit", made).text.count("\ncommitter ") == 1


def test_changes_tell_each_file_with_its_lines(ours: Repository, theirs: TheirRepository) -> None:
    theirs.commit({"old.txt": "1\n2\n3\n4\n5\n", "gone.txt": "gone\n", "image": "a"})
    tree = ours.start("task-1")
    (tree.path / "old.txt").rename(tree.path / "new.txt")
    (tree.path / "gone.txt").unlink()
    (tree.path / "image").write_bytes(b"\0\1\2")
    (tree.path / "src/a.py").write_text("a = 2\nb = 3\n")
    (tree.path / "line\nbreak ünï.py").write_text("x\n")
    head = ours.commit("task-1", step())
    changes = ours.changes("task-1")
    assert (changes.base, changes.head, changes.truncated) == (tree.base, head, False)
    told = {(one.path, one.old_path, one.status, one.additions, one.deletions, one.binary) for one in changes.files}
    assert told == {
        ("new.txt", "old.txt", "renamed", 0, 0, False),
        ("gone.txt", None, "deleted", 0, 1, False),
        ("image", None, "modified", 0, 0, True),
        ("src/a.py", None, "modified", 2, 1, False),
        ("line\nbreak ünï.py", None, "added", 1, 0, False),
    }
    assert "+b = 3" in changes.patch
    assert ours.changes("task-1", patch_bytes=40).truncated


def test_a_name_that_is_not_utf_8_is_shown_and_committed(ours: Repository) -> None:
    tree = ours.start("task-1")
    with open(os.fsencode(tree.path) + b"/caf\xe9", "wb") as file:  # noqa: PTH123
        file.write(b"x\n")
    ours.commit("task-1", step())
    [change] = ours.changes("task-1").files
    assert change.path == "caf\\xe9"
    change.path.encode()
    assert ours.file("task-1", "caf\udce9")[1:] == (b"x\n", 2)


def test_one_file_of_the_branch_is_bounded(ours: Repository) -> None:
    ours.start("task-1")
    assert ours.file("task-1", "src/a.py")[1:] == (b"a = 1\n", 6)
    assert ours.file("task-1", "src/a.py", limit=3)[1:] == (b"a =", 6)
    for path in ("missing", "src", "../README.md", "--help"):
        with pytest.raises(NotFoundError):
            ours.file("task-1", path)


def test_setting_back_undoes_commits_and_files_and_loses_neither(ours: Repository) -> None:
    tree = ours.start("task-1")
    (tree.path / ".gitignore").write_text("cache/\n")
    first = ours.commit("task-1", step())
    (tree.path / "src/a.py").write_text("a = 9\n")
    second = ours.commit("task-1", step())
    (tree.path / "src/b.py").unlink()
    (tree.path / "stray/deep").mkdir(parents=True)
    (tree.path / "stray/deep/file").write_text("x")
    (tree.path / "cache").mkdir()
    (tree.path / "cache/kept").write_text("x")
    ours.set_back("task-1", first)
    assert ours.trees.get("task-1").head == first
    assert ours.changed_paths("task-1") == []
    assert (tree.path / "src/a.py").read_text() == "a = 1\n"
    assert not (tree.path / "stray").exists()
    assert (tree.path / "cache/kept").exists()
    assert second in ours.bare.refs("refs/vapora/kept/task-1").values()


def test_setting_back_works_where_the_folder_is_gone_or_closed(ours: Repository) -> None:
    tree = ours.start("task-1")
    (tree.path / "closed/in").mkdir(parents=True)
    (tree.path / "closed/in/file").write_text("x")
    (tree.path / "closed/in").chmod(0o500)
    (tree.path / "closed").chmod(0)
    ours.set_back("task-1", tree.head)
    assert ours.changed_paths("task-1") == []
    assert not (tree.path / "closed").exists()
    ours.trees.discard("task-1")
    ours.set_back("task-1", tree.head)
    assert (tree.path / "src/a.py").exists()
    ours.empty_trash()
    assert not list(ours.trees.trash.iterdir())


def test_a_lock_that_an_ended_git_left_stops_nobody(ours: Repository) -> None:
    tree = ours.start("task-1")
    (tree.path / "a").write_text("x")
    lock = ours.trees.admin("task-1") / "index.lock"
    lock.touch()
    assert ours.commit("task-1", step()) != tree.head
    lock.touch()
    ours.set_back("task-1", tree.head)
    assert ours.changed_paths("task-1") == []


def test_single_paths_are_restored_and_others_stay(ours: Repository) -> None:
    tree = ours.start("task-1")
    (tree.path / "src/a.py").write_text("changed\n")
    (tree.path / "src/b.py").unlink()
    (tree.path / "src/b.py").mkdir()
    (tree.path / "src/b.py/inside").write_text("x")
    (tree.path / "[a]*.py").write_text("x")
    (tree.path / "kept.py").write_text("x")
    paths = ours.changed_paths("task-1")
    assert sorted(paths) == ["[a]*.py", "kept.py", "src/a.py", "src/b.py", "src/b.py/inside"]
    ours.restore("task-1", [path for path in paths if path != "kept.py"])
    assert ours.changed_paths("task-1") == ["kept.py"]
    assert (tree.path / "src/b.py").read_text() == "b = 1\n"


def test_a_start_is_the_same_worktree_again_with_what_is_in_it(ours: Repository, theirs: TheirRepository) -> None:
    tree = ours.start("task-1")
    (tree.path / "work").write_text("x")
    theirs.commit({"src/a.py": "a = 5\n"})
    assert ours.start("task-1") == tree
    assert (tree.path / "work").exists()


def test_attempts_and_twelve_tasks_have_a_worktree_each(ours: Repository) -> None:
    names = [*(f"task-{number}" for number in range(11)), "task-1.2"]
    trees = [ours.start(name) for name in names]
    assert len({tree.path for tree in trees}) == 12
    assert set(ours.branches()) == set(names)
    assert {one.name for one in ours.sizes()} == set(names)
    assert all(one.bytes > 0 for one in ours.sizes())


@pytest.mark.parametrize("name", ["..", "a/b", "", "A", "-x", "a..b", "task.lock", "task-1.x", "a" * 200])
def test_a_name_that_could_lead_elsewhere_is_refused(name: str, ours: Repository) -> None:
    with pytest.raises(BadInputError):
        ours.start(name)


def test_removal_keeps_every_commit(ours: Repository) -> None:
    tree = ours.start("task-1")
    (tree.path / "a").write_text("x")
    head = ours.commit("task-1", step())
    ours.remove("task-1", branch=True)
    assert not tree.path.exists()
    assert ours.branches() == {}
    assert head in ours.bare.refs("refs/vapora/kept/task-1").values()
    ours.remove("task-1", branch=True)
    with pytest.raises(NoWorktreeError):
        ours.changes("task-1")


def test_pruning_takes_folders_and_leaves_branches(ours: Repository) -> None:
    for name in ("task-1", "task-2", "task-3"):
        ours.start(name)
    assert ours.prune({"task-2"}) == ("task-1", "task-3")
    assert [one.name for one in ours.sizes()] == ["task-2"]
    assert set(ours.branches()) == {"task-1", "task-2", "task-3"}
    assert ours.start("task-1").path.exists()


# Bad input: a clear error, and nothing is left.


@pytest.mark.parametrize("branch", ["missing", "main~1", "--help", "", "a..b", "refs/heads/main", "HEAD"])
def test_an_unknown_base_branch_is_named_with_those_that_there_are(branch: str, ours: Repository) -> None:
    with pytest.raises(UnknownBranchError) as unknown:
        ours.start("task-1", branch)
    assert "main" in unknown.value.remedy
    assert ours.branches() == {}


def test_a_detached_head_wants_a_base_branch(theirs: TheirRepository, tmp_path: Path) -> None:
    theirs.git("checkout", "--quiet", "--detach")
    ours = opened(tmp_path / "data", theirs.path, tmp_path)
    with pytest.raises(UnknownBranchError, match="detached"):
        ours.start("task-1")
    assert ours.start("task-1", "main").head == theirs.head()
    ours.close()


def test_a_folder_without_a_repository_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    with pytest.raises(NotARepositoryError):
        opened(tmp_path / "data", tmp_path / "plain", tmp_path)
    assert [one.name for one in (tmp_path / "data").iterdir()] == ["lock"]


def test_another_source_for_the_same_project_is_refused(ours: Repository, tmp_path: Path) -> None:
    ours.close()
    other = TheirRepository(tmp_path / "other")
    other.commit({"a": "x"})
    with pytest.raises(SourceRefusedError):
        opened(tmp_path / "data", other.path, tmp_path)


def test_a_second_owner_is_refused(ours: Repository, tmp_path: Path) -> None:
    with pytest.raises(RepositoryBusyError):
        Repository(tmp_path / "data", ours.bare.source, environ(), VAPORA, patience_s=0)


def test_a_huge_file_is_refused_by_its_size_alone(ours: Repository) -> None:
    tree = ours.start("task-1")
    with (tree.path / "huge").open("wb") as file:
        file.truncate(2 * 1024**3)
    (tree.path / "small").write_text("x")
    with pytest.raises(UncommittableError, match=r"huge \(2,048 MiB\)"):
        ours.commit("task-1", step())
    assert ours.trees.get("task-1").head == tree.base
    (tree.path / "huge").unlink()
    assert ours.commit("task-1", step()) != tree.base
