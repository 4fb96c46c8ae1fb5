"""Sockets of people who sign in: nothing is told before they have, and nothing any more once they may not hear it."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import uvicorn

from events.ids import DEFAULT_WORKSPACE, MemberRole
from tests.api.signing import ORIGIN, House, bearer, housed
from tests.api.test_live import closed, connect, until
from vapora.api.sign_in import SignIn
from vapora.clock import now
from vapora.commands import ChangeMember, LogOut, RefreshSession, RemoveMember
from vapora.settings import Settings
from vapora.views import SessionTokens


@pytest.fixture
async def house(settings: Settings) -> AsyncIterator[House]:
    async with housed(settings) as found:
        yield found


@pytest.fixture
async def address(house: House) -> AsyncIterator[str]:
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(house.door.app, log_level="warning", lifespan="off"))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:
        await asyncio.sleep(0)
    yield f"ws://127.0.0.1:{listening.getsockname()[1]}/api/v1/live"
    server.should_exit = True
    await serving


def first(tokens: SessionTokens, **more: object) -> str:
    return json.dumps({"token": tokens.access_token, **more})


async def test_the_first_frame_says_who_it_is(house: House, address: str) -> None:
    async with connect(address) as client:
        await client.send(first(house.owner, after=0))
        made = await house.door.ask("POST", "/projects", 201, {"name": "Parser"}, headers=bearer(house.owner))
        assert await until(client, made["position"])


@pytest.mark.parametrize("token", ["", "wrong", "vapora_wrong"])
async def test_without_a_good_token_it_is_closed_and_nothing_was_told(house: House, address: str, token: str) -> None:
    async with connect(f"{address}?after=0") as client:
        await client.send(json.dumps({"token": token} if token else {}))
        code, reason = await closed(client)
    assert code == 4401 and reason


async def test_a_workspace_that_is_not_theirs_is_one_that_does_not_exist(house: House, address: str) -> None:
    await house.door.system.create("acme")
    said = []
    for name in ("acme", "none"):
        async with connect(address) as client:
            await client.send(first(house.owner, workspace=name))
            code, reason = await closed(client)
        said.append((code, reason.replace(name, "…")))
    assert said[0] == said[1]


async def test_logging_out_closes_the_persons_sockets_and_no_others(house: House, address: str) -> None:
    identity, bob = house.door.system.identity(), await house.member("bob")
    async with connect(address) as theirs, connect(address) as mine:
        await theirs.send(first(bob, after=0))
        await mine.send(first(house.owner, after=0))
        head = await house.door.head()
        await until(theirs, 1)
        await identity.log_out(ORIGIN, LogOut.model_validate({"refresh_token": bob.refresh_token}))
        assert (await closed(theirs))[0] == 4401
        made = await house.door.ask("POST", "/projects", 201, {"name": "Parser"}, headers=bearer(house.owner))
        assert made["position"] > head
        assert await until(mine, made["position"])


async def test_who_is_no_member_any_more_hears_nothing_more(house: House, address: str) -> None:
    identity, bob = house.door.system.identity(), await house.member("bob")
    bob_id = await house.user_id(bob)
    async with connect(address) as client:
        await client.send(first(bob, after=0))
        await until(client, 1)
        await identity.carry_out(ORIGIN, ChangeMember(role=MemberRole.VIEWER), bob_id, DEFAULT_WORKSPACE)
        await identity.carry_out(ORIGIN, RemoveMember(), bob_id, DEFAULT_WORKSPACE)
        code, reason = await closed(client)
    assert code == 4404
    assert "There is no workspace 'default'" in reason


async def test_a_fresh_token_of_the_same_person_goes_on_and_somebody_elses_does_not(house: House, address: str) -> None:
    bob = await house.member("bob")
    fresh = await house.door.system.identity().refresh(
        ORIGIN, RefreshSession.model_validate({"refresh_token": house.owner.refresh_token})
    )
    async with connect(address) as client:
        await client.send(first(house.owner, after=0))
        await client.send(first(fresh))
        made = await house.door.ask("POST", "/projects", 201, {"name": "Parser"}, headers=bearer(fresh))
        await until(client, made["position"])
        await client.send(first(bob))
        code, reason = await closed(client)
    assert (code, "somebody else" in reason) == (1008, True)


async def test_who_was_let_in_by_a_token_is_out_when_it_has_expired(house: House) -> None:
    """What the sockets ask every few seconds."""
    state = house.door.app.state
    caller = await state.callers.of(bearer(house.owner)["Authorization"])
    later = SignIn(state.people, house.door.settings, lambda: now() + timedelta(seconds=900 + 31))
    assert await state.callers.still(caller)
    assert not await later.still(caller)
