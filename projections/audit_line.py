"""One line of the audit trail, and how it is made of an event."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

Action = Literal[
    "create",
    "update",
    "delete",
    "execute",
    "assign",
    "complete",
    "override",
    "query-secret",
    "view-audit",
    "deny",
    "unknown",
]
Result = Literal["success", "failure", "partial-success"]


class AuditLine(NamedTuple):
    action: Action
    resource_type: str
    resource_id: str
    result: Result = "success"
    details: str = ""


def rule(
    action: Action,
    resource: str,
    name: str,
    details: Callable[[Any], str] = lambda event: "",
    result: Result = "success",
) -> Callable[[Any], AuditLine]:
    """`name`: the field that holds the resource's id."""
    return lambda event: AuditLine(action, resource, str(getattr(event, name)), result, details(event))
