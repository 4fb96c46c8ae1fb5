"""Rules about agents: who is registered, what each can do, and whether it gets work."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Literal

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
    OwnField,
)
from events.base import DomainEvent, changes
from vapora.commands import DrainAgent, EditAgent, RegisterAgent
from vapora.errors import BadInputError, ConflictError, NotFoundError

Events = tuple[DomainEvent, ...]

# To be raised with every change of `evolve` or of the state: what an older fold saved is then left aside.
FOLD_VERSION = 3
USUAL_PRIORITY = 50
# In front of the names of agents whose package is code of Python.
CODE = "python:"
CODE_GONE = "its code is not in the process that runs VAPORA"
_FOLLOWING: tuple[OwnField, ...] = ("name", "capabilities", "task_types", "capacity")


@dataclass(frozen=True, slots=True)
class RoleDefaults:
    """What a role's manifest says about an agent of that role."""

    role: str
    name: str
    capabilities: tuple[str, ...]
    task_types: tuple[str, ...]
    capacity: int


def defaults_of(agent: Agent) -> RoleDefaults:
    """As it is now: what an edit of an agent of a package begins with."""
    return RoleDefaults(agent.role, agent.name, agent.capabilities, agent.task_types, agent.capacity)


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent as its stream tells it. `capacity`: how many runs it may have at once. `offline`: why it is suspended,
    empty while it is not. `drain_limit_s`: after so long others take over what it still has. `own`: what somebody chose
    for it; the rest follows the manifest of its role, or of its package (`equipment`). `priority`: which goes first
    among equals."""

    id: str
    role: str
    name: str
    capabilities: tuple[str, ...]
    task_types: tuple[str, ...]
    capacity: int
    enabled: bool = True
    disabled_reason: str = ""
    removed: bool = False
    offline: str = ""
    drain_limit_s: int | None = None
    own: tuple[OwnField, ...] = ()
    equipment: Equipment | None = None
    priority: int = USUAL_PRIORITY

    @property
    def available(self) -> bool:
        """Whether it may get new work, if it has room for it."""
        return self.enabled and not self.offline and not self.removed


def initial() -> Agent | None:
    """Before its first event an agent does not exist."""
    return None


def next_agent_id(role: str, taken: Collection[str]) -> str:
    """The role for its first agent, then role-2, role-3 …

    Ids come from the role, never from chance, so that what was learned about an agent survives a restart (C5).
    """
    if role not in taken:
        return role
    number = 2
    while f"{role}-{number}" in taken:
        number += 1
    return f"{role}-{number}"


def register(
    state: Agent | None,
    command: RegisterAgent,
    agent_id: str,
    defaults: RoleDefaults | None,
    known_roles: Collection[str],
    known_task_types: Collection[str],
) -> Events:
    """A new agent, or a removed one again: it takes up the history of its id.

    `defaults` is None for a role that does not exist. Raises `BadInputError`, or `ConflictError` for an id
    that another agent has.
    """
    if defaults is None:
        raise BadInputError(
            f"There is no role '{command.role}'.", remedy=f"The roles are: {', '.join(known_roles)}.", field="role"
        )
    wanted = Agent(
        id=agent_id,
        role=defaults.role,
        name=defaults.name if command.name is None else command.name,
        capabilities=defaults.capabilities if command.capabilities is None else command.capabilities,
        task_types=defaults.task_types if command.task_types is None else command.task_types,
        capacity=defaults.capacity if command.capacity is None else command.capacity,
        own=tuple(field for field in _FOLLOWING if getattr(command, field) is not None),
    )
    _check_task_types(wanted.task_types, known_task_types)
    if state is None or state.removed:
        return (_registered(wanted),)
    if state.equipment is None and _said(state) == _said(wanted):
        return ()
    raise ConflictError(
        f"There is an agent '{agent_id}' already.",
        remedy="Edit it, or register one under another id.",
        agent_id=agent_id,
    )


def edit(state: Agent | None, command: EditAgent, agent_id: str, known_task_types: Collection[str]) -> Events:
    """Only what differs is recorded; `enabled` switches the agent on or off."""
    agent = require(state, agent_id)
    wanted = command.changes()
    wanted.pop("enabled", None)
    if command.task_types is not None:
        _check_task_types(command.task_types, known_task_types)
    changed = {field: value for field, value in wanted.items() if value != getattr(agent, field)}
    events: Events = (AgentEdited(agent_id=agent.id, **changed),) if changed else ()
    if command.enabled is None:
        return events
    return (*events, *(enable(agent, agent_id) if command.enabled else disable(agent, agent_id)))


def follow_role(state: Agent | None, defaults: RoleDefaults) -> Events:
    """What nobody chose for it becomes what the role's manifest says now. An agent of a package follows that alone."""
    if state is None or state.removed or state.equipment is not None:
        return ()
    free = [field for field in _FOLLOWING if field not in state.own]
    changed = {field: getattr(defaults, field) for field in free if getattr(state, field) != getattr(defaults, field)}
    return (AgentRoleFollowed(agent_id=state.id, **changed),) if changed else ()


