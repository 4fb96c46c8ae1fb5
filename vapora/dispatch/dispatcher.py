"""The one write path for what people ask: load, fold, decide, append; decide again if somebody was quicker."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from events import DomainEvent, topics
from events.ids import (
    SETTINGS,
    TOOL_SERVERS,
    WORKSPACE,
    StreamName,
    agent_stream,
    channel_stream,
    document_stream,
    plan_stream,
    preferences_stream,
    project_stream,
    relation_stream,
    schedule_stream,
    task_stream,
    tracker_stream,
    webhook_stream,
)
from events.schedule import ScheduleSet
from events.user import PreferencesChanged
from events.workspace import WorkspaceOpened
from vapora.catalog import infer_task_type, role_defaults, roles, task_types
from vapora.clock import Clock, new_id
from vapora.commands import (
    AcceptCards,
    AcceptFoundFile,
    ApproveTask,
    ArchiveProject,
    AskPlan,
    AttachFile,
    CancelRun,
    ChangePreferences,
    ChangeSettings,
    Command,
    CommentTask,
    CreateProject,
    DecideToolCall,
    DetachFile,
    DismissPlan,
    DrainAgent,
    EditAgent,
    EditProject,
    EditSchedule,
    EditTask,
    FireSchedule,
    ImportIssues,
    LinkTask,
    LookAtSchedule,
    MoveTask,
    PauseProject,
    PauseRun,
    PauseWorkspace,
    PickAttempt,
    PlanCommand,
    RecordRelation,
    RegisterAgent,
    RemoveAgent,
    RemoveChannel,
    RemoveRelation,
    RemoveSchedule,
    RemoveToolServer,
    RemoveTracker,
    RemoveWebhook,
    RequestChanges,
    RequeueTask,
    ResendDeliveries,
    ResolveTask,
    ResumeProject,
    ResumeRun,
    ResumeWorkspace,
    ReviseProposal,
    SetChannel,
    SetSchedule,
    SetToolServer,
    SetTracker,
    SetWebhook,
    StartAttempt,
    SubmitTask,
)
from vapora.commands.documents import (
    DocumentationCommand,
    DocumentCommand,
    DraftDocument,
    RemoveDocument,
    ReviseDocument,
)
from vapora.dispatch import plans
from vapora.dispatch.blockers import require_named, require_tasks, ring_through
from vapora.dispatch.carry_out import Decision, carry_out
from vapora.dispatch.documents import Decided, Documents
from vapora.dispatch.folds import CHANNEL, PLAN, PROJECT, RELATION, TASK, TOOL_SERVERS_FOLD, TRACKER, WEBHOOK
from vapora.dispatch.request_keys import answer_to
from vapora.dispatch.schedules import Begun, Scheduled, Schedules
from vapora.dispatch.submission import submitted
from vapora.dispatch.workflows import WorkflowCommands
from vapora.domain import agent as agents
from vapora.domain import channel as channels
from vapora.domain import preferences, workspace_settings
from vapora.domain import project as projects
from vapora.domain import task as tasks
from vapora.domain import tool_server as tool_servers
from vapora.domain import webhook as webhooks
from vapora.domain import workspace as workspaces
from vapora.domain.agent import Agent
from vapora.domain.knowledge import relation as relations
from vapora.domain.project import Project
from vapora.domain.task_steering import Steering, steer
from vapora.domain.tracker import connection as trackers
from vapora.domain.workspace_settings import WorkspaceSettings
from vapora.errors import BadInputError, ConflictError, VersionConflictError
from vapora.log.client import Change, LogClient
from vapora.log.folds import Fold, LoadedFold, StreamFolds
from vapora.objects import Where
from vapora.ports import IfMatch, Origin, RequestKey
from vapora.views import Accepted


class Dispatcher:
    """Carries out commands on one workspace's log."""

    def __init__(
        self, log: LogClient, clock: Clock, snapshots: Where | None = None, *, built_in: Collection[str] = ()
    ) -> None:
        """`snapshots`: where folds of long streams are saved; None: nowhere. `built_in`: ids of the servers of tools
        that are a part of VAPORA."""
        self._log = log
        self._clock = clock
        self.projects = StreamFolds(log, PROJECT, snapshots)
        self.tasks = StreamFolds(log, TASK, snapshots)
        self.agents = StreamFolds(log, _AGENT, snapshots)
        self.settings = StreamFolds(log, _SETTINGS, snapshots)
        self.preferences = StreamFolds(log, _PREFERENCES, snapshots)
        self.webhooks = StreamFolds(log, WEBHOOK, snapshots)
        self.channels = StreamFolds(log, CHANNEL, snapshots)
        self.schedules = Schedules(log, clock, _Beginner(self._submit, WorkflowCommands(log, clock)), snapshots)
        self.plans = StreamFolds(log, PLAN, snapshots)
        self.tool_servers = StreamFolds(log, TOOL_SERVERS_FOLD, snapshots)
        self._built_in = built_in
        self.documents = Documents(log, self.submission, snapshots)
        self.trackers = StreamFolds(log, TRACKER, snapshots)
        self.relations = StreamFolds(log, RELATION, snapshots)

    async def dispatch(
        self,
        origin: Origin,
        command: Command,
        target: str = "",
        key: RequestKey | None = None,
        if_match: IfMatch | None = None,
    ) -> Accepted:
        """Carry out `command` on `target` (the id in the path; empty for what is new).

        `if_match`: only while the target's stream ends with an event at one of these positions. It is decided on that
        very version, so that nobody comes between. The answer's position is that of the last event it led to. Raises
        `BadInputError`, `NotFoundError`, `ConflictError`; then nothing is appended.
        """
        made = new_id("comment") if isinstance(command, CommentTask) else target
        made = made or new_id(_PREFIX.get(type(command), "id"))

        async def decide() -> Decision:
            return await self._decided_on(origin, command, target, made, if_match)

        return await carry_out(self._log, self._clock, origin, decide, key)

    async def answered(self, key: RequestKey) -> Accepted | None:
        """What a request under this key was answered: for who must look at something that the first one changed."""
        earlier, _ = await answer_to(key, self._log, self._clock())
        return None if earlier is None else earlier.accepted

    async def open_workspace(self, origin: Origin) -> None:
        """The first events of a log: the workspace, and one agent of each role. Nothing where they stand."""
        if await self._log.first(WORKSPACE):
            return
        first: list[Change] = [(WORKSPACE, 0, (WorkspaceOpened(workspace_id=origin.workspace),))]
        for one in roles():
            defaults = role_defaults(one)
            events = agents.register(None, RegisterAgent(role=one), one, defaults, tuple(roles()), task_types())
            first.append((agent_stream(one), 0, events))
        try:
            await self._log.append(origin, *first)
        except VersionConflictError:
            return  # another process opened it first

    async def project(self, project_id: str) -> Project:
        """As the log has it now; raises `NotFoundError`."""
        found = await self.projects.load(project_stream(project_id))
        return projects.require(found.state, project_id)

    async def settled(self) -> None:
        """Until no fold is being saved."""
        for folds in (
            self.projects,
            self.tasks,
            self.agents,
            self.settings,
            self.preferences,
            self.webhooks,
            self.channels,
            self.plans,
            self.tool_servers,
            self.trackers,
            self.relations,
        ):
            await folds.settled()
        await self.schedules.settled()
        await self.documents.settled()

    # --- deciding ---

    async def _decided_on(
        self, origin: Origin, command: Command, target: str, made: str, if_match: IfMatch | None
    ) -> Decision:
        """`PreconditionFailedError` where the thing is at another version than the caller has seen."""
        if if_match is None:
            return await self._decide(origin, command, target, made)
        try:
            decision = await self._decide(origin, command, target, made)
        except ConflictError:
            # That it has changed says more than what this led to.
            if_match.require(str(await self._log.last_position(_stream_of(command, target))))
            raise
        if_match.require(str(decision.position))
        return decision

    async def _decide(self, origin: Origin, command: Command, target: str, made: str) -> Decision:
        match command:
            case CreateProject() | EditProject() | ArchiveProject() | PauseProject() | ResumeProject():
                stream = project_stream(made)
                project = await self.projects.load(stream)
                return _decision(made, stream, project, projects.decide(project.state, command, made))
            case ChangeSettings():
                settings = await self.settings.load(SETTINGS)
                changes = workspace_settings.decide(settings.state, command, tuple(roles()))
                return _decision("settings", SETTINGS, settings, changes)
            case ChangePreferences():
                stream = preferences_stream(target)
                preferred = await self.preferences.load(stream)
                return _decision(target, stream, preferred, preferences.decide(preferred.state, command, target))
            case AcceptFoundFile():
                stream = project_stream(made)
                project = await self.projects.load(stream)
                events = projects.accept_file(project.state, made, command.sha256, command.text, command.found)
                return _decision(made, stream, project, events)
            case PauseWorkspace() | ResumeWorkspace():
                recorded = await self._log.read(WORKSPACE)
                events = workspaces.decide(workspaces.is_paused(one.event for one in recorded), command)
                return Decision(made, WORKSPACE, len(recorded), events, recorded[-1].position if recorded else 0)
            case SubmitTask():
                return await self._submit(command, made)
            case EditTask() | MoveTask() | RequeueTask():
                return await self._task(command, target)
            case (
                ApproveTask()
                | RequestChanges()
                | CommentTask()
                | AttachFile()
                | DetachFile()
                | StartAttempt()
                | PickAttempt()
                | ResolveTask()
                | PauseRun()
                | ResumeRun()
                | CancelRun()
                | DecideToolCall()
            ):
                return await self._steer(command, target, made)
            case SetWebhook() | RemoveWebhook():
                stream = webhook_stream(made)
                hook = await self.webhooks.load(stream)
                events = webhooks.decide(hook.state, command, made, topics(), new=not target)
                return _decision(made, stream, hook, events)
            case SetToolServer() | RemoveToolServer():
                servers = await self.tool_servers.load(TOOL_SERVERS)
                changes = tool_servers.decide(
                    servers.state, command, target, built_in=self._built_in, roles=tuple(roles())
                )
                return _decision(target, TOOL_SERVERS, servers, changes)
            case SetChannel() | RemoveChannel() | ResendDeliveries():
                stream = channel_stream(target)
                channel = await self.channels.load(stream)
                return _decision(target, stream, channel, channels.decide(channel.state, command, target))
            case SetTracker() | RemoveTracker() | ImportIssues():
                stream = tracker_stream(target)
                tracker = await self.trackers.load(stream)
                return _decision(target, stream, tracker, trackers.decide(tracker.state, command, target))
            case LinkTask():
                return await self._link(command, target)
            case RecordRelation() | RemoveRelation():
                if isinstance(command, RecordRelation):
                    await require_named(self._log, command)
                stream = relation_stream(made)
                relation = await self.relations.load(stream)
                events = relations.decide(relation.state, command, made)
                return _decision(made, stream, relation, events)
            case AskPlan() | ReviseProposal() | AcceptCards() | DismissPlan():
                return await self._plan(command, made)
            case RegisterAgent() | EditAgent() | DrainAgent() | RemoveAgent():
                return await self._agent(command, target)
            case SetSchedule() | EditSchedule() | RemoveSchedule() | FireSchedule() | LookAtSchedule():
                return _scheduled(await self.schedules.decide(origin, command, target), schedule_stream(target))
            case _ if isinstance(command, DocumentCommand | DocumentationCommand):
                return _documented(await self.documents.decide(command, made))
            case _:
                raise BadInputError(f"{type(command).__name__} is not carried out here.")

    async def _submit(self, command: SubmitTask, made: str) -> Decision:
        events, expected = await self.submission(command, made)
        return Decision(made, task_stream(made), 0, events, expected=expected)

    async def submission(
        self, command: SubmitTask, task_id: str
    ) -> tuple[tuple[DomainEvent, ...], dict[StreamName, int]]:
        """The first events of a task's stream, and the versions that they were decided on. Raises as `dispatch`."""
        project, settings = await asyncio.gather(
            self.projects.load(project_stream(command.project_id)), self.settings.load(SETTINGS)
        )
        command = workspace_settings.complete(command, settings.state)
        if command.blocked_by:
            await require_tasks(self._log, command.blocked_by)
        task_type, reason = command.task_type, ""
        if command.agent is not None:
            agent = (await self.agents.load(agent_stream(command.agent))).state
            task_type = tasks.type_for(agent, command.agent, command.role, task_type)
        if task_type is None:
            known = command.role if command.role in roles() else None
            board_type = command.type.value if "type" in command.model_fields_set else None
            task_type, reason = infer_task_type(command.title, command.description, board_type, known)
        events = submitted(task_id, command, project.state, task_type, reason)
        return events, {project_stream(command.project_id): project.version}

    async def _task(self, command: EditTask | MoveTask | RequeueTask, target: str) -> Decision:
        stream = task_stream(target)
        task = await self.tasks.load(stream)
        if isinstance(command, EditTask):
            added = set(command.blocked_by or ()) - set(task.state.blocked_by if task.state else ())
            await require_tasks(self._log, sorted(added))
            ring, looked_at = await ring_through(target, added, self.tasks)
            return _decision(target, stream, task, tasks.edit(task.state, command, target, ring), looked_at)
        of_project = project_stream(tasks.require(task.state, target).project_id)
        project = await self.projects.load(of_project)
        expected = {of_project: project.version}
        if isinstance(command, RequeueTask):
            return _decision(target, stream, task, tasks.requeue(task.state, command, target, project.state), expected)
        if command.before is not None:
            await require_tasks(self._log, (command.before,))
        return _decision(target, stream, task, tasks.move(task.state, command, target, project.state), expected)

    async def _steer(self, command: Steering, target: str, made: str) -> Decision:
        stream = task_stream(target)
        task = await self.tasks.load(stream)
        expected: dict[StreamName, int] = {}
        project = agent = None
        if isinstance(command, StartAttempt):
            of_project = project_stream(tasks.require(task.state, target).project_id)
            project = await self.projects.load(of_project)
            expected[of_project] = project.version
            if command.agent is not None:
                agent = await self.agents.load(agent_stream(command.agent))
                expected[agent_stream(command.agent)] = agent.version
        events = steer(task.state, command, target, made, project and project.state, agent and agent.state)
        answered = made if isinstance(command, CommentTask) else target
        return _decision(answered, stream, task, events, expected)

    async def _link(self, command: LinkTask, task_id: str) -> Decision:
        task = tasks.require((await self.tasks.load(task_stream(task_id))).state, task_id)
        stream = tracker_stream(command.tracker_id)
        tracker = await self.trackers.load(stream)
        events = trackers.want_issue(tracker.state, command.tracker_id, task_id, task.project_id)
        return _decision(task_id, stream, tracker, events)

    async def _plan(self, command: PlanCommand, plan_id: str) -> Decision:
        plan, settings = await asyncio.gather(self.plans.load(plan_stream(plan_id)), self.settings.load(SETTINGS))
        of_project = project_stream(plans.project_of(command, plan.state))
        project = await self.projects.load(of_project)
        own, *others = plans.decide(command, plan_id, plans.Found(plan, project, settings.state))
        expected = {of_project: project.version}
        return Decision(
            plan_id, plan_stream(plan_id), plan.version, own[2], plan.position, expected, others=tuple(others)
        )

    async def _agent(self, command: RegisterAgent | EditAgent | DrainAgent | RemoveAgent, target: str) -> Decision:
        agent_id = target
        free = isinstance(command, RegisterAgent) and command.id is None
        if isinstance(command, RegisterAgent):
            agent_id = command.id or await self._free_agent_id(command.role)
        stream = agent_stream(agent_id)
        # A free id is decided on as it was found: whoever takes it meanwhile makes a conflict, not the same agent.
        agent = LoadedFold[Agent | None](None, 0, 0) if free else await self.agents.load(stream)
        match command:
            case RegisterAgent():
                defaults = role_defaults(command.role) if command.role in roles() else None
                events = agents.register(agent.state, command, agent_id, defaults, tuple(roles()), task_types())
            case EditAgent():
                events = agents.edit(agent.state, command, agent_id, task_types())
            case DrainAgent():
                events = agents.drain(agent.state, command, agent_id)
            case RemoveAgent():
                events = agents.remove(agent.state, agent_id)
        return _decision(agent_id, stream, agent, events)

    async def _free_agent_id(self, role_id: str) -> str:
        taken: set[str] = set()
        while True:
            candidate = agents.next_agent_id(role_id, taken)
            if not await self._log.first(agent_stream(candidate)):
                return candidate
            taken.add(candidate)


