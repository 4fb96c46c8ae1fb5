"""Facts about agents."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from events.base import DomainEvent, Value
from events.content import Content

OwnField = Literal["name", "capabilities", "task_types", "capacity"]
_ALL_OWN = ["name", "capabilities", "task_types", "capacity"]


class Equipment(Value):
    """What an agent of a package works by. `digest`: the package's, in hex. `manifest`: all of it, as JSON, in the blob
    store: what begins with it ends with it, whatever the package says by then."""

    package: str
    version: str
    digest: str
    manifest: Content


class AgentRegistered(DomainEvent):
    """`capacity`: how many runs it may have at once. `own`: what whoever registered it chose; the rest is as the
    manifest of its role had it, and follows that."""

    TOPIC: ClassVar[str] = "agent.registered"
    VERSION: ClassVar[int] = 2

    agent_id: str
    role: str
    name: str
    capabilities: tuple[str, ...] = ()
    task_types: tuple[str, ...]
    capacity: int = Field(ge=1)
    own: tuple[OwnField, ...] = ()

    @classmethod
    def upcast(cls, version: int, data: dict[str, Any]) -> dict[str, Any]:
        """Version 1 did not say what was chosen. Nothing was for a role's first agent, which a workspace is opened
        with; of all others anything may have been."""
        if version == 1:
            return data | {"own": [] if data["agent_id"] == data["role"] else _ALL_OWN}
        return super().upcast(version, data)


class AgentRoleFollowed(DomainEvent):
    """The manifest of its role says something else than it did, and what nobody chose for this agent follows it.
    Fields that are None did not change."""

    TOPIC: ClassVar[str] = "agent.role-followed"

    agent_id: str
    name: str | None = None
    capabilities: tuple[str, ...] | None = None
    task_types: tuple[str, ...] | None = None
    capacity: int | None = Field(default=None, ge=1)


class AgentEquipped(DomainEvent):
    """From now on it begins its runs by what a package, as it was installed and configured, says. `priority`: among
    agents that are equal otherwise, the higher one goes first."""

    TOPIC: ClassVar[str] = "agent.equipped"

    agent_id: str
    equipment: Equipment
    name: str
    capabilities: tuple[str, ...]
    task_types: tuple[str, ...]
    capacity: int = Field(ge=1)
    priority: int = Field(ge=0, le=100)


class AgentEdited(DomainEvent):
    """Fields that are None did not change."""

    TOPIC: ClassVar[str] = "agent.edited"

    agent_id: str
    name: str | None = None
    capabilities: tuple[str, ...] | None = None
    task_types: tuple[str, ...] | None = None
    capacity: int | None = Field(default=None, ge=1)


class AgentDisabled(DomainEvent):
    """It gets no new work; what it has, it ends."""

    TOPIC: ClassVar[str] = "agent.disabled"

    agent_id: str
    reason: str = ""


class AgentEnabled(DomainEvent):
    TOPIC: ClassVar[str] = "agent.enabled"

    agent_id: str


class AgentRemoved(DomainEvent):
    """It leaves the registry; its history stays."""

    TOPIC: ClassVar[str] = "agent.removed"

    agent_id: str


class HeldRun(Value):
    """A run that an agent had when it was suspended. `doing`: what it had begun, and `name` which: the call of a model
    (`run/step`) in its `attempt`, or the tool call (`step.call`). `stuck`: it was this that did not advance."""

    run_id: str
    task_id: str
    doing: str = ""
    name: str = ""
    attempt: int = Field(default=0, ge=0)
    stuck: bool = False


class AgentSuspended(DomainEvent):
    """It gets no work until it is readmitted, and others may take over what it has. `silent`: it did not answer;
    `stuck`: it answered, and a run of it did not advance. `misses`: heartbeats in a row, `after_s` seconds in all."""

    TOPIC: ClassVar[str] = "agent.suspended"

    agent_id: str
    cause: Literal["silent", "stuck"]
    misses: int = Field(ge=1)
    after_s: int = Field(ge=0)
    reason: str
    runs: tuple[HeldRun, ...] = ()


class AgentReadmitted(DomainEvent):
    """It was started anew and answers again, so it gets work as before."""

    TOPIC: ClassVar[str] = "agent.readmitted"

    agent_id: str
    after_s: int = Field(ge=0)


class AgentDrainStarted(DomainEvent):
    """It gets no new work, as if it were disabled. What it has it may end within `limit_s` seconds; then others take it
    over. None: for as long as that takes."""

    TOPIC: ClassVar[str] = "agent.drain-started"

    agent_id: str
    reason: str = ""
    limit_s: int | None = Field(default=None, ge=0)
