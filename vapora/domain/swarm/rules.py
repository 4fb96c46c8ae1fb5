"""What the coordinator asks of its `Swarm`: who may start, who gets it, and what a crash left undone.

The swarm itself is in `vapora.domain.swarm.state`, how the log's events change it in `vapora.domain.swarm.fold`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import islice

from events.ids import TaskState, WaitReason
from events.recorded import Recorded
from vapora.domain.agent import Agent
from vapora.domain.assignment import ChosenAgent, can_do, has_room, rank
from vapora.domain.backlog import Lane
from vapora.domain.offers import OpenOffers
from vapora.domain.swarm.fold import TOPICS, evolve, initial, propose, withdraw
from vapora.domain.swarm.state import RunInFlight, Swarm, TaskCursor
from vapora.domain.task_state import Task, Wait

__all__ = [
    "TOPICS",
    "RunInFlight",
    "Swarm",
    "TaskCursor",
    "choose",
    "ended_unmoved",
    "evolve",
    "foremost",
    "initial",
    "open_offers",
    "propose",
    "recalled",
    "running",
    "silent",
    "waiting",
    "withdraw",
]


def waiting(swarm: Swarm, limit: int | None = None) -> list[Task]:
    """Tasks that may start, in the order of the board (`vapora.domain.rank`).

    All of `blocked_by` must be done; a failed or archived one keeps the task waiting. So does an archived project.
    """
    return [swarm.open_tasks[task_id] for task_id in islice(swarm.line, limit)]


def foremost(swarm: Swarm, may_start: Callable[[str], bool] | None = None) -> Task | None:
    """The first waiting task that some agent could start right now; `choose` is then sure to find one.

    The quick way through a long line: tasks whose agents are all busy are passed over a lane at a time. `may_start`
    passes over single ones, by their ids.
    """

    def is_free(lane: Lane) -> bool:
        return any(has_room(agent, swarm.in_flight(agent.id)) for agent in _able(swarm, lane))

    free = [lane for lane in swarm.line.lanes() if is_free(lane)]
    ready = (one for one in swarm.line.in_lanes(free) if may_start is None or may_start(one))
    first = next(ready, None)
    return None if first is None else swarm.open_tasks[first]


def choose(swarm: Swarm, task: Task, now: datetime, simulated: bool) -> ChosenAgent:
    """Rank the agents for the task by their real, or simulated, history; nobody is chosen where none is free."""
    return rank(task.task_type, task.role, swarm.applicants(simulated), now)


def silent(swarm: Swarm) -> list[tuple[Task, WaitReason, str]]:
    """Tasks to be done that do not move by themselves while their card does not say why, with what it should say.

    They wait for other tasks, or nobody enabled can do them. `task.wait` makes the event of it.
    """
    found: list[tuple[Task, WaitReason, str]] = []
    for task_id in sorted(swarm.silent):
        task = swarm.open_tasks[task_id]
        wait = swarm.dependency(task)
        if wait is not None:
            found.append((task, wait.reason, wait.remedy))
    for lane in swarm.line.lanes():
        wait = _hindrance(swarm, lane)
        if wait is not None:
            tasks = (swarm.open_tasks[task_id] for task_id in swarm.line.in_lane(lane))
            found.extend((task, wait.reason, wait.remedy) for task in tasks if task.waiting != wait)
    return found


def running(swarm: Swarm) -> list[RunInFlight]:
    """Runs that were given out and have not ended, oldest first: to be sent again after a restart."""
    return [assignment for assignment in swarm.runs.values() if _is_current(swarm, assignment)]


def recalled(swarm: Swarm) -> list[RunInFlight]:
    """Runs whose task was taken back while they have not ended: to be cancelled."""
    return [assignment for assignment in swarm.runs.values() if not _is_current(swarm, assignment)]


def ended_unmoved(swarm: Swarm) -> list[tuple[Task, Recorded]]:
    """Tasks whose run has ended without the move that follows (`task.after_run`), with the end of the run."""
    return [
        (swarm.open_tasks[recorded.event.task_id], recorded)  # type: ignore[attr-defined]  # ends of runs have one
        for recorded in swarm.ended.values()
    ]


def open_offers(swarm: Swarm, workspace: str) -> OpenOffers:
    """What is on offer. Of each offer it knows the last event instead of the one that made the task to do."""
    to_do = {
        task.id: (swarm.threads[task.id].position, swarm.threads[task.id].version)
        for task in swarm.open_tasks.values()
        if task.state is TaskState.TODO
    }
    return OpenOffers.of(workspace, swarm.position, swarm.open_tasks.values(), to_do)


def _is_current(swarm: Swarm, assignment: RunInFlight) -> bool:
    task = swarm.open_tasks.get(assignment.task_id)
    return task is not None and task.state is TaskState.IN_PROGRESS and task.run_id == assignment.run_id


def _able(swarm: Swarm, lane: Lane) -> Iterable[Agent]:
    task_type, role = lane
    return (agent for agent in swarm.agents.values() if can_do(agent, task_type, role))


def _hindrance(swarm: Swarm, lane: Lane) -> Wait | None:
    able = list(_able(swarm, lane))
    if any(agent.enabled for agent in able):
        return None
    task_type, role = lane
    if able:
        names = ", ".join(agent.id for agent in able)
        return Wait(WaitReason.PAUSED, f"Enable {names}: who can do {task_type} work is disabled.")
    who = f"agent of the role {role}" if role else "agent"
    return Wait(WaitReason.PAUSED, f"Register an {who} that does {task_type} work: there is none.")