_AGENT = Fold("agent", agents.FOLD_VERSION, Agent, agents.evolve)
_SETTINGS = Fold("settings", workspace_settings.FOLD_VERSION, WorkspaceSettings, workspace_settings.evolve)
_PREFERENCES = Fold("preferences", preferences.FOLD_VERSION, PreferencesChanged, preferences.evolve)
_PREFIX: dict[type[Command], str] = {
    CreateProject: "project",
    SubmitTask: "task",
    SetWebhook: "webhook",
    AskPlan: "plan",
    DraftDocument: "document",
    RecordRelation: "relation",
}


def _decision(
    id_: str,
    stream: StreamName,
    on: LoadedFold[Any],
    events: tuple[DomainEvent, ...],
    expected: Mapping[StreamName, int] | None = None,
) -> Decision:
    return Decision(id_, stream, on.version, events, on.position, expected or {})


class _Beginner:
    """What a schedule begins, decided as a request is."""

    def __init__(self, submit: Callable[[SubmitTask, str], Awaitable[Decision]], workflows: WorkflowCommands) -> None:
        self._submit = submit
        self._workflows = workflows

    async def task(self, command: SubmitTask, task_id: str) -> Begun:
        decision = await self._submit(command, task_id)
        return Begun(task_id, ((decision.stream, decision.version, decision.events),), decision.expected)

    async def run(self, origin: Origin, event: ScheduleSet, workflow_run_id: str) -> Begun:
        workflow_id, schedule_id = event.workflow_id or "", event.schedule_id
        change, expected = await self._workflows.beginning(
            origin, workflow_id, workflow_run_id, event.inputs, schedule_id, event.project_id
        )
        return Begun(workflow_run_id, (change,), expected)


