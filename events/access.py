"""Facts about who was refused, and who looked at what is watched.

They stand in the log of the workspace that they concern; those about no workspace of the one who asked, in the people
log."""

from __future__ import annotations

from typing import ClassVar

from events.base import DomainEvent


class AccessDenied(DomainEvent):
    """`principal`: as the log names who does something; `resource`: as `task/task-1`. `count`: so many alike since the
    last such event, since a flood of refusals must not fill the log."""

    TOPIC: ClassVar[str] = "access.denied"

    principal: str
    action: str
    resource: str
    reason: str
    count: int = 1


class AuditViewed(DomainEvent):
    """`what`: the question, as its filters say it. At most one for a person and question in a minute."""

    TOPIC: ClassVar[str] = "access.audit-viewed"

    principal: str
    what: str
