"""What happened: the facts that VAPORA's log is made of. Importing this package registers every topic."""

from events import (
    access,
    agent,
    budget,
    channel,
    identity,
    knowledge,
    plan,
    project,
    routing,
    run,
    schedule,
    secret,
    task,
    user,
    webhook,
    workflow,
    workspace,
)
from events.base import DomainEvent, Unknown, Value, event_class, topics
from events.recorded import Recorded

__all__ = [
    "DomainEvent",
    "Recorded",
    "Unknown",
    "Value",
    "access",
    "agent",
    "budget",
    "channel",
    "event_class",
    "identity",
    "knowledge",
    "plan",
    "project",
    "routing",
    "run",
    "schedule",
    "secret",
    "task",
    "topics",
    "user",
    "webhook",
    "workflow",
    "workspace",
]
