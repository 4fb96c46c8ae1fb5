"""Facts about agents."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from events.base import DomainEvent, Value


class AgentRegistered(DomainEvent):
    """`capacity`: how many runs it may have at once."""

    TOPIC: ClassVar[str] = "agent.registered"

    agent_id: str
    role: str
    name: str
    capabilities: tuple[str, ...] = ()
    task_types: tuple[str, ...]
    capacity: int = Field(ge=1)


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
