"""Signing in and out, the first owner, and who one is."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from vapora.api.caller import AskedBy, caller_of
from vapora.api.gate import LetIn, workspace_of
from vapora.api.people_context import (
    AllPeople,
    FreshPeople,
    PeopleWriting,
    Source,
    UnknownOrigin,
)
from vapora.api.sign_in import SignIn
from vapora.clock import now
from vapora.commands import AcceptInvitation, ChangePassword, LogIn, LogOut, RefreshSession, SetUp
from vapora.domain.people import Directory
from vapora.domain.people.standing import workspaces_of
from vapora.errors import BadInputError
from vapora.views import Accepted, Me, Membership, SessionTokens, SignInStatus

router = APIRouter(prefix="/auth", tags=["people"])


def _sign_in(request: Request) -> SignIn:
    found: SignIn = request.app.state.callers
    return found


@router.get("/status", summary="Tell whether people sign in here")
async def get_sign_in_status(request: Request, sign_in: Annotated[SignIn, Depends(_sign_in)]) -> SignInStatus:
    """For a page that is to show a form, or none."""
    return SignInStatus(
        sign_in=await sign_in.is_needed(),
        set_up=await sign_in.has_owner(),
        openid=bool(request.app.state.openid),
    )


@router.post("/login", summary="Sign in")
async def log_in(body: LogIn, people: AllPeople, origin: UnknownOrigin, source: Source) -> SessionTokens:
    """A wrong address and a wrong password are answered alike. After some failures the next attempt has to wait, longer
    each time: 429 with Retry-After."""
    return await people.identity.log_in(origin, body, source)


@router.post("/refresh", summary="Get a fresh access token")
async def refresh_session(body: RefreshSession, people: AllPeople, origin: UnknownOrigin) -> SessionTokens:
    """The refresh token is good for one use, and the answer has the next one. Used again within 10 seconds it gets
    another pair, since two tabs may refresh at once; later it ends the session, since somebody may hold a copy."""
    return await people.identity.refresh(origin, body)


@router.post("/logout", status_code=204, summary="Sign out")
async def log_out(body: LogOut, people: AllPeople, origin: UnknownOrigin) -> None:
    """At once: the access tokens of the session are no longer good either. With `everywhere`, all sessions of the
    person."""
    await people.identity.log_out(origin, body)


@router.post("/setup", status_code=201, summary="Make the first owner")
async def set_up(body: SetUp, people: AllPeople, origin: UnknownOrigin) -> SessionTokens:
    """By the one-time token of the link that `vapora up` prints while there is no owner."""
    return await people.identity.set_up(origin, body)


@router.post("/accept", summary="Take an invitation")
async def accept_invitation(
    body: AcceptInvitation, request: Request, people: AllPeople, origin: UnknownOrigin
) -> SessionTokens | None:
    """By the token of the link. Who is signed in becomes a member with their account, and gets null; who has no account
    says their name and a password, and is signed in. The link is good once."""
    user_id = None
    if request.headers.get("Authorization"):
        caller = await caller_of(request)
        user_id = caller.id if caller.kind == "user" else None
    done = await people.identity.accept(origin, user_id, body)
    # Whoever joined asks for the workspace next.
    await people.fresh()
    return done


@router.get("/me", summary="Tell who asks")
async def get_me(request: Request, caller: AskedBy, people: AllPeople, directory: FreshPeople, admitted: LetIn) -> Me:
    """With the workspaces that one belongs to, and what one may do in the one that the header names. While nobody has
    to sign in, and for the operator, those are all."""
    memberships = _memberships(directory, caller.name)
    actions = await admitted.gate.allowed_actions(caller, workspace_of(request))
    if caller.kind == "user":
        known = await people.identity.people([caller.id])
        name, email = (known[0].name, known[0].email) if known else ("", None)
        administrator = directory.users[caller.id].administrator
        return Me(
            id=caller.id,
            kind="user",
            name=name,
            email=email,
            administrator=administrator,
            workspaces=memberships,
            actions=actions,
        )
    token = directory.tokens.get(caller.id) if caller.kind == "token" else None
    return Me(
        id=caller.id,
        kind=caller.kind,
        name=token.name if token is not None else caller.kind,
        administrator=token is None,
        workspaces=memberships,
        actions=actions,
    )


@router.post("/password", summary="Change one's password")
async def change_password(body: ChangePassword, writing: PeopleWriting, source: Source) -> Accepted:
    """All other sessions of the person end."""
    caller = writing.caller
    if caller.kind != "user":
        raise BadInputError("Only a person who is signed in has a password.", remedy="Sign in.")
    accepted = await writing.identity.change_password(writing.origin, caller.id, caller.session_id, body, source)
    await writing.wrote(accepted.position)
    return accepted


@router.post("/rotate-key", summary="Sign access tokens with a new key")
async def rotate_signing_key(writing: PeopleWriting) -> Accepted:
    """Nobody is signed out: tokens of the key before are good until they expire."""
    accepted = await writing.identity.rotate_key(writing.origin)
    await writing.wrote(accepted.position)
    return accepted


def _memberships(directory: Directory, name: str) -> tuple[Membership, ...]:
    found = (
        (workspace, role)
        for id_, role in workspaces_of(directory, name, now()).items()
        if (workspace := directory.workspace(id_)) is not None
    )
    return tuple(
        Membership(workspace_id=one.id, name=one.name, role=role, archived=one.archived) for one, role in found
    )
