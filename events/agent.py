"""Facts about agents."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from events.base import DomainEvent


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
