"""Who may do this? Asked once for each request, before the route sees anything of it.

The action is the route's operation id. What a route does only sometimes it asks for itself (`Admitted.require`). Who is
no member of a workspace is told that there is none, in the very words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request
from starlette.requests import HTTPConnection

from events.ids import (
    DEFAULT_WORKSPACE,
    MemberRole,
    StreamName,
    document_stream,
    is_workspace,
    plan_stream,
    run_stream,
    schedule_stream,
    task_stream,
    workflow_run_stream,
)
from projections import board, projects, runs
from vapora.access import Engine
from vapora.api.caller import Caller, caller_of
from vapora.api.denials import Denials
from vapora.api.places import Ref, place_of
from vapora.clock import Clock
from vapora.domain import access
from vapora.domain.access import ACTIONS, INSTALLATION, WHILE_ARCHIVED, Principal, Question, Resource
from vapora.domain.people import Directory
from vapora.domain.workflow.state import run_of_approval
from vapora.errors import BadInputError, ForbiddenError, is_archived, no_such_workspace

if TYPE_CHECKING:
    from vapora.api.cells import Cells
    from vapora.api.people import People

HEADER = "Vapora-Workspace"
_READING = ("GET", "HEAD")
_LEAST_FIRST = (MemberRole.VIEWER, MemberRole.MEMBER, MemberRole.ADMIN, MemberRole.OWNER)


def workspace_of(connection: HTTPConnection) -> str:
    """The workspace that is spoken to: of the path where it stands there, else of the header. Raises `BadInputError`
    for a header that names none."""
    in_path: str | None = connection.path_params.get("workspace_id")
    if in_path is not None:
        return in_path
    named = connection.headers.get(HEADER, DEFAULT_WORKSPACE)
    if not is_workspace(named):
        raise BadInputError(
            f"header {HEADER}: {named!r:.80} is not the name of a workspace.",
            remedy=f"Correct {HEADER} and send it again.",
            field=HEADER,
            where="header",
        )
    return named


@dataclass(frozen=True, slots=True)
class Admitted:
    """Who was let in, for what, and on which terms: a route asks it for what it does only sometimes."""

    gate: Gate
    caller: Caller | None
    action: str
    principal: Principal
    resource: Resource
    own: str
    correlation: str

    @property
    def question(self) -> Question:
        """The policies that ship know no projects and tasks: without others all of a workspace is one question."""
        finer = self.own or self.resource.kind == "Installation"
        there = self.resource if finer else access.workspace_resource(self.resource.workspace)
        return Question(self.principal, self.action, there)

    def may(self, aspect: str) -> bool:
        """`aspect`: what stands behind the colon, as `commands` of `edit_project:commands`."""
        asked = replace(self, action=f"{self.action}:{aspect}")
        return self.gate.engine.may(asked.question, self.own)

    async def require(self, aspect: str) -> None:
        """Raises `ForbiddenError`."""
        await self.gate.require(replace(self, action=f"{self.action}:{aspect}"))


class Gate:
    """Of one replica."""

    def __init__(self, engine: Engine, people: People, cells: Cells, denials: Denials, clock: Clock) -> None:
        self.engine = engine
        self.denials = denials
        self._people = people
        self._cells = cells
        self._clock = clock

    async def admit(self, request: Request, action: str) -> Admitted:
        """Raises `UnauthenticatedError`, `ForbiddenError`, `NotFoundError` for a workspace that is not there, or not
        for who asks, and `ArchivedError` for a write to one that takes none."""
        group = ACTIONS.get(action)
        if group is None:
            # A test sees to it that there is none; if there is, it stays closed.
            raise ForbiddenError(f"Nothing says who may do this ({action}).", action=action)
        caller = None if group.name == "enter" else await caller_of(request)
        workspace = workspace_of(request) if group.level == "workspace" else ""
        correlation: str = request.state.correlation
        admitted = await self.place(caller, action, workspace, correlation)
        if workspace:
            admitted = replace(admitted, resource=await self._resource(request, workspace, admitted.own))
        await self.require(admitted)
        if workspace and request.method not in _READING and action not in WHILE_ARCHIVED:
            await self._require_open(workspace)
        return admitted

    async def _require_open(self, workspace: str) -> None:
        """Raises `ArchivedError`, before anything of the write is looked at; what comes past all the same, because it
        is archived only now, the log itself refuses."""
        known = (await self._people.directory()).workspace(workspace)
        if known is None or not known.archived:
            return
        # Perhaps another replica has just restored it.
        known = (await self._people.fresh()).workspace(workspace)
        if known is not None and known.archived:
            raise is_archived(workspace)

    async def place(self, caller: Caller | None, action: str, workspace: str, correlation: str) -> Admitted:
        """Who it is there; nothing is decided yet. Raises `NotFoundError` where they are nobody."""
        found = self._place(await self._people.directory(), caller, action, workspace, correlation)
        if found is None and caller is not None:
            # Perhaps another replica has just made them a member.
            found = self._place(await self._people.fresh(), caller, action, workspace, correlation)
        if found is not None:
            return found
        if (await self._people.directory()).workspace(workspace) is not None:
            await self.denials.foreign(_name(caller), action, workspace, correlation)
        raise no_such_workspace(workspace)

    async def require(self, admitted: Admitted) -> None:
        """Raises `ForbiddenError`, after that was recorded."""
        decision = self.engine.decide(admitted.question, admitted.own)
        if not decision.allowed and admitted.caller is not None:
            # Perhaps another replica has just given them the role, or the policy.
            known = await self._people.fresh()
            workspace = admitted.resource.workspace
            again = self._place(known, admitted.caller, admitted.action, workspace, admitted.correlation)
            if again is None:
                raise no_such_workspace(workspace)
            admitted = replace(again, resource=admitted.resource)
            decision = self.engine.decide(admitted.question, admitted.own)
        if decision.allowed:
            return
        name = _name(admitted.caller)
        await self.denials.denied(name, admitted.action, admitted.resource, decision.reason, admitted.correlation)
        raise ForbiddenError(
            f"You may not do this here ({admitted.action}). {decision.reason}",
            remedy=self._remedy(admitted),
            action=admitted.action,
        )

    async def still(self, caller: Caller, action: str, workspace: str) -> bool:
        """Whether who was let in would be let in again: asked by what stays open."""
        again = self._place(await self._people.directory(), caller, action, workspace, "")
        return again is not None and self.engine.may(again.question, again.own)

    async def allowed_actions(self, caller: Caller, workspace: str) -> tuple[str, ...]:
        """All that the caller may do in the workspace, and in the installation, by the operations' ids. A workspace's
        own policies may still refuse single projects and tasks."""
        directory = await self._people.directory()
        known = directory.workspace(workspace)
        asks = access.principal(directory, caller.name, workspace, self._clock())
        places = {
            "installation": (INSTALLATION, ""),
            "workspace": (access.workspace_resource(workspace), "" if known is None else known.policies),
        }
        return tuple(
            action
            for action, group in ACTIONS.items()
            if (place := places.get(group.level)) is not None
            and self.engine.may(Question(asks, action, place[0]), place[1])
        )

    async def is_member(self, caller: Caller, workspace: str) -> bool:
        """Whether the caller is anything at all there."""
        return self._place(await self._people.directory(), caller, "", workspace, "") is not None

    def _place(
        self, directory: Directory, caller: Caller | None, action: str, workspace: str, correlation: str
    ) -> Admitted | None:
        """None for who is nobody there. Whoever owns the installation is somebody everywhere, also in a workspace that
        was imported and that the directory does not know; where there is none, opening it says so."""
        asks = access.principal(directory, "" if caller is None else caller.name, workspace, self._clock())
        if not workspace:
            return Admitted(self, caller, action, asks, INSTALLATION, "", correlation)
        if asks.role is None and not access.owns_installation(asks):
            return None
        known, there = directory.workspace(workspace), access.workspace_resource(workspace)
        own = "" if known is None else known.policies
        return Admitted(self, caller, action, asks, there, own, correlation)

    def _remedy(self, admitted: Admitted) -> str:
        """Which role would do; where none would, it is the workspace's own policies, or the installation's matter."""
        if admitted.resource.kind == "Installation":
            return "Ask an administrator of the installation."
        for role in _LEAST_FIRST:
            somebody = replace(admitted, principal=Principal("User", "somebody", role))
            if self.engine.may(somebody.question, admitted.own):
                yours = admitted.principal.role
                return f"It takes at least the role {role.value}; yours is {yours.value if yours else 'none'}."
        return "A policy of this workspace forbids it; GET /policies shows them."

    async def _resource(self, request: Request, workspace: str, own: str) -> Resource:
        """What the path, or else the query or the body, names. Only a workspace's own policies ask for more than its
        kind and id, so only for them it is looked up."""
        there = access.workspace_resource(workspace)
        names = request.path_params
        if (task := names.get("task_id")) is not None:
            return await self._task(there, task) if own else replace(there, kind="Task", id=task)
        if (run := names.get("run_id")) is not None:
            return await self._run(there, run) if own else replace(there, kind="Run", id=run)
        if (agent := names.get("agent_id")) is not None:
            return replace(there, kind="Agent", id=agent)
        if own and (ref := _of_path(names)) is not None:
            return await self._place_of(there, ref)
        if (workflow := names.get("workflow_id")) is not None:
            found = replace(there, kind="Workflow", id=workflow)
            return replace(found, project=await self._started_in(request, there, workflow)) if own else found
        project = names.get("project_id") or request.query_params.get("project_id")
        if project is None and own and request.method != "GET":
            project = await _named_in_body(request)
        return there if project is None else replace(there, kind="Project", id=project, project=project)

    async def _task(self, there: Resource, task_id: str) -> Resource:
        cell = await self._cells.open(there.workspace)
        card = await cell.find(task_stream(task_id), lambda rows: board.card(rows, task_id))
        found = replace(there, kind="Task", id=task_id)
        return found if card is None else replace(found, project=card.project_id, state=card.state.value)

    async def _place_of(self, there: Resource, ref: Ref) -> Resource:
        """What is not there is in no project: the route says that it is not there."""
        cell = await self._cells.open(there.workspace)
        stream = _STREAMS[ref.kind](ref.id)
        return await cell.find(stream, lambda rows: place_of(rows, there, ref)) or there

    async def _started_in(self, request: Request, there: Resource, workflow_id: str) -> str:
        """The project that a run of the workflow would make its cards in; empty: none, or it is not about a start."""
        if request.method != "POST":
            return ""
        cell = await self._cells.open(there.workspace)
        if (named := await _named_in_body(request)) is not None:
            return named
        known, _, _ = await cell.workflows.load(workflow_id)
        of_definition = None if known is None else known.definition.get("project_id")
        if isinstance(of_definition, str):
            return of_definition
        only = await cell.read(lambda rows: projects.projects(rows, archived=False))
        return only[0].id if len(only) == 1 else ""

    async def _run(self, there: Resource, run_id: str) -> Resource:
        cell = await self._cells.open(there.workspace)
        run = await cell.find(run_stream(run_id), lambda rows: runs.run_of(rows, run_id))
        card = None if run is None else await cell.read(lambda rows: board.card(rows, run.task_id))
        found = replace(there, kind="Run", id=run_id)
        return found if card is None else replace(found, project=card.project_id)


# Of what a path names by these, where it is has to be looked up: parameter → kind.
_KINDS = {
    "approval_id": "approval",
    "workflow_run_id": "workflow-run",
    "document_id": "document",
    "plan_id": "plan",
    "schedule_id": "schedule",
}
_STREAMS: Mapping[str, Callable[[str], StreamName]] = {
    "approval": lambda id_: workflow_run_stream(run_of_approval(id_)),
    "workflow-run": workflow_run_stream,
    "document": document_stream,
    "plan": plan_stream,
    "schedule": schedule_stream,
}


def _of_path(names: Mapping[str, str]) -> Ref | None:
    found = next((name for name in _KINDS if name in names), None)
    return None if found is None else Ref(_KINDS[found], names[found], names.get("stage", ""))


def _name(caller: Caller | None) -> str:
    return "visitor" if caller is None else caller.name


async def _named_in_body(request: Request) -> str | None:
    """`project_id` of a JSON body; a body that is none is refused by the route."""
    if not request.headers.get("content-type", "application/json").startswith("application/json"):
        return None
    try:
        body = await request.json()
    except ValueError:
        return None
    project = body.get("project_id") if isinstance(body, dict) else None
    return project if isinstance(project, str) else None


async def enforce(connection: HTTPConnection) -> None:
    """Stands before every route of the API. A socket asks for itself, since it hears only later who it speaks to."""
    if not isinstance(connection, Request):
        return
    gate: Gate = connection.app.state.gate
    connection.state.admitted = await gate.admit(connection, connection.scope["route"].name)


async def _admitted(request: Request) -> Admitted:
    found: Admitted = request.state.admitted
    return found


# On which terms the request was let in.
LetIn = Annotated[Admitted, Depends(_admitted)]
