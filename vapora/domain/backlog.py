"""The order of the work that waits: which tasks may start, and which wait for others.

Tasks that the same agents can do stand in one lane, so that "nobody is free for these" is found out once for a
lane and not once for each of its tasks: with 10^5 waiting tasks there are still only some dozens of lanes.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple


class Lane(NamedTuple):
    """What decides who can take a task: its type, its role where it names one, and the agent that is to have it before
    all others, or, with `only`, alone."""

    task_type: str
    role: str | None
    agent: str | None = None
    only: bool = False


# Rank and id.
RankedTask = tuple[str, str]


class Column:
    """Ids of the tasks that are to be done, by rank; for `vapora.domain.rank`."""

    def __init__(self) -> None:
        self._places: list[RankedTask] = []
        self._ranks: dict[str, str] = {}

    def put(self, task_id: str, rank: str) -> None:
        self.take(task_id)
        insort(self._places, (rank, task_id))
        self._ranks[task_id] = rank

    def take(self, task_id: str) -> None:
        """The task is no longer in the column; no matter if it was not."""
        rank = self._ranks.pop(task_id, None)
        if rank is not None:
            del self._places[bisect_left(self._places, (rank, task_id))]

    def rank(self, task_id: str) -> str | None:
        return self._ranks.get(task_id)

    def downwards(self, below: str | None) -> Iterator[RankedTask]:
        end = len(self._places) if below is None else bisect_left(self._places, (below,))
        return (self._places[index] for index in range(end - 1, -1, -1))


class ReadyQueue:
    """Ids of the tasks that may start, by rank and lane."""

    def __init__(self) -> None:
        self._lanes: dict[Lane, list[RankedTask]] = {}
        self._places: dict[str, tuple[Lane, RankedTask]] = {}

    def put(self, task_id: str, lane: Lane, rank: str) -> None:
        """Let the task stand where it belongs; it leaves the place that it may have had."""
        place = (rank, task_id)
        if self._places.get(task_id) == (lane, place):
            return
        self.take(task_id)
        insort(self._lanes.setdefault(lane, []), place)
        self._places[task_id] = (lane, place)

    def take(self, task_id: str) -> None:
        """The task waits no longer; no matter if it did not."""
        found = self._places.pop(task_id, None)
        if found is None:
            return
        lane, place = found
        places = self._lanes[lane]
        del places[bisect_left(places, place)]
        if not places:
            del self._lanes[lane]

    def lanes(self) -> tuple[Lane, ...]:
        """Lanes that hold a task, the one with the foremost task first."""
        return tuple(sorted(self._lanes, key=lambda lane: self._lanes[lane][0]))

    def in_lane(self, lane: Lane) -> Iterator[str]:
        return self.in_lanes((lane,))

    def in_lanes(self, lanes: Collection[Lane]) -> Iterator[str]:
        """The tasks of these lanes in order, found one by one: the first few of many are cheap."""
        found = (self._lanes[lane] for lane in lanes if lane in self._lanes)
        return (task_id for _, task_id in heapq.merge(*found))

    def __iter__(self) -> Iterator[str]:
        """All of them in order."""
        return self.in_lanes(self._lanes)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, task_id: str) -> bool:
        return task_id in self._places


class Dependencies:
    """Which open tasks wait for which others. Only a task that is done lets go of those behind it."""

    def __init__(self) -> None:
        self._done: set[str] = set()
        self._open: dict[str, set[str]] = {}
        self._behind: dict[str, set[str]] = {}

    def set(self, task_id: str, blocked_by: Iterable[str]) -> None:
        """What the task waits for, in place of what it waited for before; nothing: it waits no longer."""
        self._release(task_id)
        blockers = {blocker for blocker in blocked_by if blocker not in self._done}
        if not blockers:
            return
        self._open[task_id] = blockers
        for blocker in blockers:
            self._behind.setdefault(blocker, set()).add(task_id)

    def done(self, task_id: str) -> None:
        """The task is done, for ever: also if it is archived later."""
        self._done.add(task_id)
        self._release(task_id)
        for follower in self._behind.pop(task_id, ()):
            blockers = self._open[follower]
            blockers.discard(task_id)
            if not blockers:
                del self._open[follower]

    def all_done(self) -> frozenset[str]:
        """Every task that was ever done."""
        return frozenset(self._done)

    def blockers(self, task_id: str) -> frozenset[str]:
        """What the task still waits for."""
        return frozenset(self._open.get(task_id, ()))

    def is_blocked(self, task_id: str) -> bool:
        return task_id in self._open

    def behind(self, task_id: str) -> tuple[str, ...]:
        """The tasks that still wait for this one."""
        return tuple(self._behind.get(task_id, ()))

    def _release(self, task_id: str) -> None:
        for blocker in self._open.pop(task_id, ()):
            followers = self._behind[blocker]
            followers.discard(task_id)
            if not followers:
                del self._behind[blocker]
