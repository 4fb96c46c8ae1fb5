"""Taking back what landings brought to a target, computed in our own repository: no checkout is touched.

One landing is taken back as a whole, whichever way it landed: the change from the commit that the target was at before
to the one that it was moved to, the other way round. That is what `git revert` makes of a squashed commit, `git revert
-m 1` of a merge, and of all commits of a rebase together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cmp_to_key

from vapora.errors import MergeConflictError, NothingToLandError, RepositoryError
from vapora.repo.bare import Bare, Base, Person, base_ref, branch_ref
from vapora.repo.changes import try_merge
from vapora.repo.commits import StepCommit
from vapora.repo.landing import landing_head_of, landing_of, onto_of
from vapora.repo.words import listed, shown


@dataclass(frozen=True, slots=True)
class Brought:
    """What the landing of the branch `name` did to the target: moved it from `onto` to `oid`."""

    name: str
    onto: str
    oid: str


def brought(bare: Bare, name: str, target: Base) -> Brought | None:
    """None: nothing that VAPORA landed of this branch is part of the target. What a landing began from is noted when it
    is made; of one by a version that did not note it, it is read from the history. Raises `RepositoryError` where that
    could mean several things."""
    oid = bare.resolve(landing_of(name))
    if oid is None or target.oid is None or not bare.descends(target.oid, oid):
        return None
    onto = bare.resolve(onto_of(name)) or _read_from_history(bare, name, oid)
    if onto is None or not bare.descends(oid, onto):
        raise RepositoryError(
            f"It is not known which commits {oid[:12]} brought: an earlier version landed it, and its history does not "
            "tell.",
            remedy=f"Take it back by hand: look at 'git log {oid[:12]}', and 'git revert' what it brought.",
        )
    return Brought(name, onto, oid)


def _read_from_history(bare: Bare, name: str, oid: str) -> str | None:
    """What the target was at before the landing `oid`; None where that is not certain.

    A merge has the branch's head as its second parent. A rebase has every commit of the branch in order, by its whole
    message, which names the run and the step; a squash is one commit with a message that is not the head's.
    """
    head, base = bare.resolve(landing_head_of(name)), bare.resolve(base_ref(name))
    parents = bare.run("rev-parse", f"{oid}^@").text.split()
    if head is None or base is None or not parents:
        return None
    if len(parents) > 1:
        return parents[0] if parents[1:] == [head] else None
    if _message(bare, oid) != _message(bare, head):
        return parents[0]
    worked = bare.run("rev-list", "--topo-order", f"{base}..{head}").text.split()
    landed = bare.run("rev-list", "--first-parent", f"--max-count={len(worked) + 1}", oid).text.split()
    *brought_, before = landed
    is_rebase = len(brought_) == len(worked) and all(
        _message(bare, one) == _message(bare, other) for one, other in zip(brought_, worked, strict=True)
    )
    return before if is_rebase else None


def _message(bare: Bare, commit: str) -> bytes:
    return bare.run("log", "-1", "--format=%B", commit).out.rstrip()


def command(bare: Bare, one: Brought) -> str:
    """What a person would type to do the same."""
    first, *others = bare.run("rev-parse", f"{one.oid}^@").text.split()
    if first == one.onto:
        return f"git revert {'-m 1 ' if others else ''}{one.oid[:12]}"
    return f"git revert {one.onto[:12]}..{one.oid[:12]}"


def revert(
    bare: Bare,
    name: str,
    landings: Sequence[Brought],
    target: Base,
    message: Callable[[Brought], StepCommit],
    committer: Person,
) -> str:
    """Makes the branch `name` on the target with a commit for each of the landings, the newest first: its head, which
    is the target itself where nothing of them is left.

    Raises `MergeConflictError`, after which the branch is as it was.
    """
    if target.oid is None:
        raise NothingToLandError(f"{target.branch} has no commit.", remedy="There is nothing to do.")
    at = target.oid

    def age(one: Brought, other: Brought) -> int:
        return -1 if bare.descends(one.oid, other.oid) else 1

    for one in sorted(landings, key=cmp_to_key(age)):
        said = message(one)
        who = said.variables(committer)
        # A merge whose common ancestor is what landed. git 2.39 takes no ancestor, so both sides are given that parent.
        ours = bare.make_commit(bare.tree(at), (one.oid,), "graft", who)
        theirs = bare.make_commit(bare.tree(one.onto), (one.oid,), "graft", who)
        tree, conflicts = try_merge(bare, ours, theirs)
        if conflicts:
            raise MergeConflictError(
                f"What landed as {one.oid[:12]} was changed since in {listed(conflicts)}.",
                remedy=f"Take it back by hand: '{command(bare, one)}'.",
                paths=tuple(shown(path) for path in conflicts),
            )
        if tree != bare.tree(at):
            at = bare.make_commit(tree, (at,), said.text(), who)
    refs = {branch_ref(name): at, base_ref(name): target.oid}
    bare.update({ref: (oid, bare.resolve(ref)) for ref, oid in refs.items()}, "revert")
    return at
