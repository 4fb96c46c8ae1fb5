"""How a branch becomes part of its target, computed in our own repository: no checkout is touched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from vapora.errors import NothingToLandError, RepositoryError
from vapora.repo import publishing
from vapora.repo.bare import Bare, Base, Person, fetched_ref
from vapora.repo.changes import conflict, merged_tree, try_merge
from vapora.repo.commits import StepCommit

Strategy = Literal["squash", "merge", "rebase"]


@dataclass(frozen=True, slots=True)
class Landing:
    """`oid`: the commit of the target branch that has the work. `already`: it had it before, and nothing was done."""

    oid: str
    branch: str
    already: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """What the target is to be moved to, from `target`. `as_worked_on`: its files are those of the task's branch, so
    that what the checks said of that one holds."""

    name: str
    target: Base
    oid: str
    as_worked_on: bool


def prepare(
    bare: Bare, name: str, head: str, target: Base, strategy: Strategy, message: StepCommit, committer: Person
) -> Prepared | Landing:
    """Raises `MergeConflictError`."""
    done = _landed(bare, name, head, target)
    if done is not None:
        return done
    who = message.variables(committer)
    onto = target.oid or bare.empty_root()
    try:
        new = landed_commit(bare, onto, head, strategy, message.text(), who, committer)
    except NothingToLandError:
        # Somebody did the same there, or landed it by other means.
        return Landing(onto, target.branch, already=True)
    # Written before the target moves: after a crash in between, it is seen that this was done.
    bare.set_ref(landing_head_of(name), head)
    bare.set_ref(onto_of(name), onto)
    bare.set_ref(landing_of(name), new)
    return Prepared(name, target, new, as_worked_on=bare.tree(new) == bare.tree(head))


def publish(bare: Bare, prepared: Prepared) -> Landing:
    target = prepared.target
    publishing.publish(bare, publishing.Move(target.branch, target.oid, prepared.oid, landing_of(prepared.name)))
    bare.set_ref(fetched_ref(target.branch), prepared.oid)
    return Landing(prepared.oid, target.branch)


def _landed(bare: Bare, name: str, head: str, target: Base) -> Landing | None:
    new = bare.resolve(landing_of(name))
    if new is None or target.oid is None or bare.resolve(landing_head_of(name)) != head:
        return None
    return Landing(new, target.branch, already=True) if bare.descends(target.oid, new) else None


def landing_of(name: str) -> str:
    """The ref of the commit that the target is, or was to be, moved to."""
    return f"refs/vapora/landing/{name}"


def onto_of(name: str) -> str:
    """The ref of the commit that the target was at before."""
    return f"refs/vapora/landing-onto/{name}"


def landing_head_of(name: str) -> str:
    """The ref of the commit of the branch that landed."""
    return f"refs/vapora/landing-head/{name}"


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
