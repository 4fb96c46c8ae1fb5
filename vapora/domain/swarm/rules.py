"""What the coordinator asks of its `Swarm`: who may start, who gets it, and what a crash left undone.

The swarm itself is in `vapora.domain.swarm.state`, how the log's events change it in `vapora.domain.swarm.fold`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from itertools import islice

from events.ids import TaskState, WaitReason
from events.recorded import Recorded
from vapora.domain.agent import Agent
from vapora.domain.assignment import ChosenAgent, Rule, can_do, has_room, rank
from vapora.domain.backlog import Lane
from vapora.domain.offers import OpenOffers
from vapora.domain.run_end import Card
from vapora.domain.swarm.fold import REVIEW_TYPE, TOPICS, evolve, initial, propose, withdraw
from vapora.domain.swarm.state import RunInFlight, Swarm, TaskCursor, lane_of
from vapora.domain.task_state import Task, Wait

# Who reviews the work of others.
REVIEWER = "code-reviewer"

__all__ = [
    "TOPICS",
    "RunInFlight",
    "Swarm",
    "TaskCursor",
    "card",
    "choose",
    "choose_reviewer",
    "choose_successor",
    "ended_unmoved",
    "evolve",
    "foremost",
    "initial",
    "limited",
    "next_review",
    "open_offers",
    "paused",
    "propose",
    "recalled",
    "running",
    "silent",
    "stranded",
    "waiting",
    "withdraw",
    "without_reviewer",
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

    free = _free(swarm, swarm.full_roles())
    # Now and then one that waited for long goes before those that are more urgent.
    due = swarm.turns.due(free, may_start)
    if due is not None:
        return swarm.open_tasks[due]
    ready = (one for one in swarm.line.in_lanes(free) if may_start is None or may_start(one))
    first = next(ready, None)
    return None if first is None else swarm.open_tasks[first]


def _free(swarm: Swarm, full: Mapping[str, str]) -> list[Lane]:
    """Lanes that somebody is free for, the one with the foremost task first."""

    def is_free(lane: Lane) -> bool:
        return any(
            agent.role not in full and has_room(agent, swarm.in_flight(agent.id)) for agent in _able(swarm, lane)
        )

    return [lane for lane in swarm.line.lanes() if is_free(lane)]


def limited(swarm: Swarm, most: int) -> list[tuple[Task, WaitReason, str]]:
    """The first `most` tasks that would start now but for a limit of runs, with what their cards should say."""
    full = swarm.full_roles()
    if not full:
        return []
    held = [lane for lane in _free(swarm, {}) if lane not in set(_free(swarm, full))]
    found = []
    for task_id in islice(swarm.line.in_lanes(held), most):
        task = swarm.open_tasks[task_id]
        why = next(full[agent.role] for agent in _able(swarm, lane_of(task)) if agent.role in full)
        remedy = f"{why[0].upper()}{why[1:]}: it starts by itself when one of them ends, or raise it in the settings."
        if task.waiting != Wait(WaitReason.PAUSED, remedy):
            found.append((task, WaitReason.PAUSED, remedy))
    return found


def held(swarm: Swarm, remedy: str, most: int) -> list[tuple[Task, WaitReason, str]]:
    """The first `most` tasks that would start now, if anything might."""
    tasks = (swarm.open_tasks[task_id] for task_id in islice(swarm.line.in_lanes(_free(swarm, {})), most))
    return [(task, WaitReason.PAUSED, remedy) for task in tasks if task.waiting != Wait(WaitReason.PAUSED, remedy)]


def choose(swarm: Swarm, task: Task, now: datetime, simulated: bool) -> ChosenAgent:
    """Rank the agents for the task by their real, or simulated, history; nobody is chosen where none is free."""
    rule, full = _rule(swarm, lane_of(task)), swarm.full_roles()
    return rank(task.task_type, task.role, swarm.applicants(simulated), now, rule, full, swarm.exploration)


def next_review(swarm: Swarm) -> Task | None:
    """A task in review that some agent other than its author could review right now: of the highest priority, the one
    whose card moved first."""
    free = [agent.id for agent in _reviewers(swarm) if has_room(agent, swarm.in_flight(agent.id))]
    if not free or REVIEWER in swarm.full_roles():
        return None
    found = (swarm.open_tasks[one] for one in swarm.reviews)
    others = (task for task in found if len(free) > 1 or free[0] != task.author)
    return min(others, key=lambda task: (-task.priority, swarm.threads[task.id].position), default=None)


def choose_reviewer(swarm: Swarm, task: Task, now: datetime, simulated: bool) -> ChosenAgent:
    """As `choose`, among those who review, and never the author."""
    barred = Rule(task.author, "wrote it", barred=True) if task.author else None
    return rank(REVIEW_TYPE, REVIEWER, swarm.applicants(simulated), now, barred, explore=swarm.exploration)


def choose_successor(swarm: Swarm, run: RunInFlight, now: datetime, simulated: bool) -> ChosenAgent:
    """Who goes on with a run that was begun by another: of its role, since it goes on as it was begun."""
    task = swarm.open_tasks[run.task_id]
    # It may be the same one, started anew: what it had in hand takes no place from that.
    swarm.stop(run.run_id, run.agent_id)
    try:
        return _successor(swarm, run, task, now, simulated)
    finally:
        swarm.start(run.run_id, run.agent_id)


def _successor(swarm: Swarm, run: RunInFlight, task: Task, now: datetime, simulated: bool) -> ChosenAgent:
    if run.purpose == "review":
        rule = Rule(task.author, "wrote it", barred=True) if task.author else None
        return rank(REVIEW_TYPE, run.role, swarm.applicants(simulated), now, rule, explore=swarm.exploration)
    rule = Rule(task.wanted_agent, f"a person chose {task.wanted_agent}") if task.wanted_agent is not None else None
    return rank(task.task_type, run.role, swarm.applicants(simulated), now, rule, explore=swarm.exploration)


def stranded(swarm: Swarm) -> list[tuple[RunInFlight, str]]:
    """Runs that are in nobody's hands since their agent was suspended, with what became of it. Whoever of its role is
    free may go on with them."""
    found = ((one, one.stranded or _offline(swarm, one.agent_id)) for one in running(swarm))
    return [(one, why) for one, why in found if why]


def _offline(swarm: Swarm, agent_id: str) -> str:
    agent = swarm.agents.get(agent_id)
    return "" if agent is None else agent.offline


def without_reviewer(swarm: Swarm) -> list[tuple[Task, str]]:
    """Tasks that no enabled agent could ever review, with the reason: a person has to."""
    enabled = [agent.id for agent in _reviewers(swarm) if agent.enabled]
    if len(enabled) > 1:
        return []
    told = f"There is no enabled agent of the role {REVIEWER} other than the author."
    found = (swarm.open_tasks[one] for one in sorted(swarm.reviews))
    return [(task, told) for task in found if enabled in ([], [task.author])]


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


def paused(swarm: Swarm) -> set[str]:
    """Runs in flight that may not take a further step for now, by their ids."""
    return {one.run_id for one in running(swarm) if swarm.is_paused(swarm.open_tasks[one.task_id])}


def card(swarm: Swarm, task_id: str) -> Card | None:
    """The task as it is now, and how many events its stream holds; None for one that is over."""
    task, thread = swarm.open_tasks.get(task_id), swarm.threads.get(task_id)
    return None if task is None or thread is None else Card(thread.version, task)


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
    return task is not None and task.current_run_id == assignment.run_id


def _able(swarm: Swarm, lane: Lane) -> Iterable[Agent]:
    rule = _rule(swarm, lane)
    return (
        agent
        for agent in swarm.agents.values()
        if can_do(agent, lane.task_type, lane.role) and (rule is None or rule.objection(agent.id) is None)
    )


def _rule(swarm: Swarm, lane: Lane) -> Rule | None:
    """An author who is disabled, offline or gone, keeps nobody else from going on with the work."""
    if lane.agent is None:
        return None
    if lane.only:
        return Rule(lane.agent, f"a person chose {lane.agent}")
    author = swarm.agents.get(lane.agent)
    if author is None or not author.available or not can_do(author, lane.task_type, lane.role):
        return None
    return Rule(lane.agent, f"{lane.agent} made the work, which was sent back")


def _reviewers(swarm: Swarm) -> Iterable[Agent]:
    return (agent for agent in swarm.agents.values() if can_do(agent, REVIEW_TYPE, REVIEWER))


def _hindrance(swarm: Swarm, lane: Lane) -> Wait | None:
    able = list(_able(swarm, lane))
    if any(agent.available for agent in able):
        return None
    if offline := [agent.id for agent in able if agent.enabled]:
        return Wait(WaitReason.PAUSED, f"{', '.join(offline)} does not answer: it starts by itself when that is back.")
    if able:
        names = ", ".join(agent.id for agent in able)
        return Wait(WaitReason.PAUSED, f"Enable {names}: who can do {lane.task_type} work is disabled.")
    if lane.only:
        return Wait(
            WaitReason.PAUSED,
            f"{lane.agent}, which a person chose, does no {lane.task_type} work any more: start another attempt.",
        )
    who = f"agent of the role {lane.role}" if lane.role else "agent"
    return Wait(WaitReason.PAUSED, f"Register an {who} that does {lane.task_type} work: there is none.")
