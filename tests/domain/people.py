"""A directory made of events, for tests of the rules about people."""

from __future__ import annotations

from datetime import UTC, datetime

from events import Recorded, identity
from events.base import DomainEvent
from events.ids import PEOPLE, MemberRole
from vapora.domain.people import Directory

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
OWNER, ADMIN, MEMBER, VIEWER = (f"user:{role.value}" for role in MemberRole)


def add(directory: Directory, *events: DomainEvent, at: datetime = NOW) -> Directory:
    for event in events:
        position = directory.position + 1
        directory.apply(Recorded(position, "any", position, at, PEOPLE, "test", "cor-1", None, "req-1", event))
    return directory


def acme() -> Directory:
    """The workspace `acme` with a person of each role, whose id is the role's name; `stranger` has an account alone."""
    people = [*(role.value for role in MemberRole), "stranger"]
    return add(
        Directory(),
        *(identity.UserRegistered(user_id=one, how="invitation") for one in people),
        identity.WorkspaceCreated(workspace_id="acme", name="Acme"),
        *(identity.MemberAdded(workspace_id="acme", user_id=role.value, role=role) for role in MemberRole),
    )
