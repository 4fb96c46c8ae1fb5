"""How a branch becomes part of its target, computed in our own repository: no checkout is touched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from vapora.errors import NothingToLandError, RepositoryError
from vapora.repo.bare import Bare, Person
from vapora.repo.changes import conflict, merged_tree, try_merge

Strategy = Literal["squash", "merge", "rebase"]


def landed_commit(
    bare: Bare, target: str, head: str, strategy: Strategy, message: str, who: Mapping[str, str], committer: Person
) -> str:
    """The commit that the target branch is to be moved to; it descends from `target`.

    `who`: author, committer and dates of the new commit, as git's environment has them; a rebase keeps each commit's
    own author, date and message. Raises `MergeConflictError` and `NothingToLandError`.
    """
    if strategy == "rebase":
        return _rebased(bare, target, head, committer)
    tree = merged_tree(bare, target, head)
    if tree == bare.tree(target):
        raise _nothing()
    parents = (target,) if strategy == "squash" else (target, head)
    return bare.make_commit(tree, parents, message, who)


def _rebased(bare: Bare, target: str, head: str, committer: Person) -> str:
    if bare.run("rev-list", "--merges", "--max-count=1", f"{target}..{head}").out:
        raise RepositoryError(
            "The branch holds a merge, as after a conflict was resolved, and cannot be rebased.",
            remedy="Land it as squash or merge.",
        )
    onto = target
    for commit in bare.run("rev-list", "--reverse", "--topo-order", f"{target}..{head}").text.split():
        onto = _picked(bare, commit, onto, committer)
    if onto == target:
        raise _nothing()
    return onto


def _picked(bare: Bare, commit: str, onto: str, committer: Person) -> str:
    """`commit` done once more on `onto`; `onto` itself where it has that change already."""
    variables = _who(bare, commit) | committer.variables("COMMITTER")
    # A merge whose common ancestor is the commit's parent. git 2.39 takes no ancestor, so `onto` is given that parent.
    grafted = bare.make_commit(bare.tree(onto), (f"{commit}^",), "graft", variables)
    tree, conflicts = try_merge(bare, grafted, commit)
    if conflicts:
        raise conflict(conflicts)
    if tree == bare.tree(onto):
        return onto
    message = bare.run("log", "-1", "--format=%B", commit).out.decode("utf-8", "replace")
    return bare.make_commit(tree, (onto,), message.rstrip("\n") + "\n", variables)


def _who(bare: Bare, commit: str) -> dict[str, str]:
    told = bare.run("log", "-1", "--no-show-signature", "--format=%an%x00%ae%x00%aI%x00%cI", commit).text
    name, email, authored, committed = told.split("\0")
    dates = {"GIT_AUTHOR_DATE": authored, "GIT_COMMITTER_DATE": committed}
    return Person(name, email).variables("AUTHOR") | dates


def _nothing() -> NothingToLandError:
    return NothingToLandError("The target branch has all of it already.", remedy="There is nothing to do.")
