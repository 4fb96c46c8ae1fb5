"""Facts of the people log: who there is, who is signed in, which workspaces there are and who belongs to them.

Ids only. Names, e-mail addresses and password hashes stand beside the log, where they can be erased. The digests here
are SHA-256 of random tokens of 256 bits: nobody finds a token by its digest.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

from events.base import DomainEvent
from events.ids import MemberRole


class UserRegistered(DomainEvent):
    """`how`: the first owner by a link or by settings, an invitation, a provider of OpenID Connect, or an operator."""

    TOPIC: ClassVar[str] = "user.registered"

    user_id: str
    how: Literal["first-owner", "invitation", "openid", "operator"]
    administrator: bool = False


class UserChanged(DomainEvent):
    """Fields that are None did not change."""

    TOPIC: ClassVar[str] = "user.changed"

    user_id: str
    administrator: bool | None = None
    disabled: bool | None = None


class UserErased(DomainEvent):
    """What was known of the person is gone; the id stays, so that the log still proves."""

    TOPIC: ClassVar[str] = "user.erased"

    user_id: str


class PasswordChanged(DomainEvent):
    TOPIC: ClassVar[str] = "user.password-changed"

    user_id: str
    how: Literal["own", "reset"]


class SessionStarted(DomainEvent):
    TOPIC: ClassVar[str] = "session.started"

    session_id: str
    user_id: str
    refresh_digest: str
    expires_at: datetime


class SessionRefreshed(DomainEvent):
    """`used_digest` was given for it. `grace`: it had been used before, no longer ago than two tabs need."""

    TOPIC: ClassVar[str] = "session.refreshed"

    session_id: str
    user_id: str
    used_digest: str
    refresh_digest: str
    expires_at: datetime
    grace: bool = False


class SessionEnded(DomainEvent):
    """`reuse`: a refresh token came again that had been used; somebody else may hold a copy."""

    TOPIC: ClassVar[str] = "session.ended"

    session_id: str
    user_id: str
    reason: Literal["log-out", "everywhere", "reuse", "password", "disabled", "erased"]


class LogInRefused(DomainEvent):
    """`user_id` empty: nobody has that address. `count`: so many since the last such event, since a flood of guesses
    must not fill the log."""

    TOPIC: ClassVar[str] = "user.log-in-refused"

    user_id: str
    why: Literal["password", "unknown", "disabled", "throttled"]
    count: int = 1


class SigningKeyRotated(DomainEvent):
    TOPIC: ClassVar[str] = "identity.signing-key-rotated"

    kid: str


class WorkspaceCreated(DomainEvent):
    TOPIC: ClassVar[str] = "workspace.created"

    workspace_id: str
    name: str


class WorkspaceChanged(DomainEvent):
    """Fields that are None did not change. An archived workspace can be read and takes no writes."""

    TOPIC: ClassVar[str] = "workspace.changed"

    workspace_id: str
    name: str | None = None
    archived: bool | None = None


class WorkspaceDeleted(DomainEvent):
    """Its id is never given again. `export`: the archive of it, under the data folder."""

    TOPIC: ClassVar[str] = "workspace.deleted"

    workspace_id: str
    export: str


class MemberAdded(DomainEvent):
    TOPIC: ClassVar[str] = "workspace.member-added"

    workspace_id: str
    user_id: str
    role: MemberRole


class MemberChanged(DomainEvent):
    TOPIC: ClassVar[str] = "workspace.member-changed"

    workspace_id: str
    user_id: str
    role: MemberRole


class MemberRemoved(DomainEvent):
    TOPIC: ClassVar[str] = "workspace.member-removed"

    workspace_id: str
    user_id: str


class TeamCreated(DomainEvent):
    TOPIC: ClassVar[str] = "team.created"

    workspace_id: str
    team_id: str
    name: str


class TeamChanged(DomainEvent):
    """Fields that are None did not change; `members` is all of them from now on."""

    TOPIC: ClassVar[str] = "team.changed"

    workspace_id: str
    team_id: str
    name: str | None = None
    members: tuple[str, ...] | None = None


class TeamRemoved(DomainEvent):
    TOPIC: ClassVar[str] = "team.removed"

    workspace_id: str
    team_id: str


class InvitationMade(DomainEvent):
    TOPIC: ClassVar[str] = "invitation.made"

    invitation_id: str
    workspace_id: str
    role: MemberRole
    digest: str
    expires_at: datetime


class InvitationEnded(DomainEvent):
    """`user_id`: who accepted it; empty where it was withdrawn."""

    TOPIC: ClassVar[str] = "invitation.ended"

    invitation_id: str
    workspace_id: str
    user_id: str = ""


class TokenIssued(DomainEvent):
    """A token for a program. `workspace_id`: where it was made, and who may take it back. `scopes`: what it may
    reach."""

    TOPIC: ClassVar[str] = "token.issued"

    token_id: str
    workspace_id: str
    name: str
    digest: str
    scopes: tuple[str, ...]
    expires_at: datetime | None
    issued_by: str


class TokenRevoked(DomainEvent):
    TOPIC: ClassVar[str] = "token.revoked"

    token_id: str
    workspace_id: str


class PoliciesChanged(DomainEvent):
    """All of a workspace's own Cedar text as it is from now on."""

    TOPIC: ClassVar[str] = "workspace.policies-changed"

    workspace_id: str
    text: str
