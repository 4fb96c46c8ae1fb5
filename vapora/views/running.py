"""How an installation is: its health, its cells, its queue."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vapora.views.base import View


class DeadLetterView(View):
    """A task that was delivered `deliveries` times and could not be given out. `id` is the task's, `position` that of
    the event which made it to do."""

    id: str
    subject: str
    deliveries: int
    position: int


class QueueView(View):
    """`kind`: the log itself, or NATS. `depth`: what waits, by subject, without dead letters. Where the queue is away,
    `problem` says why, `depth` is empty, and work goes on from the log; `dead_letters_known` is false, and
    `dead_letters` are those that were seen last, if any were."""

    kind: Literal["log", "nats"]
    connected: bool
    problem: str | None
    depth: dict[str, int]
    waiting: int
    dead_letters: tuple[DeadLetterView, ...]
    dead_letters_known: bool = True


class CellCounts(View):
    """Workspaces by whether their actors run. An archived one is among those asleep while nobody reads it."""

    awake: int = 0
    asleep: int = 0
    archived: int = 0


class Liveness(View):
    """That a server answers; of what stands behind it this says nothing."""

    status: Literal["ok"]
    version: str


class Health(View):
    """What follows `version` is told to who is known, or where nobody signs in."""

    status: Literal["ok", "starting", "failing"]
    version: str
    model: Literal["real", "rehearsal"] | None = None
    providers: dict[str, str] = Field(default_factory=dict)
    # `provider/model` → why, for single models that are left alone now; their provider may be up all the same.
    paused_models: dict[str, str] = Field(default_factory=dict)
    reason: str = ""
    problems: tuple[str, ...] = Field(default=())
    # Where work is taken from: `log`, `nats`, or the log because NATS is away, and why it is.
    queue: str = ""
    cells: CellCounts = CellCounts()
