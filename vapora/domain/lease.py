"""Which of several installations on one database serves a workspace. Pure: who asks says what time it is there.

An installation is alive while it is heard of. Who holds a workspace's lease opens its log; among those alive the newest
generation gets every lease, and among equals whoever has it keeps it. One that is leaving takes none, and gives back
what it has. This keeps installations out of each other's way;
that a log has one writer, whatever happens here, its epoch sees to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

# So long an installation counts as alive after it was heard of last. Its supervisor may be away for longer, if its node
# dies; who takes over meanwhile gives back what belongs to a newer one.
ALIVE = timedelta(seconds=15)
# So long a newer one waits for an older one to close what it holds. One that hangs is not waited for any longer.
GRACE = timedelta(seconds=3)
# So long one that is leaving takes nothing: more than the 90 s that a pod is given to end. Who still lives then was not
# ended, and serves again.
AWAY = timedelta(seconds=120)


@dataclass(frozen=True, slots=True)
class Installation:
    """`since`: when it was first heard of, without a break since; `until`: as long as it counts as alive; `leaving`:
    since when it hands over what it has, None where it does not."""

    name: str
    generation: int
    since: datetime
    until: datetime
    leaving: datetime | None = None


@dataclass(frozen=True, slots=True)
class Lease:
    """Of one workspace. `term` counts how often it was taken: what an earlier term gives back is not given back."""

    holder: str
    term: int


@dataclass(frozen=True, slots=True)
class Wait:
    """It is not ours now: `name` has it, or is about to. `leaving`: that is ourselves, and we are handing over."""

    name: str
    generation: int
    leaving: bool = False

    def __str__(self) -> str:
        if self.leaving:
            return f"the installation {self.name!r} is ending, and hands over what it served"
        return f"the installation {self.name!r} (generation {self.generation}) serves it"


@dataclass(frozen=True, slots=True)
class View:
    """What an installation sees of itself and of the others at one moment, by the database's clock. `leases`: by
    workspace, those that somebody holds."""

    me: Installation
    others: tuple[Installation, ...]
    leases: Mapping[str, Lease] = field(default_factory=dict)
    now: datetime = datetime.min

    def wait(self, workspace: str) -> Wait | None:
        """Why the workspace is not ours; None: it is, or may be taken."""
        return may_take(self.me, self.leases.get(workspace), self.others, self.now)

    def holds(self, workspace: str) -> bool:
        lease = self.leases.get(workspace)
        return lease is not None and lease.holder == self.me.name


def may_take(me: Installation, lease: Lease | None, others: Iterable[Installation], now: datetime) -> Wait | None:
    """None: it may. `others`: the other installations, whether they are alive or not."""
    if me.leaving is not None:
        return Wait(me.name, me.generation, leaving=True)
    alive = {one.name: one for one in others if one.until > now}
    staying = (one for one in alive.values() if one.leaving is None)
    newest = max(staying, key=lambda one: one.generation, default=None)
    if newest is not None and newest.generation > me.generation:
        return Wait(newest.name, newest.generation)
    holder = alive.get(lease.holder) if lease is not None else None
    if holder is None or (holder.leaving is not None and now - holder.leaving >= GRACE):
        return None
    if holder.generation < me.generation and now - me.since >= GRACE:
        return None
    return Wait(holder.name, holder.generation)
