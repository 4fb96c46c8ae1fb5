"""The coordinator's view as plain data, to be saved and restored.

What follows from the rest (the waiting line, who waits behind whom and does not say so, how busy an agent is) is not
kept but made anew.
Assignments that are only proposed are left out: the log does not hold them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from events.base import event_class
from events.recorded import Recorded
from vapora.domain.agent import Agent
from vapora.domain.fairness import Place, TurnsData
from vapora.domain.learning import DEFAULTS, History, LearningSettings, RunOutcome
from vapora.domain.swarm.state import RunInFlight, Swarm, TaskCursor
from vapora.domain.task_state import Task
from vapora.errors import CorruptLogError

# To be raised with every change of `swarm_fold.evolve`, of what it calls, or of the data: what an older fold saved is
# then left aside.
FOLD_VERSION = 11


@dataclass(frozen=True, slots=True)
class SavedTask:
    """`rank`: in todo, else None. `place`: since when it stands in line. `thread` is None only while the log holds no
    later event of the task's stream."""

    task: Task
    rank: str | None
    thread: TaskCursor | None
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class SavedRunEnd:
    """The end of a run whose task has not moved; `event` as JSON, to be read by the class of its topic."""

    topic: str
    event: str
    position: int
    stream: str
    version: int
    recorded_at: datetime
    workspace: str
    actor: str
    correlation: str
    causation: int | None
    request_id: str


@dataclass(frozen=True, slots=True)
class SavedHistory:
    """`by_type`: the kept outcomes of a type with the number of all its runs."""

    agent_id: str
    simulated: bool
    all: list[RunOutcome]
    by_type: dict[str, tuple[int, list[RunOutcome]]]


@dataclass(frozen=True, slots=True)
class SwarmData:
    position: int
    agents: list[Agent]
    tasks: list[SavedTask]
    runs: list[RunInFlight]
    ended: list[SavedRunEnd]
    done: list[str]
    projects: dict[str, int]
    closed: list[str]
    paused_projects: list[str]
    paused: bool
    workspace_version: int
    draining: dict[str, datetime]
    turns: TurnsData
    most_runs: int | None
    most_runs_of: dict[str, int]
    histories: list[SavedHistory]


def to_data(swarm: Swarm) -> SwarmData:
    """A copy that later events do not touch."""
    return SwarmData(
        position=swarm.position,
        agents=list(swarm.agents.values()),
        tasks=[
            SavedTask(task, swarm.todo.rank(task.id), swarm.threads.get(task.id), swarm.turns.place(task.id))
            for task in swarm.open_tasks.values()
        ],
        runs=list(swarm.runs.values()),
        ended=[_end(recorded) for recorded in swarm.ended.values()],
        done=sorted(swarm.dependencies.all_done()),
        projects=dict(swarm.projects),
        closed=sorted(swarm.closed),
        paused_projects=sorted(swarm.paused_projects),
        paused=swarm.paused,
        workspace_version=swarm.workspace_version,
        draining=dict(swarm.draining),
        turns=swarm.turns.data(),
        most_runs=swarm.most_runs,
        most_runs_of=dict(swarm.most_runs_of),
        histories=[
            SavedHistory(agent_id, simulated, *history.kept())
            for (agent_id, simulated), history in sorted(swarm.histories().items())
            if history.task_types()
        ],
    )


def from_data(data: SwarmData, settings: LearningSettings = DEFAULTS) -> Swarm:
    swarm = Swarm(settings)
    swarm.position = data.position
    swarm.agents = {agent.id: agent for agent in data.agents}
    swarm.runs = {run.run_id: run for run in data.runs}
    for run in data.runs:
        swarm.start(run.run_id, run.agent_id)
    for end in data.ended:
        recorded = _recorded(end)
        swarm.ended[recorded.event.run_id] = recorded  # type: ignore[attr-defined]  # ends of runs have one
    swarm.projects, swarm.closed = dict(data.projects), set(data.closed)
    swarm.paused_projects, swarm.paused = set(data.paused_projects), data.paused
    swarm.workspace_version = data.workspace_version
    swarm.draining = dict(data.draining)
    places = {saved.task.id: saved.place for saved in data.tasks if saved.place is not None}
    swarm.turns.restore(data.turns, places)
    swarm.most_runs, swarm.most_runs_of = data.most_runs, dict(data.most_runs_of)
    for task_id in data.done:
        swarm.dependencies.done(task_id)
    for one in data.histories:
        swarm.remember(one.agent_id, one.simulated, History.restored(settings, one.all, one.by_type))
    for saved in data.tasks:
        swarm.restore(saved.task, saved.rank, saved.thread)
    for saved in data.tasks:
        swarm.place(saved.task.id)
    return swarm


def _end(recorded: Recorded) -> SavedRunEnd:
    return SavedRunEnd(
        recorded.topic,
        recorded.event.model_dump_json(),
        recorded.position,
        recorded.stream,
        recorded.version,
        recorded.recorded_at,
        recorded.workspace,
        recorded.actor,
        recorded.correlation,
        recorded.causation,
        recorded.request_id,
    )


def _recorded(end: SavedRunEnd) -> Recorded:
    kind = event_class(end.topic)
    if kind is None:
        raise CorruptLogError(f"There is no event {end.topic}.")
    return Recorded(
        end.position,
        end.stream,
        end.version,
        end.recorded_at,
        end.workspace,
        end.actor,
        end.correlation,
        end.causation,
        end.request_id,
        kind.model_validate_json(end.event),
    )
