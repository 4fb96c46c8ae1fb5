"""Nothing waits for ever: which card is started next where more urgent ones keep coming.

Cards start in the order of their ranks, with one exception: each `EVERY`-th start is a fair turn, for a card that has
stood in line while `PATIENCE` others were started. Fair turns go by turns to the one that stands there longest of all,
and to the one that stands there longest in the project whose last start is longest ago. Where no card is due, the rank
decides as always; so in a line of equals, and in a short one, nothing changes.

What follows, for a card that an agent could take at each start: with `a` cards in line before it, it is started within
`PATIENCE + 2 * EVERY * (a + 1)` starts, however many more urgent ones come; and with `p` projects that have cards in
line, within `PATIENCE + 2 * EVERY * (p + 1)` starts one of its project is, however many cards others have.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass, field

EVERY = 4
PATIENCE = 32


@dataclass(frozen=True, slots=True)
class Place:
    """Since when a card stands in line: how many entered before it, and how many had been started by then."""

    number: int
    starts: int


@dataclass(frozen=True, slots=True)
class TurnsData:
    """How many cards were started and how many entered, and at which start each project had its last."""

    starts: int = 0
    entered: int = 0
    last_starts: dict[str, int] = field(default_factory=dict)


class Turns:
    """Who stands in line since when, of which project and in which lane; and whose turn it is.

    `lane`: cards that the same agents can take. A card keeps its place in time while it is put aside, until it is
    started or gone.
    """

    def __init__(self) -> None:
        self.starts = 0
        self._numbers = 0
        self._since: dict[str, Place] = {}
        self._at: dict[str, tuple[Hashable, str]] = {}
        self._lines: dict[tuple[Hashable, str], list[tuple[int, str]]] = {}
        self._last_start: dict[str, int] = {}
        self._proposed: dict[str, str] = {}

    def put(self, task_id: str, lane: Hashable, project_id: str) -> None:
        """The card may start, if somebody is free for it."""
        if self._at.get(task_id) == (lane, project_id):
            return
        self.take(task_id)
        if task_id not in self._since:
            self._numbers += 1
            self._since[task_id] = Place(self._numbers, self.starts)
        self._at[task_id] = (lane, project_id)
        insort(self._lines.setdefault((lane, project_id), []), (self._since[task_id].number, task_id))

    def take(self, task_id: str) -> None:
        """It may not start for now; no matter if it could not before."""
        at = self._at.pop(task_id, None)
        if at is None:
            return
        line = self._lines[at]
        del line[bisect_left(line, (self._since[task_id].number, task_id))]
        if not line:
            del self._lines[at]

    def forget(self, task_id: str) -> None:
        """It stands in line no longer; when it comes again, it is behind all others."""
        self.take(task_id)
        self._since.pop(task_id, None)

    def started(self, project_id: str) -> None:
        """One of its cards is started: the next turn."""
        self.starts += 1
        self._last_start[project_id] = self.starts

    def propose(self, task_id: str, project_id: str) -> None:
        """It is about to be started: the turn is counted as if it were, until it is, or `withdraw` is called."""
        self._proposed[task_id] = project_id

    def withdraw(self, task_id: str) -> None:
        self._proposed.pop(task_id, None)

    def due(self, lanes: Collection[Hashable], may_start: Callable[[str], bool] | None = None) -> str | None:
        """The card whose fair turn it is, of those in these lanes that `may_start`; None where the rank decides."""
        starts = self.starts + len(self._proposed)
        if (starts + 1) % EVERY:
            return None
        wanted = set(lanes)
        heads = [
            (number, task_id, project_id)
            for (lane, project_id), line in self._lines.items()
            if lane in wanted
            for number, task_id in _first(line, may_start)
            if starts - self._since[task_id].starts >= PATIENCE
        ]
        if not heads:
            return None
        if (starts + 1) // EVERY % 2:
            return min(heads)[1]
        about = dict(zip(self._proposed.values(), range(self.starts + 1, starts + 1), strict=True))
        last = {**self._last_start, **about}
        return min(heads, key=lambda head: (last.get(head[2], 0), head[0]))[1]

    # As data, to be saved and restored.

    def place(self, task_id: str) -> Place | None:
        return self._since.get(task_id)

    def data(self) -> TurnsData:
        return TurnsData(self.starts, self._numbers, dict(self._last_start))

    def restore(self, data: TurnsData, places: dict[str, Place]) -> None:
        self.starts, self._numbers, self._last_start = data.starts, data.entered, dict(data.last_starts)
        self._since = dict(places)


def _first(line: list[tuple[int, str]], may_start: Callable[[str], bool] | None) -> list[tuple[int, str]]:
    found = next((one for one in line if may_start is None or may_start(one[1])), None)
    return [] if found is None else [found]
