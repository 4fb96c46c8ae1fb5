"""Intents about people, workspaces, who may do what, and tokens of programs."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field, SecretStr, StrictBool, StringConstraints, WithJsonSchema

from events.ids import LONGEST_WORKSPACE, WORKSPACE_PATTERN, MemberRole
from vapora.commands.base import Command, Edit, Instant, Name


def _one_address(value: str) -> str:
    """One @ with something on both sides: whether anybody reads mail there only a letter can tell."""
    name, at, host = value.rpartition("@")
    if not (name and at and ("." in host.strip(".") or host == "localhost")):
        raise ValueError("must be an e-mail address")
    return value.lower()


Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=3, max_length=254, pattern=r"^[^\s@]+@[^\s@]+$"),
    AfterValidator(_one_address),
]


def _secret(shortest: int, longest: int) -> Any:
    return WithJsonSchema({"type": "string", "minLength": shortest, "maxLength": longest, "format": "password"})


# Shown in no repr, error or log. Long enough that guessing is hopeless together with the throttle; longer texts than
# 1,000 characters would only be work for whoever hashes them.
NewPassword = Annotated[SecretStr, Field(min_length=12, max_length=1_000), _secret(12, 1_000)]
GivenSecret = Annotated[SecretStr, Field(min_length=1, max_length=1_000), _secret(1, 1_000)]
WorkspaceId = Annotated[str, StringConstraints(pattern=WORKSPACE_PATTERN, min_length=1, max_length=LONGEST_WORKSPACE)]
# `workspace:<id>`, `workspace:<id>:<role>` or `team:<id>`: what a token may reach, and as what (member if not said).
TokenScope = Annotated[
    str,
    StringConstraints(
        pattern=r"^(workspace:[a-z0-9]+(-[a-z0-9]+)*(:(admin|member|viewer))?|team:[a-z0-9]+(-[a-z0-9]+)*)$",
        max_length=120,
    ),
]


class LogIn(Command):
    email: Email
    password: GivenSecret


class RefreshSession(Command):
    refresh_token: GivenSecret


class RedeemSignIn(Command):
    """`code`: with which the browser came back from a provider of OpenID Connect."""

    code: GivenSecret


class LogOut(Command):
    """`everywhere`: all sessions of the person, not this one alone."""

    refresh_token: GivenSecret
    everywhere: StrictBool = False


class SetUp(Command):
    """The first owner. `token`: of the link that the first start printed."""

    token: GivenSecret
    email: Email
    name: Name
    password: NewPassword


class ChangePassword(Command):
    current: GivenSecret
    password: NewPassword


class ResetPassword(Command):
    """An operator's or administrator's word: the person's sessions end."""

    password: NewPassword


class EditUser(Edit):
    """`administrator`: may look after people and workspaces of the installation. `disabled`: may not sign in."""

    name: Name | None = None
    administrator: StrictBool | None = None
    disabled: StrictBool | None = None


class CreateWorkspace(Command):
    """`id`: made from the name where it is not said. It names folders, schemas and streams, and stays for ever."""

    name: Name
    id: WorkspaceId | None = None


class EditWorkspace(Edit):
    name: Name | None = None
    archived: StrictBool | None = None


class AddMember(Command):
    user_id: str
    role: MemberRole


class ChangeMember(Command):
    role: MemberRole


class Invite(Command):
    email: Email
    role: MemberRole = MemberRole.MEMBER


class AcceptInvitation(Command):
    """`name` and `password`: of who has no account yet. Who is signed in sends the token alone."""

    token: GivenSecret
    name: Name | None = None
    password: NewPassword | None = None


class CreateTeam(Command):
    name: Name


class EditTeam(Edit):
    name: Name | None = None
    members: Annotated[tuple[str, ...], Field(max_length=1_000)] | None = None


class IssueToken(Command):
    """A token for a program; it is shown once, in the answer."""

    name: Name
    scopes: Annotated[tuple[TokenScope, ...], Field(min_length=1, max_length=20)]
    expires_at: Instant | None = None


class SetPolicies(Command):
    """Cedar text of a workspace, beside the policies that ship. Checked before it is taken."""

    text: Annotated[str, StringConstraints(max_length=100_000)]


class DeleteWorkspace(Command):
    """What is left of it is the export that is made first."""


class RemoveMember(Command):
    pass


class WithdrawInvitation(Command):
    pass


class RemoveTeam(Command):
    pass


class RevokeToken(Command):
    pass


class EraseUser(Command):
    """Name, address and password go for ever; what the person did stays, under an id that says nothing."""