def equip(
    state: Agent | None, agent_id: str, role: str, equipped: AgentEquipped, known_task_types: Collection[str]
) -> Events:
    """The agent of a package: registered where it is not, and equipped. Raises `BadInputError`, or `ConflictError`
    where the id is another agent's."""
    _check_task_types(equipped.task_types, known_task_types)
    package = equipped.equipment.package
    if state is None or state.removed:
        registered = AgentRegistered(
            agent_id=agent_id,
            role=role,
            name=equipped.name,
            capabilities=equipped.capabilities,
            task_types=equipped.task_types,
            capacity=equipped.capacity,
        )
        return registered, equipped
    if state.equipment is None or state.equipment.package != package or state.role != role:
        raise ConflictError(f"There is an agent '{agent_id}' already.", remedy="Remove it first.")
    return () if evolve(state, equipped) == state else (equipped,)


def code_is_gone(state: Agent | None) -> Events:
    """An agent written in Python whose code is not here gets no work."""
    if state is None or state.removed or state.equipment is None or not state.equipment.package.startswith(CODE):
        return ()
    return disable(state, state.id, CODE_GONE)


def code_is_back(state: Agent | None) -> Events:
    """Disabled for no other reason."""
    gone = state is not None and not state.removed and not state.enabled and state.disabled_reason == CODE_GONE
    return enable(state, state.id) if state is not None and gone else ()


def enable(state: Agent | None, agent_id: str) -> Events:
    agent = require(state, agent_id)
    return () if agent.enabled else (AgentEnabled(agent_id=agent.id),)


def disable(state: Agent | None, agent_id: str, reason: str = "") -> Events:
    """It ends what it has and gets nothing new."""
    agent = require(state, agent_id)
    return (AgentDisabled(agent_id=agent.id, reason=reason),) if agent.enabled else ()


def drain(state: Agent | None, command: DrainAgent, agent_id: str) -> Events:
    """It ends what it has, within a limit if one is named, and gets nothing new until it is enabled."""
    agent = require(state, agent_id)
    if not agent.enabled and agent.drain_limit_s == command.limit_s:
        return ()
    return (AgentDrainStarted(agent_id=agent.id, reason=command.reason, limit_s=command.limit_s),)


def remove(state: Agent | None, agent_id: str, *, with_package: bool = False) -> Events:
    """It leaves the registry; its history stays under its id. `with_package`: so does the package that it is of,
    without which it is not removed, unless it is one written in Python whose code is gone."""
    if state is not None and state.removed:
        return ()
    gone = state is not None and not state.enabled and state.disabled_reason == CODE_GONE
    if state is not None and state.equipment is not None and not with_package and not gone:
        raise ConflictError(
            f"The agent '{agent_id}' is of the package {state.equipment.package}.",
            remedy="Remove the package: the agent goes with it.",
        )
    return (AgentRemoved(agent_id=require(state, agent_id).id),)


