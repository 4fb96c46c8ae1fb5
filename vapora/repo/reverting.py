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
from vapora.repo.landing import landing_of, onto_of
from vapora.repo.words import listed, shown


@dataclass(frozen=True, slots=True)
class Brought:
    """What the landing of the branch `name` did to the target: moved it from `onto` to `oid`."""

    name: str
    onto: str
    oid: str


def brought(bare: Bare, name: str, target: Base) -> Brought | None:
    """None: nothing that VAPORA landed of this branch is part of the target. Raises `RepositoryError` where it is not
    known what the landing began from, as of one by a version that did not note it."""
    oid = bare.resolve(landing_of(name))
    if oid is None or target.oid is None or not bare.descends(target.oid, oid):
        return None
    onto = bare.resolve(onto_of(name))
    if onto is None or not bare.descends(oid, onto):
        raise RepositoryError(
            f"It is not known which commits {oid[:12]} brought: an earlier version landed it.",
            remedy=f"Take it back by hand: look at 'git log {oid[:12]}', and 'git revert' what it brought.",
        )
    return Brought(name, onto, oid)


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
