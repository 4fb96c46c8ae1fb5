"""An installation with an owner, and people who sign in, for tests of the API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from events import Recorded
from events.ids import DEFAULT_WORKSPACE, PEOPLE, MemberRole
from tests.api.doors import Door, opened
from vapora.commands import AcceptInvitation, Invite, SetUp
from vapora.identity import setup_token
from vapora.log.client import LogClient
from vapora.ports import Origin
from vapora.settings import Settings
from vapora.views import SessionTokens

PASSWORD = "correct horse battery"
EMAIL = "ada@example.com"
ORIGIN = Origin(PEOPLE, "operator", "cor-test")


@dataclass
class House:
    """`owner`: the first owner's tokens."""

    door: Door
    owner: SessionTokens

    async def member(self, name: str, role: MemberRole = MemberRole.MEMBER) -> SessionTokens:
        """Somebody who was invited into the default workspace, and has accepted."""
        identity = self.door.system.identity()
        invited = await identity.invite(ORIGIN, Invite(email=f"{name}@example.com", role=role), DEFAULT_WORKSPACE)
        tokens = await identity.accept(
            ORIGIN, None, AcceptInvitation(token=SecretStr(invited.token), name=name, password=SecretStr(PASSWORD))
        )
        assert tokens is not None
        return tokens

    async def user_id(self, tokens: SessionTokens) -> str:
        return str((await self.door.ask("GET", "/auth/me", 200, headers=bearer(tokens)))["id"])


def bearer(tokens: SessionTokens | dict[str, Any]) -> dict[str, str]:
    access = tokens.access_token if isinstance(tokens, SessionTokens) else tokens["access_token"]
    return {"Authorization": f"Bearer {access}"}


async def set_up(door: Door) -> House:
    await door.ask("GET", "/auth/status", 200)
    token = setup_token.read(door.settings.people_folder)
    assert token is not None
    command = SetUp(token=SecretStr(token), email=EMAIL, name="Ada Lovelace", password=SecretStr(PASSWORD))
    return House(door, await door.system.identity().set_up(ORIGIN, command))


@asynccontextmanager
async def housed(settings: Settings) -> AsyncIterator[House]:
    async with opened(settings) as door:
        yield await set_up(door)


async def people_log(door: Door) -> list[Recorded]:
    return list((await LogClient(door.system.log(PEOPLE), PEOPLE).poll(0, 10_000, 0)).events)
