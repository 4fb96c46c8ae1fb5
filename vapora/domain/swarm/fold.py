"""How each event of the log changes the coordinator's view, and how an assignment under way is counted in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from events.agent import (
    AgentDisabled,
    AgentDrainStarted,
    AgentEdited,
    AgentEnabled,
    AgentEquipped,
    AgentReadmitted,
    AgentRegistered,
    AgentRemoved,
    AgentRoleFollowed,
    AgentSuspended,
    Equipment,
)
from events.base import DomainEvent, topics
from events.ids import WORKSPACE, TaskState
from events.project import ProjectArchived, ProjectPaused, ProjectResumed
from events.recorded import Recorded
from events.run import RunCancelled, RunFailed, RunSucceeded
from events.task import (
    AttachmentAdded,
    AttachmentRemoved,
    AttemptPicked,
    AttemptRequested,
    LandingRefused,
    RevertRequested,
    ReviewAssigned,
    TaskApproved,
    TaskArchived,
    TaskAssigned,
    TaskCommented,
    TaskCompleted,
    TaskEdited,
    TaskFailed,
    TaskHandedOver,
    TaskLabelled,
    TaskLanded,
    TaskPaused,
    TaskRecalled,
    TaskRejected,
    TaskReleased,
    TaskReopened,
    TaskReordered,
    TaskRequeued,
    TaskResumed,
    TaskSentToReview,
    TaskSubmitted,
    TaskWaiting,
)
from events.workspace import SettingsChanged, WorkspaceOpened, WorkspacePaused, WorkspaceResumed
from vapora.domain import agent as agents
from vapora.domain import rank
from vapora.domain import task_fold as tasks
from vapora.domain.learning import DEFAULTS, LearningSettings, RunOutcome
from vapora.domain.swarm.state import RunInFlight, Swarm, TaskCursor

# After each of these a card enters todo anew.
_ENTERS_TODO = (TaskReleased, TaskRejected, TaskReopened, TaskRecalled, AttemptRequested)
REVIEW_TYPE = "code-review"


def initial(settings: LearningSettings = DEFAULTS) -> Swarm:
    return Swarm(settings)


def evolve(swarm: Swarm, recorded: Recorded) -> Swarm:
    """Fold one event of any stream; those it does not know are ignored. Positions it has seen change nothing."""
    if recorded.position <= swarm.position:
        return swarm
    fold = _FOLDS.get(type(recorded.event))
    if fold is not None:
        fold(swarm, recorded)
    _follow(swarm, recorded)
    swarm.position = recorded.position
    return swarm


def _follow(swarm: Swarm, recorded: Recorded) -> None:
    """Keep the thread of an open task: its correlation is that of its submission, whoever acts on it later. And how
    many events a project's stream holds."""
    if recorded.stream == WORKSPACE:
        swarm.workspace_version = recorded.version
    kind, _, task_id = recorded.stream.partition(":")
    if kind == "project":
        swarm.projects[task_id] = recorded.version
    if kind != "task":
        return
    if task_id not in swarm.open_tasks:
        swarm.threads.pop(task_id, None)
        return
    known = swarm.threads.get(task_id)
    correlation = known.correlation if known else recorded.correlation
    swarm.threads[task_id] = TaskCursor(recorded.version, recorded.position, correlation)


def propose(swarm: Swarm, task_id: str, run_id: str, agent_id: str) -> None:
    """Count an assignment that is being appended as if it stood in the log already, so that the next choice sees it.

    Its `TaskAssigned` confirms it when it comes by; where the append was refused, call `withdraw`.
    """
    swarm.proposed[task_id] = (run_id, agent_id)
    task = swarm.open_tasks.get(task_id)
    if task is not None and task.state is TaskState.TODO:
        swarm.turns.propose(task_id, task.project_id)
    swarm.start(run_id, agent_id)
    swarm.place(task_id)


def withdraw(swarm: Swarm, task_id: str) -> None:
    """The proposed assignment did not come about. Also to be called for all `proposed` before a checkpoint."""
    proposal = swarm.proposed.pop(task_id, None)
    swarm.turns.withdraw(task_id)
    if proposal is not None:
        if proposal[0] not in swarm.runs:
            swarm.stop(*proposal)
        swarm.place(task_id)


