"""The one write path for what people ask: load, fold, decide, append; decide again if somebody was quicker."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from events import DomainEvent, topics
from events.ids import (
    SETTINGS,
    TOOL_SERVERS,
    WORKSPACE,
    StreamName,
    agent_stream,
    channel_stream,
    plan_stream,
    preferences_stream,
    project_stream,
    relation_stream,
    schedule_stream,
    tracker_stream,
    webhook_stream,
)
from events.workspace import WorkspaceOpened
from vapora.catalog import role_defaults, roles, task_types
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
from vapora.commands.documents import DocumentationCommand, DocumentCommand
from vapora.dispatch import plans
from vapora.dispatch.agent_commands import AgentCommands
from vapora.dispatch.beginner import Beginner
from vapora.dispatch.blockers import require_named
from vapora.dispatch.carry_out import Decision, carry_out, decision_on
from vapora.dispatch.documents import Decided, Documents
from vapora.dispatch.request_keys import answer_to
from vapora.dispatch.schedules import Begun, Scheduled, Schedules
from vapora.dispatch.targets import prefix_of, stream_of
from vapora.dispatch.task_commands import TaskCommands
from vapora.dispatch.workflows import WorkflowCommands
from vapora.dispatch.workspace_folds import WorkspaceFolds
from vapora.domain import agent as agents
from vapora.domain import channel as channels
from vapora.domain import preferences, workspace_settings
from vapora.domain import project as projects
from vapora.domain import tool_server as tool_servers
from vapora.domain import webhook as webhooks
from vapora.domain import workspace as workspaces
from vapora.domain.knowledge import relation as relations
from vapora.domain.project import Project
from vapora.domain.tracker import connection as trackers
from vapora.errors import BadInputError, ConflictError, VersionConflictError
from vapora.log.client import Change, LogClient
from vapora.objects import Where
from vapora.ports import IfMatch, Origin, RequestKey
from vapora.views import Accepted


class Dispatcher(WorkspaceFolds):
    """Carries out commands on one workspace's log."""

    def __init__(
        self, log: LogClient, clock: Clock, snapshots: Where | None = None, *, built_in: Collection[str] = ()
    ) -> None:
        """`snapshots`: where folds of long streams are saved; None: nowhere. `built_in`: ids of the servers of tools
        that are a part of VAPORA."""
        super().__init__(log, snapshots)
        self._log = log
        self._clock = clock
        self._task_commands = TaskCommands(log, self)
        self._agent_commands = AgentCommands(log, self)
        self.schedules = Schedules(log, clock, Beginner(self._task_commands, WorkflowCommands(log, clock)), snapshots)
        self._built_in = built_in
        self.documents = Documents(log, self.submission, snapshots)

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
        made = made or new_id(prefix_of(command))

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
        await super().settled()
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
            if_match.require(str(await self._log.last_position(stream_of(command, target))))
            raise
        if_match.require(str(decision.position))
        return decision

    async def _decide(self, origin: Origin, command: Command, target: str, made: str) -> Decision:
        match command:
            case CreateProject() | EditProject() | ArchiveProject() | PauseProject() | ResumeProject():
                stream = project_stream(made)
                project = await self.projects.load(stream)
                return decision_on(made, stream, project, projects.decide(project.state, command, made))
            case ChangeSettings():
                settings = await self.settings.load(SETTINGS)
                changes = workspace_settings.decide(settings.state, command, tuple(roles()))
                return decision_on("settings", SETTINGS, settings, changes)
            case ChangePreferences():
                stream = preferences_stream(target)
                preferred = await self.preferences.load(stream)
                return decision_on(target, stream, preferred, preferences.decide(preferred.state, command, target))
            case AcceptFoundFile():
                stream = project_stream(made)
                project = await self.projects.load(stream)
                events = projects.accept_file(project.state, made, command.sha256, command.text, command.found)
                return decision_on(made, stream, project, events)
            case PauseWorkspace() | ResumeWorkspace():
                recorded = await self._log.read(WORKSPACE)
                events = workspaces.decide(workspaces.is_paused(one.event for one in recorded), command)
                return Decision(made, WORKSPACE, len(recorded), events, recorded[-1].position if recorded else 0)
            case SubmitTask():
                return await self._task_commands.submit(command, made)
            case EditTask() | MoveTask() | RequeueTask():
                return await self._task_commands.change(command, target)
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
                return await self._task_commands.steer(command, target, made)
            case SetWebhook() | RemoveWebhook():
                stream = webhook_stream(made)
                hook = await self.webhooks.load(stream)
                events = webhooks.decide(hook.state, command, made, topics(), new=not target)
                return decision_on(made, stream, hook, events)
            case SetToolServer() | RemoveToolServer():
                servers = await self.tool_servers.load(TOOL_SERVERS)
                changes = tool_servers.decide(
                    servers.state, command, target, built_in=self._built_in, roles=tuple(roles())
                )
                return decision_on(target, TOOL_SERVERS, servers, changes)
            case SetChannel() | RemoveChannel() | ResendDeliveries():
                stream = channel_stream(target)
                channel = await self.channels.load(stream)
                return decision_on(target, stream, channel, channels.decide(channel.state, command, target))
            case SetTracker() | RemoveTracker() | ImportIssues():
                stream = tracker_stream(target)
                tracker = await self.trackers.load(stream)
                return decision_on(target, stream, tracker, trackers.decide(tracker.state, command, target))
            case LinkTask():
                return await self._task_commands.link(command, target)
            case RecordRelation() | RemoveRelation():
                if isinstance(command, RecordRelation):
                    await require_named(self._log, command)
                stream = relation_stream(made)
                relation = await self.relations.load(stream)
                events = relations.decide(relation.state, command, made)
                return decision_on(made, stream, relation, events)
            case AskPlan() | ReviseProposal() | AcceptCards() | DismissPlan():
                return await self._plan(command, made)
            case RegisterAgent() | EditAgent() | DrainAgent() | RemoveAgent():
                return await self._agent_commands.decide(command, target)
            case SetSchedule() | EditSchedule() | RemoveSchedule() | FireSchedule() | LookAtSchedule():
                return _scheduled(await self.schedules.decide(origin, command, target), schedule_stream(target))
            case _ if isinstance(command, DocumentCommand | DocumentationCommand):
                return _documented(await self.documents.decide(command, made))
            case _:
                raise BadInputError(f"{type(command).__name__} is not carried out here.")

    async def submission(
        self, command: SubmitTask, task_id: str
    ) -> tuple[tuple[DomainEvent, ...], dict[StreamName, int]]:
        """The first events of a task's stream, and the versions that they were decided on. Raises as `dispatch`."""
        return await self._task_commands.submission(command, task_id)

    async def _plan(self, command: PlanCommand, plan_id: str) -> Decision:
        plan, settings = await asyncio.gather(self.plans.load(plan_stream(plan_id)), self.settings.load(SETTINGS))
        of_project = project_stream(plans.project_of(command, plan.state))
        project = await self.projects.load(of_project)
        own, *others = plans.decide(command, plan_id, plans.Found(plan, project, settings.state))
        expected = {of_project: project.version}
        return Decision(
            plan_id, plan_stream(plan_id), plan.version, own[2], plan.position, expected, others=tuple(others)
        )


def _scheduled(one: Scheduled, stream: StreamName) -> Decision:
    begun = one.begun or Begun(one.id, ())
    loaded = one.loaded
    return Decision(one.id, stream, loaded.version, one.events, loaded.position, begun.expected, begun.changes)


def _documented(one: Decided) -> Decision:
    (stream, version, events), *others = one.changes
    return Decision(one.id, stream, version, tuple(events), one.position, one.expected, tuple(others))