def state_of(agent: Agent, running: int) -> tuple[Literal["idle", "busy", "draining", "offline", "disabled"], str]:
    """How it is shown while it has so many runs, and why where it gets no work. That it is suspended goes before what
    it was told to do."""
    return shown_state(agent.offline, agent.enabled, agent.disabled_reason, running)


def shown_state(
    offline: str, enabled: bool, disabled_reason: str, running: int
) -> tuple[Literal["idle", "busy", "draining", "offline", "disabled"], str]:
    if offline:
        return "offline", offline
    if not enabled:
        return "draining" if running else "disabled", disabled_reason
    return "busy" if running else "idle", ""


def require(state: Agent | None, agent_id: str) -> Agent:
    """The agent, or `NotFoundError` if it was never registered or is removed."""
    if state is None or state.removed:
        raise NotFoundError(
            f"There is no agent '{agent_id}'.", remedy="Register it first, or check the id.", agent_id=agent_id
        )
    return state


def evolve(state: Agent | None, event: DomainEvent) -> Agent | None:
    """The state after `event`; events of other kinds change nothing."""
    if isinstance(event, AgentRegistered):
        return Agent(
            id=event.agent_id,
            role=event.role,
            name=event.name,
            capabilities=event.capabilities,
            task_types=event.task_types,
            capacity=event.capacity,
            own=event.own,
        )
    if state is None:
        return None
    if isinstance(event, AgentEdited):
        edited = changes(event, "agent_id")
        own = tuple(field for field in _FOLLOWING if field in state.own or field in edited)
        return replace(state, own=own, **edited)
    if isinstance(event, AgentRoleFollowed):
        return replace(state, **changes(event, "agent_id"))
    if isinstance(event, AgentEquipped):
        said = {field: getattr(event, field) for field in _FOLLOWING if field not in state.own}
        return replace(state, equipment=event.equipment, priority=event.priority, **said)
    if isinstance(event, AgentDisabled):
        return replace(state, enabled=False, disabled_reason=event.reason)
    if isinstance(event, AgentDrainStarted):
        reason = event.reason or "drained"
        return replace(state, enabled=False, disabled_reason=reason, drain_limit_s=event.limit_s)
    if isinstance(event, AgentEnabled):
        return replace(state, enabled=True, disabled_reason="", drain_limit_s=None)
    if isinstance(event, AgentSuspended):
        return replace(state, offline=event.reason)
    if isinstance(event, AgentReadmitted):
        return replace(state, offline="")
    if isinstance(event, AgentRemoved):
        return replace(state, removed=True)
    return state


def fold(events: Iterable[DomainEvent]) -> Agent | None:
    """The agent that these events of its stream make."""
    state = initial()
    for event in events:
        state = evolve(state, event)
    return state


def _registered(agent: Agent) -> AgentRegistered:
    return AgentRegistered(
        agent_id=agent.id,
        role=agent.role,
        name=agent.name,
        capabilities=agent.capabilities,
        task_types=agent.task_types,
        capacity=agent.capacity,
        own=agent.own,
    )


def _said(agent: Agent) -> tuple[object, ...]:
    """What a registration says, without what became of the agent since."""
    return (agent.role, *(getattr(agent, field) for field in _FOLLOWING))


def _check_task_types(wanted: tuple[str, ...], known: Collection[str]) -> None:
    strangers = [task_type for task_type in wanted if task_type not in known]
    if strangers:
        raise BadInputError(
            f"There is no task type '{strangers[0]}'.",
            remedy=f"The task types are: {', '.join(known)}.",
            field="task_types",
        )
    if not wanted:
        raise BadInputError(
            "An agent without task types would never get work.", remedy="Name at least one.", field="task_types"
        )