def _agent(swarm: Swarm, recorded: Recorded) -> None:
    agent_id = recorded.event.agent_id  # type: ignore[attr-defined]  # every event of events.agent has one
    agent = agents.evolve(swarm.agents.get(agent_id), recorded.event)
    if agent is None or agent.removed:
        swarm.agents.pop(agent_id, None)
    else:
        swarm.agents[agent_id] = agent
    if isinstance(recorded.event, AgentDrainStarted):
        swarm.draining[agent_id] = recorded.recorded_at
    elif agent is None or agent.removed or agent.enabled:
        swarm.draining.pop(agent_id, None)


def _submitted(swarm: Swarm, recorded: Recorded) -> None:
    task = tasks.evolve(None, recorded.event)
    if task is not None:
        swarm.put(task, rank.entering(task.state, task.priority, recorded.position))


def _task(swarm: Swarm, recorded: Recorded) -> None:
    task_id = recorded.event.task_id  # type: ignore[attr-defined]  # every event of events.task has one
    before = swarm.open_tasks.get(task_id)
    after = tasks.evolve(before, recorded.event)
    if after is None:
        return
    event = recorded.event
    reprioritised = isinstance(event, TaskEdited) and event.priority is not None and after.state is TaskState.TODO
    if reprioritised or isinstance(event, _ENTERS_TODO):
        swarm.put(after, rank.entering(after.state, after.priority, recorded.position))
    else:
        swarm.put(after)


def _reordered(swarm: Swarm, recorded: Recorded) -> None:
    event = recorded.event
    assert isinstance(event, TaskReordered)
    task = swarm.open_tasks.get(event.task_id)
    if task is not None and task.state is TaskState.TODO:
        place = rank.moved(swarm.todo, task.id, event.before, recorded.position)
        swarm.put(task, place)


def _project(swarm: Swarm, recorded: Recorded) -> None:
    event = recorded.event
    assert isinstance(event, ProjectArchived | ProjectPaused | ProjectResumed)
    match event:
        case ProjectArchived():
            swarm.closed.add(event.project_id)
        case ProjectPaused():
            swarm.paused_projects.add(event.project_id)
        case ProjectResumed():
            swarm.paused_projects.discard(event.project_id)
    swarm.place_all(event.project_id)


def _workspace(swarm: Swarm, recorded: Recorded) -> None:
    swarm.paused = isinstance(recorded.event, WorkspacePaused)
    swarm.place_all()


def _settings(swarm: Swarm, recorded: Recorded) -> None:
    event = recorded.event
    assert isinstance(event, SettingsChanged)
    swarm.most_runs, swarm.most_runs_of = event.most_runs, dict(event.most_runs_of)


def _assigned(swarm: Swarm, recorded: Recorded) -> None:
    event = recorded.event
    assert isinstance(event, TaskAssigned)
    withdraw(swarm, event.task_id)
    swarm.turns.started(swarm.open_tasks[event.task_id].project_id)
    swarm.start(event.run_id, event.agent_id)
    swarm.runs[event.run_id] = RunInFlight(
        run_id=event.run_id,
        task_id=event.task_id,
        agent_id=event.agent_id,
        role=event.role,
        subject=event.subject,
        task=swarm.open_tasks[event.task_id],
        position=recorded.position,
        correlation=recorded.correlation,
        assigned_at=recorded.recorded_at,
        equipment=_equipment(swarm, event.agent_id),
    )
    _task(swarm, recorded)


def _review_assigned(swarm: Swarm, recorded: Recorded) -> None:
    event = recorded.event
    assert isinstance(event, ReviewAssigned)
    withdraw(swarm, event.task_id)
    swarm.start(event.run_id, event.agent_id)
    swarm.runs[event.run_id] = RunInFlight(
        run_id=event.run_id,
        task_id=event.task_id,
        agent_id=event.agent_id,
        role=event.role,
        subject="",
        task=swarm.open_tasks[event.task_id],
        position=recorded.position,
        correlation=recorded.correlation,
        assigned_at=recorded.recorded_at,
        purpose="review",
        head=event.head or None,
        equipment=_equipment(swarm, event.agent_id),
    )
    _task(swarm, recorded)


def _equipment(swarm: Swarm, agent_id: str) -> Equipment | None:
    agent = swarm.agents.get(agent_id)
    return None if agent is None else agent.equipment


