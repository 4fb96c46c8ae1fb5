"""The runs of workflows that are under way, folded from the log: what the engine works on. Of those that have ended
nothing is kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from events import workflow as told
from events.base import DomainEvent
from events.recorded import Recorded
from vapora.domain.timers import Timers
from vapora.domain.workflow.fold import evolve
from vapora.domain.workflow.state import Run
from vapora.domain.workflow.steps import due_at

TOPICS = tuple(
    kind.TOPIC
    for kind in vars(told).values()
    if isinstance(kind, type)
    and issubclass(kind, DomainEvent)
    and vars(kind).get("TOPIC", "").startswith("workflow.")
    and "workflow_run_id" in kind.model_fields
)

# After these a run is under way, and after those it is not.
BEGIN = (told.WorkflowRunStarted.TOPIC, told.StageRetried.TOPIC)
END = (told.WorkflowRunCompleted.TOPIC, told.WorkflowRunFailed.TOPIC, told.WorkflowRunCancelled.TOPIC)


@dataclass(slots=True)
class LiveRun:
    """`version`: of its stream, as far as it is folded."""

    run: Run
    version: int


@dataclass(slots=True)
class LiveRuns:
    """`cards`: the run that made a card, of all cards of runs that are under way. `saved`: runs that were under way
    when this was saved, and are still to be folded from their streams."""

    runs: dict[str, LiveRun] = field(default_factory=dict)
    saved: tuple[str, ...] = ()
    cards: dict[str, str] = field(default_factory=dict)
    timers: Timers = field(default_factory=Timers)
    position: int = 0

    def apply(self, recorded: Recorded) -> str | None:
        """One event of a run's stream, in order; which run it is of. Those seen before change nothing."""
        run_id: str = recorded.event.workflow_run_id  # type: ignore[attr-defined]  # all of these topics have one
        known = self.runs.get(run_id)
        if known is not None and recorded.version <= known.version:
            return run_id
        if known is None and not isinstance(recorded.event, told.WorkflowRunStarted):
            return None
        run = evolve(None if known is None else known.run, recorded.event, recorded.recorded_at)
        if run is not None:
            self.put(run, recorded.version)
        return run_id

    def put(self, run: Run, version: int) -> None:
        """As it is from now on."""
        if run.ended is not None:
            self.drop(run.id)
            return
        before = self.runs.get(run.id)
        self.runs[run.id] = LiveRun(run, version)
        self.timers.set(run.id, due_at(run))
        if before is None or before.run.stages is not run.stages:
            self.cards.update(dict.fromkeys(run.cards, run.id))

    def drop(self, run_id: str) -> None:
        gone = self.runs.pop(run_id, None)
        self.timers.cancel(run_id)
        for task_id in () if gone is None else gone.run.cards:
            self.cards.pop(task_id, None)


@dataclass(frozen=True, slots=True)
class LiveData:
    """What is saved: which runs were under way. They are folded anew from their streams, which are short."""

    runs: tuple[str, ...]


# To be raised with every change of what is saved.
FOLD_VERSION = 1


def from_data(data: LiveData) -> LiveRuns:
    return LiveRuns(saved=data.runs)


def to_data(live: LiveRuns) -> LiveData:
    return LiveData(tuple(live.runs))


def fold(recorded: Iterable[Recorded]) -> LiveRun | None:
    """A run from its stream."""
    found: Run | None = None
    version = 0
    for one in recorded:
        found, version = evolve(found, one.event, one.recorded_at), one.version
    return None if found is None else LiveRun(found, version)
