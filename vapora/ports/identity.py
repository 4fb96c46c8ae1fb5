"""The actor that knows people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from vapora.commands import (
    AcceptInvitation,
    ChangePassword,
    Command,
    Invite,
    IssueToken,
    LogIn,
    LogOut,
    RefreshSession,
    SetUp,
)
from vapora.ports.requests import Origin, RequestKey
from vapora.views import Accepted, InvitationMade, SessionTokens, TokenMade


@dataclass(frozen=True, slots=True)
class Person:
    """What stands beside the log of somebody who was not erased."""

    user_id: str
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class OpenIdStart:
    """`address`: of the provider, to send the browser to. `browser`: what it keeps in a cookie until it comes back."""

    address: str
    browser: str = field(repr=False)


class IdentityPort(Protocol):
    """The owner of the people log. An `Origin` for it names the workspace `events.ids.PEOPLE`."""

    async def set_up(self, origin: Origin, command: SetUp) -> SessionTokens:
        """Make the first owner, by the one-time link. Raises `UnauthenticatedError` for a token that is not, or no
        longer, the link's."""
        ...

    async def log_in(self, origin: Origin, command: LogIn, source: str = "") -> SessionTokens:
        """`source`: where the attempt comes from, as an address of the network. Raises `UnauthenticatedError`, the same
        one and after the same time whatever was wrong, and `ThrottledError` after too many attempts."""
        ...

    async def refresh(self, origin: Origin, command: RefreshSession) -> SessionTokens:
        """A new pair for a refresh token. Raises `UnauthenticatedError`; where the token had been used before, and
        longer ago than 10 s, its session has ended then."""
        ...

    async def log_out(self, origin: Origin, command: LogOut) -> None: ...

    async def openid_start(self, redirect_uri: str, invitation: str = "") -> OpenIdStart:
        """Somebody goes to the provider of OpenID Connect. `invitation`: the token of the link that they opened, or
        empty. Raises `NotFoundError` where there is no provider, and `UnavailableError` where it does not answer."""
        ...

    async def openid_come_back(self, origin: Origin, state: str, browser: str, code: str) -> str:
        """Somebody comes back with the provider's `code`: another code, for `openid_redeem`. Raises
        `UnauthenticatedError` where it is not the browser that went, or the provider or no invitation vouches."""
        ...

    async def openid_redeem(self, code: str) -> SessionTokens:
        """Once, and within a minute. Raises `UnauthenticatedError`."""
        ...

    async def accept(self, origin: Origin, user_id: str | None, command: AcceptInvitation) -> SessionTokens | None:
        """Take an invitation. `user_id`: of who is signed in; else an account is made, and its tokens are answered."""
        ...

    async def change_password(
        self, origin: Origin, user_id: str, session_id: str, command: ChangePassword, source: str = ""
    ) -> Accepted:
        """The session goes on, all others of the person end. Raises as `log_in` does."""
        ...

    async def carry_out(
        self, origin: Origin, command: Command, target: str = "", workspace_id: str = "", key: RequestKey | None = None
    ) -> Accepted:
        """Every other change of people, workspaces, members, teams, tokens and policies. Raises what the rules do."""
        ...

    async def issue_token(
        self, origin: Origin, command: IssueToken, workspace_id: str, key: RequestKey | None = None
    ) -> TokenMade:
        """The token stands in the answer alone: a request that comes again under its key is a `ConflictError`."""
        ...

    async def invite(
        self, origin: Origin, command: Invite, workspace_id: str, key: RequestKey | None = None
    ) -> InvitationMade:
        """As `issue_token`."""
        ...

    async def verifying_keys(self) -> Sequence[Any]:
        """The `vapora.identity.SigningKey`s that access tokens of today may be signed with."""
        ...

    async def rotate_key(self, origin: Origin) -> Accepted:
        """A new key signs from now on. Tokens of the one before are good until they expire."""
        ...

    async def people(self, user_ids: Sequence[str] | None = None) -> list[Person]:
        """Names and addresses; None: of everybody. Who was erased is left out."""
        ...

    async def invited(self, invitation_ids: Sequence[str]) -> dict[str, str]:
        """The addresses that these invitations were made for, by invitation."""
        ...

    async def policies(self, workspace_id: str) -> str:
        """The workspace's own Cedar text, as it is now."""
        ...
