"""All that the coordinator of a workspace knows, folded in place from its log (M4.3).

Only what is not over is kept: open tasks, runs in flight, and a bounded history of each agent. Of finished tasks just
the ids remain, because other tasks may name them in `blocked_by`. So the size of the past costs no time. How each event
changes it is in `vapora.domain.swarm.fold`, what the coordinator asks of it in `vapora.domain.swarm.rules`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from events.agent import Equipment, HeldRun
from events.ids import TaskState, WaitReason
from events.recorded import Recorded
from vapora.domain.agent import Agent
from vapora.domain.assignment import Applicant
from vapora.domain.backlog import Column, Dependencies, Lane, ReadyQueue
from vapora.domain.fairness import Turns
from vapora.domain.learning import DEFAULTS, History, LearningSettings
from vapora.domain.task_assignment import awaits_reviewer
from vapora.domain.task_state import Task, Wait


@dataclass(frozen=True, slots=True)
class TaskCursor:
    """Where an open task's stream stands: what an append to it must expect, and what it follows from."""

    version: int
    position: int
    correlation: str


@dataclass(frozen=True, slots=True)
class RunInFlight:
    """A run that was given to an agent and has not ended. `task` is as it was then; `position` and `correlation` are
    those of `TaskAssigned`, of `ReviewAssigned`, or of the newest `TaskHandedOver`. `head`: the commit that is to be
    reviewed. `stranded`: what became of its agent, empty while that has it in hand. `handed_over`: it was begun by
    another, or before a new start; `given_up`: what of it never came back there. `equipment`: what its agent worked
    by when it was given out."""

    run_id: str
    task_id: str
    agent_id: str
    role: str
    subject: str
    task: Task
    position: int
    correlation: str
    assigned_at: datetime
    purpose: Literal["work", "review"] = "work"
    head: str | None = None
    stranded: str = ""
    handed_over: bool = False
    given_up: HeldRun | None = None
    equipment: Equipment | None = None


class Swarm:
    """Mutable: `evolve` folds into it. Read it freely; change it only through `evolve`, `propose` and `withdraw`.

    `open_tasks` holds all that are not over (`Task.is_over`), `runs` all that have not ended, `ended` the end of runs
    whose task has not moved yet. `silent` are tasks that wait for others while their card does not say so. `todo` is
    the board's first column, of which `line` holds what may start; `reviews`: tasks that wait for an agent to review
    them. `projects`: how many events each one's stream holds; `closed`: those that are archived, of which nothing
    starts; `paused_projects` and `paused` (all of the workspace): nothing of it starts for now. `workspace_version`:
    how many events the workspace's own stream holds. `draining`: agents that are being drained, and since when.
    `turns`: who stands in line since when (`vapora.domain.fairness`). `most_runs` and `most_runs_of`: how many go on at
    once in the workspace and in a role, as a person set it; `usual_most_runs_of`: as the roles' manifests have it,
    and `exploration`: how much is explored when somebody is chosen, which are not folded but given.
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
        self.paused_projects: set[str] = set()
        self.paused = False
        self.workspace_version = 0
        self.draining: dict[str, datetime] = {}
        self.turns = Turns()
        self.most_runs: int | None = None
        self.most_runs_of: dict[str, int] = {}
        self.usual_most_runs_of: Mapping[str, int] = {}
        self.exploration = 0.0
        self.reviews: set[str] = set()
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
        blockers = self.dependencies.blockers(task.id)
        dead = sorted(blocker for blocker in blockers if not self._alive(blocker))
        unlanded = sorted(blocker for blocker in blockers if self._to_land(blocker))
        if dead:
            remedy = (
                f"{', '.join(dead)} failed, was archived or does not exist: have it done, or take it out of blocked_by."
            )
        elif unlanded:
            remedy = f"{', '.join(unlanded)} done, but not merged: merge it, and this one starts by itself."
        else:
            remedy = "It starts by itself once all tasks in blocked_by are done."
        return Wait(WaitReason.DEPENDENCY, remedy)

    def full_roles(self) -> dict[str, str]:
        """Roles that have as many runs as they may, with that as a part of a sentence; where all of the workspace has,
        every role."""
        limits = {**self.usual_most_runs_of, **self.most_runs_of}
        if self.most_runs is None and not limits:
            return {}
        running: Counter[str] = Counter()
        for agent in self.agents.values():
            running[agent.role] += self.in_flight(agent.id)
        if self.most_runs is not None and sum(map(len, self._in_flight.values())) >= self.most_runs:
            return dict.fromkeys(running, f"the workspace has {self.most_runs} runs at once, which is its limit")
        return {
            role: f"the role {role} has {most} runs at once, which is its limit"
            for role, most in limits.items()
            if running[role] >= most
        }

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
        before = self.open_tasks.get(task.id)
        if before is not None and before.review_run not in (None, task.review_run):
            self.ended.pop(before.review_run.run_id, None)
        if task.is_over:
            self._close(task)
            return
        self.open_tasks[task.id] = task
        if before is None or before.blocked_by != task.blocked_by:
            self.dependencies.set(task.id, task.blocked_by)
        self.place(task.id)
        if before is None or TaskState.FAILED in (before.state, task.state) or before.to_land is not task.to_land:
            self._tell(self.dependencies.behind(task.id))
        if task.run_id is not None and task.state is not TaskState.IN_PROGRESS:
            self.ended.pop(task.run_id, None)

    def place_all(self, project_id: str | None = None) -> None:
        """After something that holds for all tasks, or for those of a project, has changed."""
        for task in self.open_tasks.values():
            if project_id in (None, task.project_id):
                self.place(task.id)

    def may_start(self, task: Task) -> bool:
        """Whether anything of it may be given to an agent at all."""
        return not self.is_paused(task) and task.project_id not in self.closed

    def is_paused(self, task: Task) -> bool:
        """By a person: itself, its project, or the workspace."""
        return self.paused or task.paused or task.project_id in self.paused_projects

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
        """In line stands what is to be done, waits for nothing, and is not proposed already; likewise for reviews."""
        task = self.open_tasks.get(task_id)
        if task is None:
            return
        rank = self.todo.rank(task_id)
        startable = self.may_start(task) and task_id not in self.proposed
        # What a person has taken on is theirs.
        waits = self.dependencies.is_blocked(task_id) or task.assignee is not None
        if rank is not None and startable and not waits:
            lane = lane_of(task)
            self.line.put(task_id, lane, rank)
            self.turns.put(task_id, lane, task.project_id)
        else:
            self.line.take(task_id)
            self.turns.take(task_id)
        if task.state is not TaskState.TODO:
            self.turns.forget(task_id)
        if startable and awaits_reviewer(task):
            self.reviews.add(task_id)
        else:
            self.reviews.discard(task_id)
        self._tell((task_id,))

    def _close(self, task: Task) -> None:
        self.open_tasks.pop(task.id, None)
        self.silent.discard(task.id)
        self.reviews.discard(task.id)
        self.line.take(task.id)
        self.turns.forget(task.id)
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

    def _to_land(self, task_id: str) -> bool:
        task = self.open_tasks.get(task_id)
        return task is not None and task.to_land


def lane_of(task: Task) -> Lane:
    """Who a person chose has the task alone; work that was sent back goes to its author before all others."""
    if task.wanted_agent is not None:
        return Lane(task.task_type, task.role, task.wanted_agent, only=True)
    return Lane(task.task_type, task.role, task.author if task.sent_back else None)
