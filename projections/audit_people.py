"""What the events of the people log mean to an auditor.

Ids only, as in the log: who somebody is stands beside it, where it can be erased.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from events import DomainEvent, identity
from projections.audit_line import AuditLine, rule


def _changed(event: identity.UserChanged) -> str:
    said = {"administrator": event.administrator, "disabled": event.disabled}
    return ", ".join(f"{name}: {'yes' if value else 'no'}" for name, value in said.items() if value is not None)


def _workspace_changed(event: identity.WorkspaceChanged) -> str:
    archived = {True: ["archived"], False: ["taken out of the archive"], None: []}[event.archived]
    return ", ".join([*([] if event.name is None else [f"named {event.name!r}"]), *archived])


def _refused(event: identity.LogInRefused) -> AuditLine:
    times = f", {event.count} times" if event.count > 1 else ""
    return AuditLine("execute", "user", event.user_id or "unknown", "failure", f"log-in refused: {event.why}{times}")


def _member(event: identity.MemberAdded | identity.MemberChanged) -> str:
    return f"{event.user_id} as {event.role.value}"


def _members(event: identity.TeamChanged) -> str:
    named = [] if event.name is None else [f"named {event.name!r}"]
    return ", ".join([*named, *([] if event.members is None else [f"{len(event.members)} members"])])


# A fresh access token every quarter of an hour is no news: of sessions only beginning and end are here.
PEOPLE_RULES: Mapping[type[DomainEvent], Callable[[Any], AuditLine]] = {
    identity.UserRegistered: rule("create", "user", "user_id", lambda event: f"by {event.how}"),
    identity.UserChanged: rule("update", "user", "user_id", _changed),
    identity.UserErased: rule("delete", "user", "user_id", lambda event: "erased"),
    identity.PasswordChanged: rule("update", "user", "user_id", lambda event: f"password: {event.how}"),
    identity.SessionStarted: rule("create", "session", "session_id", lambda event: f"{event.user_id} signed in"),
    identity.SessionEnded: rule(
        "delete", "session", "session_id", lambda event: f"{event.user_id} signed out: {event.reason}"
    ),
    identity.LogInRefused: _refused,
    identity.SigningKeyRotated: rule("update", "signing-key", "kid"),
    identity.WorkspaceCreated: rule("create", "workspace", "workspace_id", lambda event: event.name),
    identity.WorkspaceChanged: rule("update", "workspace", "workspace_id", _workspace_changed),
    identity.WorkspaceDeleted: rule("delete", "workspace", "workspace_id", lambda event: f"exported: {event.export}"),
    identity.MemberAdded: rule("create", "member", "workspace_id", _member),
    identity.MemberChanged: rule("update", "member", "workspace_id", _member),
    identity.MemberRemoved: rule("delete", "member", "workspace_id", lambda event: event.user_id),
    identity.TeamCreated: rule("create", "team", "team_id", lambda event: f"{event.name}, in {event.workspace_id}"),
    identity.TeamChanged: rule("update", "team", "team_id", _members),
    identity.TeamRemoved: rule("delete", "team", "team_id"),
    identity.InvitationMade: rule(
        "create", "invitation", "invitation_id", lambda event: f"to {event.workspace_id} as {event.role.value}"
    ),
    identity.InvitationEnded: rule(
        "complete",
        "invitation",
        "invitation_id",
        lambda event: f"accepted by {event.user_id}" if event.user_id else "withdrawn",
    ),
    identity.TokenIssued: rule(
        "create",
        "token",
        "token_id",
        lambda event: f"{event.name}, for {', '.join(event.scopes)}, by {event.issued_by}",
    ),
    identity.TokenRevoked: rule("delete", "token", "token_id"),
    identity.PoliciesChanged: rule(
        "update", "policies", "workspace_id", lambda event: f"{len(event.text)} characters of Cedar"
    ),
}
