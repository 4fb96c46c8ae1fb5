"""All that the coordinator of a workspace knows, folded in place from its log (M4.3).

Only what is not over is kept: open tasks, runs in flight, and a bounded history of each agent. Of finished tasks just
the ids remain, because other tasks may name them in `blocked_by`. So the size of the past costs no time. How each event
changes it is in `vapora.domain.swarm.fold`, what the coordinator asks of it in `vapora.domain.swarm.rules`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from events.ids import TaskState, WaitReason
from events.recorded import Recorded
from vapora.domain.agent import Agent
from vapora.domain.assignment import Applicant
from vapora.domain.backlog import Column, Dependencies, ReadyQueue
from vapora.domain.learning import DEFAULTS, History, LearningSettings
from vapora.domain.task_state import Task, Wait

_CLOSED = (TaskState.DONE, TaskState.ARCHIVED)


@dataclass(frozen=True, slots=True)
class TaskCursor:
    """Where an open task's stream stands: what an append to it must expect, and what it follows from."""

    version: int
    position: int
    correlation: str


@dataclass(frozen=True, slots=True)
class RunInFlight:
    """A run that was given to an agent and has not ended. `task` is as it was then; `position` and `correlation` are
    those of `TaskAssigned`."""

    run_id: str
    task_id: str
    agent_id: str
    role: str
    subject: str
    task: Task
    position: int
    correlation: str
    assigned_at: datetime


class Swarm:
    """Mutable: `evolve` folds into it. Read it freely; change it only through `evolve`, `propose` and `withdraw`.

    `open_tasks` holds all but done and archived ones, `runs` all that have not ended, `ended` the end of runs
    whose task has not moved yet. `silent` are tasks that wait for others while their card does not say so. `todo` is
    the board's first column, of which `line` holds what may start. `projects`: how many events each one's stream
    holds; `closed`: those that are archived, of which nothing starts.
    """

    def __init__(self, settings: LearningSettings = DEFAULTS) -> None:
        self.settings = settings
        self.position = 0
        self.agents: dict[str, Agent] = {}
        self.open_tasks: dict[str, Task] = {}
        self.runs: dict[str, RunInFlight] = {}
        self.ended: dict[str, Recorded] = {}
        self.todo = Column()
        self.line = ReadyQueue()
        self.dependencies = Dependencies()
        self.silent: set[str] = set()
        self.projects: dict[str, int] = {}
        self.closed: set[str] = set()
        self.threads: dict[str, TaskCursor] = {}
        self.proposed: dict[str, tuple[str, str]] = {}
        self._in_flight: dict[str, set[str]] = {}
        self._histories: dict[tuple[str, bool], History] = {}

    def history(self, agent_id: str, simulated: bool) -> History:
        """What is known of an agent's work; real and simulated outcomes never mix."""
        known = self._histories.get((agent_id, simulated))
        if known is None:
            known = self._histories[agent_id, simulated] = History(self.settings)
        return known

    def in_flight(self, agent_id: str) -> int:
        """Runs that the agent has, proposed ones among them. A recalled run counts until it has ended."""
        return len(self._in_flight.get(agent_id, ()))

    def applicants(self, simulated: bool) -> Iterable[Applicant]:
        """Every registered agent."""
        return (
            Applicant(agent, self.in_flight(agent.id), self.history(agent.id, simulated))
            for agent in self.agents.values()
        )

    def dependency(self, task: Task) -> Wait | None:
        """What the card of a task that waits for others should say; None where all of them are done."""
        if not self.dependencies.is_blocked(task.id):
            return None
        dead = sorted(blocker for blocker in self.dependencies.blockers(task.id) if not self._alive(blocker))
        if dead:
            remedy = (
                f"{', '.join(dead)} failed, was archived or does not exist: have it done, or take it out of blocked_by."
            )
        else:
            remedy = "It starts by itself once all tasks in blocked_by are done."
        return Wait(WaitReason.DEPENDENCY, remedy)

    def start(self, run_id: str, agent_id: str) -> None:
        self._in_flight.setdefault(agent_id, set()).add(run_id)

    def stop(self, run_id: str, agent_id: str) -> None:
        self._in_flight.get(agent_id, set()).discard(run_id)

    def put(self, task: Task, rank: str | None = None) -> None:
        """Take in the new state of a task, and let it stand in line or not. `rank`: its new place in todo, if any."""
        if rank is not None:
            self.todo.put(task.id, rank)
        if task.state is not TaskState.TODO:
            self.todo.take(task.id)
        if task.state in _CLOSED:
            self._close(task)
            return
        before = self.open_tasks.get(task.id)
        self.open_tasks[task.id] = task
        if before is None or before.blocked_by != task.blocked_by:
            self.dependencies.set(task.id, task.blocked_by)
        self.place(task.id)
        if before is None or TaskState.FAILED in (before.state, task.state):
            self._tell(self.dependencies.behind(task.id))
        if task.run_id is not None and task.state is not TaskState.IN_PROGRESS:
            self.ended.pop(task.run_id, None)

    def close_project(self, project_id: str) -> None:
        """Nothing of it starts any more."""
        self.closed.add(project_id)
        for task in self.open_tasks.values():
            if task.project_id == project_id:
                self.place(task.id)

    def histories(self) -> dict[tuple[str, bool], History]:
        """By agent, and whether simulated."""
        return dict(self._histories)

    def remember(self, agent_id: str, simulated: bool, history: History) -> None:
        """Take over what was saved of an agent's work."""
        self._histories[agent_id, simulated] = history

    def restore(self, task: Task, rank: str | None, thread: TaskCursor | None) -> None:
        """Take over a saved open task; `place` lets it stand in line once all of them are there."""
        self.open_tasks[task.id] = task
        if rank is not None:
            self.todo.put(task.id, rank)
        self.dependencies.set(task.id, task.blocked_by)
        if thread is not None:
            self.threads[task.id] = thread

    def place(self, task_id: str) -> None:
        """In line stands what is to be done, waits for no other task nor its project, and is not proposed already."""
        task = self.open_tasks.get(task_id)
        if task is None:
            return
        rank = self.todo.rank(task_id)
        waits = self.dependencies.is_blocked(task_id) or task.project_id in self.closed
        if rank is not None and not waits and task_id not in self.proposed:
            self.line.put(task_id, (task.task_type, task.role), rank)
        else:
            self.line.take(task_id)
        self._tell((task_id,))

    def _close(self, task: Task) -> None:
        self.open_tasks.pop(task.id, None)
        self.silent.discard(task.id)
        self.line.take(task.id)
        if task.run_id is not None:
            self.ended.pop(task.run_id, None)
        followers = self.dependencies.behind(task.id)
        if task.state is TaskState.DONE:
            self.dependencies.done(task.id)
            for follower in followers:
                self.place(follower)
        else:
            self.dependencies.set(task.id, ())
            self._tell(followers)

    def _tell(self, task_ids: Iterable[str]) -> None:
        """Note whose card does not say, or says wrongly, that it waits for others."""
        for task_id in task_ids:
            task = self.open_tasks.get(task_id)
            wait = None if task is None or task.state is not TaskState.TODO else self.dependency(task)
            if task is not None and wait is not None and wait != task.waiting:
                self.silent.add(task_id)
            else:
                self.silent.discard(task_id)

    def _alive(self, task_id: str) -> bool:
        task = self.open_tasks.get(task_id)
        return task is not None and task.state is not TaskState.FAILED
