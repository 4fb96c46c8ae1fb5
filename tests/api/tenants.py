"""Two workspaces with people in them, and an application that takes their word for who they are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
from fastapi import FastAPI

from actors.composition import LocalActorSystem
from events import identity
from events.ids import PEOPLE, MemberRole, user_stream
from vapora import clock
from vapora.api.app import create_app
from vapora.api.caller import Caller
from vapora.api.sign_in import SignIn
from vapora.commands import AddMember, CreateWorkspace, IssueToken
from vapora.log.client import LogClient
from vapora.ports import Origin
from vapora.settings import Settings

OPERATOR = Origin(PEOPLE, "operator", "cor-test")
ACME, BETA = "acme", "beta"
# Of acme, one in each role; one who belongs to nothing; one who looks after the installation; and the owner of beta.
PEOPLE_THERE = (*(role.value for role in MemberRole), "stranger", "administrator", "rival")


class Named(SignIn):
    """Who says `Bearer user-<id>` is that person; everything else is found out as ever."""

    async def of(self, authorization: str | None) -> Caller:
        kind, _, given = (authorization or "").partition(" ")
        if kind == "Bearer" and given.startswith("user-"):
            return Caller("user", given.removeprefix("user-"))
        return await super().of(authorization)

    async def still(self, caller: Caller) -> bool:
        return caller.kind == "user" or await super().still(caller)


@dataclass
class Tenants:
    """`token`: a program's, in the role member of acme."""

    app: FastAPI
    system: LocalActorSystem
    http: httpx.AsyncClient
    token: str

    def headers(self, who: str, workspace: str = ACME) -> dict[str, str]:
        """`who`: the id of a person, `token`, or empty for nobody."""
        chosen = {"Vapora-Workspace": workspace}
        if who:
            chosen["Authorization"] = f"Bearer {self.token if who == 'token' else f'user-{who}'}"
        return chosen

    async def policies(self, text: str, workspace: str = ACME, who: str = "owner") -> httpx.Response:
        return await self.http.put("/api/v1/policies", json={"text": text}, headers=self.headers(who, workspace))


@asynccontextmanager
async def tenants(settings: Settings) -> AsyncIterator[Tenants]:
    settings = settings.model_copy(update={"auth": "required"})
    system = LocalActorSystem(settings)
    await system.start()
    log, owner = LogClient(system.log(PEOPLE), PEOPLE), system.identity()
    for one in PEOPLE_THERE:
        made = identity.UserRegistered(user_id=one, how="operator", administrator=one == "administrator")
        await log.append(OPERATOR, (user_stream(one), 0, (made,)))
    for workspace in (ACME, BETA):
        await owner.carry_out(OPERATOR, CreateWorkspace(name=workspace.title(), id=workspace))
    for role in MemberRole:
        await owner.carry_out(OPERATOR, AddMember(user_id=role.value, role=role), workspace_id=ACME)
    await owner.carry_out(OPERATOR, AddMember(user_id="rival", role=MemberRole.OWNER), workspace_id=BETA)
    token = (await owner.issue_token(OPERATOR, IssueToken(name="ci", scopes=(f"workspace:{ACME}",)), ACME)).token
    app = create_app(system, settings, version="1.2.3", rehearsal=True)
    app.state.callers = Named(app.state.people, settings, clock.now)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000", timeout=60) as http:
        yield Tenants(app, system, http, token)
    await app.state.denials.close()
    await app.state.cells.close()
    await app.state.people.close()
    await system.stop()