def _scheduled(one: Scheduled, stream: StreamName) -> Decision:
    begun = one.begun or Begun(one.id, ())
    loaded = one.loaded
    return Decision(one.id, stream, loaded.version, one.events, loaded.position, begun.expected, begun.changes)


def _documented(one: Decided) -> Decision:
    (stream, version, events), *others = one.changes
    return Decision(one.id, stream, version, tuple(events), one.position, one.expected, tuple(others))


def _stream_of(command: Command, target: str) -> StreamName:
    """Of the thing that an edit is about."""
    match command:
        case ChangeSettings():
            return SETTINGS
        case ChangePreferences():
            return preferences_stream(target)
        case EditAgent() | DrainAgent() | RemoveAgent():
            return agent_stream(target)
        case SetChannel() | RemoveChannel():
            return channel_stream(target)
        case SetSchedule() | EditSchedule() | RemoveSchedule():
            return schedule_stream(target)
        case SetToolServer() | RemoveToolServer():
            return TOOL_SERVERS
        case SetTracker() | RemoveTracker():
            return tracker_stream(target)
        case SetWebhook() | RemoveWebhook():
            return webhook_stream(target)
        case ReviseDocument() | RemoveDocument():
            return document_stream(target)
        case EditTask() | MoveTask():
            return task_stream(target)
        case _:
            return project_stream(target)