def _suspended(swarm: Swarm, recorded: Recorded) -> None:
    event = recorded.event
    assert isinstance(event, AgentSuspended)
    _agent(swarm, recorded)
    stuck = {held.run_id: held for held in event.runs if held.stuck}
    for run in [one for one in swarm.runs.values() if one.agent_id == event.agent_id]:
        given_up = stuck.get(run.run_id, run.given_up)
        swarm.runs[run.run_id] = replace(run, stranded=event.reason, given_up=given_up)


def _handed_over(swarm: Swarm, recorded: Recorded) -> None:
    event = recorded.event
    assert isinstance(event, TaskHandedOver)
    _task(swarm, recorded)
    run = swarm.runs.get(event.run_id)
    if run is None:
        return
    swarm.stop(run.run_id, run.agent_id)
    swarm.start(run.run_id, event.agent_id)
    swarm.runs[run.run_id] = replace(
        run, agent_id=event.agent_id, role=event.role, position=recorded.position, stranded="", handed_over=True
    )


def _rejected(swarm: Swarm, recorded: Recorded) -> None:
    """Rejected work counts as a failure of the run that made it (R17), unless the base branch moved under it."""
    event = recorded.event
    assert isinstance(event, TaskRejected)
    task = swarm.open_tasks.get(event.task_id)
    run_id = event.run_id or (task.run_id if task else None)
    author = None if task is None else task.author or task.agent_id
    if event.cause == "review" and author is not None and run_id is not None:
        for simulated in (False, True):
            swarm.history(author, simulated).reject(run_id)
    _task(swarm, recorded)


def _run_ended(swarm: Swarm, recorded: Recorded) -> None:
    event = recorded.event
    assert isinstance(event, RunSucceeded | RunFailed | RunCancelled)
    assignment = swarm.runs.pop(event.run_id, None)
    if assignment is None:
        return
    swarm.stop(event.run_id, assignment.agent_id)
    task = swarm.open_tasks.get(event.task_id)
    if task is not None and task.current_run_id == event.run_id:
        swarm.ended[event.run_id] = recorded
    if isinstance(event, RunCancelled) or (isinstance(event, RunFailed) and not event.counts):
        return
    task_type = REVIEW_TYPE if assignment.purpose == "review" else event.task_type
    swarm.history(event.agent_id, event.simulated).add(
        RunOutcome(event.run_id, task_type, recorded.recorded_at, isinstance(event, RunSucceeded))
    )


_FOLDS: Mapping[type[DomainEvent], Callable[[Swarm, Recorded], None]] = {
    **dict.fromkeys(
        (
            AgentRegistered,
            AgentEdited,
            AgentEnabled,
            AgentDisabled,
            AgentDrainStarted,
            AgentRemoved,
            AgentReadmitted,
            AgentRoleFollowed,
            AgentEquipped,
        ),
        _agent,
    ),
    AgentSuspended: _suspended,
    SettingsChanged: _settings,
    TaskHandedOver: _handed_over,
    **dict.fromkeys(
        (
            TaskEdited,
            TaskWaiting,
            TaskSentToReview,
            TaskCompleted,
            TaskFailed,
            TaskReleased,
            TaskApproved,
            TaskReopened,
            TaskRequeued,
            TaskRecalled,
            TaskArchived,
            TaskCommented,
            AttachmentAdded,
            AttachmentRemoved,
            TaskLabelled,
            TaskPaused,
            TaskResumed,
            TaskLanded,
            LandingRefused,
            RevertRequested,
            AttemptRequested,
            AttemptPicked,
        ),
        _task,
    ),
    **dict.fromkeys((RunSucceeded, RunFailed, RunCancelled), _run_ended),
    TaskSubmitted: _submitted,
    TaskAssigned: _assigned,
    TaskRejected: _rejected,
    TaskReordered: _reordered,
    ReviewAssigned: _review_assigned,
    **dict.fromkeys((ProjectArchived, ProjectPaused, ProjectResumed), _project),
    **dict.fromkeys((WorkspaceOpened, WorkspacePaused, WorkspaceResumed), _workspace),
}

# What a follower needs to poll for. Every event of a task and of a project is among it, also where the fold has no use
# for it: a version left out of `threads` or `projects` would make each later append that expects it a conflict. The
# same holds for the workspace's own stream.
TOPICS: tuple[str, ...] = tuple(
    sorted({kind.TOPIC for kind in _FOLDS} | {topic for topic in topics() if topic.startswith(("task.", "project."))})
)
