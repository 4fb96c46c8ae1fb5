"""What landed is taken back: exactly that, however it landed, and nothing of what others did since."""

from __future__ import annotations

import pytest

from tests.repo.site import TheirRepository, step
from tests.repo.test_landing import worked
from vapora.errors import MergeConflictError, RepositoryError
from vapora.repo import reverting
from vapora.repo.commits import StepCommit
from vapora.repo.landing import Strategy
from vapora.repo.owner import Repository
from vapora.repo.reverting import Brought


def message(one: Brought) -> StepCommit:
    return step(f"Revert {one.oid[:12]}")


@pytest.mark.parametrize(
    ("strategy", "command"), [("squash", "git revert {oid}"), ("merge", "git revert -m 1 {oid}"), ("rebase", "")]
)
def test_all_that_a_landing_brought_is_taken_back_and_nothing_else(
    strategy: Strategy, command: str, ours: Repository, theirs: TheirRepository
) -> None:
    worked(ours, "task-1", src__a_py="a = 2\n", new_txt="x\n")
    before = theirs.commit({"src/b.py": "b = 2\n"})
    oid = ours.land("task-1", step("Land it"), strategy=strategy).oid
    since = theirs.commit({"later.txt": "theirs\n"})
    target, landings = ours.brought(["task-1", "task-never-landed"])
    assert landings == (Brought("task-1", before, oid),)
    # What a person would be told to type does the same.
    expected = command.format(oid=oid[:12]) or f"git revert {before[:12]}..{oid[:12]}"
    assert reverting.command(ours.bare, landings[0]) == expected
    theirs.git(*expected.split()[1:], "--no-edit")
    by_hand = theirs.git("rev-parse", "HEAD^{tree}")
    theirs.git("reset", "--quiet", "--hard", since)
    head = ours.revert("undo-1", landings, target, message)
    assert ours.bare.tree(head) == by_hand
    # Once more, as after a crash: the same commit.
    assert ours.revert("undo-1", landings, target, message) == head
    ours.land("undo-1", step("Take it back"), head=head)
    assert theirs.git("diff", "--name-status", since, "main").split() == ["D", "new.txt", "M", "src/a.py"]
    assert theirs.git("diff", "--name-only", before, "main") == "later.txt"


def test_several_are_taken_back_the_newest_first(ours: Repository, theirs: TheirRepository) -> None:
    before = theirs.head("main")
    for name, text in (("task-1", "one\n"), ("task-2", "two\n")):
        worked(ours, name, all_txt=text)
        ours.land(name, step(name))
    target, landings = ours.brought(["task-1", "task-2"])
    head = ours.revert("undo-1", landings, target, message)
    assert ours.bare.tree(head) == ours.bare.tree(before)
    assert len(ours.commits("undo-1")) == 2


def test_a_conflict_changes_nothing_and_says_what_to_type(ours: Repository, theirs: TheirRepository) -> None:
    worked(ours, "task-1", all_txt="one\n")
    oid = ours.land("task-1", step()).oid
    theirs.commit({"all.txt": "changed since\n"})
    target, landings = ours.brought(["task-1"])
    with pytest.raises(MergeConflictError, match=r"all\.txt") as error:
        ours.revert("undo-1", landings, target, message)
    assert f"git revert {oid[:12]}" in str(error.value.remedy)
    assert "undo-1" not in ours.branches()


def test_what_others_landed_or_took_back_is_nobodys_to_revert(ours: Repository, theirs: TheirRepository) -> None:
    worked(ours, "task-1", all_txt="one\n")
    theirs.commit({"all.txt": "one\n"})  # the same, by other means
    assert ours.land("task-1", step()).already
    assert ours.brought(["task-1"])[1] == ()
    worked(ours, "task-2", other_txt="two\n")
    ours.land("task-2", step())
    target, landings = ours.brought(["task-2"])
    theirs.git("revert", "--no-edit", "HEAD")
    target, landings = ours.brought(["task-2"])
    assert ours.revert("undo-2", landings, target, message) == target.oid


@pytest.mark.parametrize("files", [{"all_txt": "one\n"}, {"all_txt": "one\n", "new_txt": "x\n"}])
@pytest.mark.parametrize("strategy", ["squash", "merge", "rebase"])
def test_a_landing_of_an_earlier_version_is_read_from_the_history(
    strategy: Strategy, files: dict[str, str], ours: Repository, theirs: TheirRepository
) -> None:
    worked(ours, "task-1", **files)
    before = theirs.commit({"src/b.py": "b = 2\n"})
    oid = ours.land("task-1", step("Land it"), strategy=strategy).oid
    theirs.commit({"later.txt": "theirs\n"})
    ours.bare.run("update-ref", "-d", "refs/vapora/landing-onto/task-1")
    assert ours.brought(["task-1"])[1] == (Brought("task-1", before, oid),)


def test_a_landing_whose_history_could_mean_several_things_is_left_to_a_person(ours: Repository) -> None:
    worked(ours, "task-1", all_txt="one\n", new_txt="x\n")
    # One commit with the message of the last of two: a squash, or a rebase of which somebody took the rest away.
    ours.land("task-1", step("Write new_txt"))
    ours.bare.run("update-ref", "-d", "refs/vapora/landing-onto/task-1")
    with pytest.raises(RepositoryError, match="earlier version"):
        ours.brought(["task-1"])
