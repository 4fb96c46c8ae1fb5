"""A session with a server that dies, dawdles, floods, fails and changes: it harms nobody but itself."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from tests.tool_servers.odd import PROGRAM, PYTHON
from tests.waiting import until
from vapora.mcp.pipe import Process
from vapora.mcp.prompts import GET_PROMPT
from vapora.mcp.resources import READ_RESOURCE
from vapora.mcp.session import Session
from vapora.mcp.values import ServerGoneError
from vapora.sandbox.choice import choose
from vapora.sandbox.values import Command, Limits, Room

LIMIT_S = 60.0
KEPT = 1_000


async def connecting(folder: Path, *arguments: str) -> Callable[[], Awaitable[Process]]:
    sandbox = await choose("bubblewrap")
    (folder / "work").mkdir()
    room = Room(folder / "work", folder, read_only=(*map(Path, PYTHON), PROGRAM.parent))

    async def connect() -> Process:
        return Process(sandbox, room, Command((sys.executable, str(PROGRAM), *arguments)), Limits())

    return connect


@pytest.fixture(params=["legacy", "modern"])
async def session(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Session]:
    """In each generation of the protocol."""
    connect = await connecting(tmp_path)
    found = Session("odd", connect, protocol=request.param, expected=["echo"])
    yield found
    await found.stop()


async def test_one_server_through_all_that_may_befall_it(session: Session) -> None:
    """One process for all of it, since each costs a second to begin."""
    told = await session.ready(LIMIT_S)
    assert (told.state, told.problem) == ("ready", "")

    # What it refuses is a result; nobody is told of a tool that is not there.
    assert (await session.call("echo", {"text": "hi"}, LIMIT_S, KEPT)).text == "said: hi"
    assert not (await session.call("fail", {}, LIMIT_S, KEPT)).ok
    assert not (await session.call("no_such_tool", {}, LIMIT_S, KEPT)).ok

    # Ten megabytes are read and cut.
    big = await session.call("big", {"size": 10_000_000}, LIMIT_S, KEPT)
    assert big.truncated
    assert len(big.text) < 2 * KEPT
    assert "10,000,000" in big.text

    # One call that takes too long leaves the others alone.
    slow = asyncio.create_task(session.call("slow", {"seconds": 3_600}, 0.5, KEPT))
    assert (await session.call("echo", {"text": "meanwhile"}, LIMIT_S, KEPT)).ok
    with pytest.raises(TimeoutError):
        await slow

    # A list that changes is looked at again, and what was expected of it is missed.
    await session.call("change", {}, LIMIT_S, KEPT)
    await until(lambda: session.told.missing == ("echo",))
    assert "another" in {one.name for one in session.told.tools}
    assert "echo" in session.told.problem

    # Killed in the middle of a call: that call has no answer, and the next one finds it begun again.
    with pytest.raises(ServerGoneError, match="before it had answered"):
        await session.call("die", {}, LIMIT_S, KEPT)
    assert (await session.call("echo", {"text": "again"}, LIMIT_S, KEPT)).text == "said: again"
    assert session.told.restarts == 1

    # One that floods is ended.
    with pytest.raises(ServerGoneError, match="more than"):
        await session.call("flood", {}, LIMIT_S, KEPT)


async def test_resources_and_prompts(session: Session) -> None:
    tools = (await session.ready(LIMIT_S)).tools
    assert READ_RESOURCE in tools and GET_PROMPT in tools
    assert (await session.call("read_resource", {"uri": "odd://note"}, LIMIT_S, KEPT)).text == "what the note says"
    reading = session.reading
    assert [one["uri"] for one in json.loads((await reading.resources(KEPT)).text)] == ["odd://note"]
    assert (await reading.resource("odd://note", KEPT)).text == "what the note says"
    greet, pad = json.loads((await reading.prompts(KEPT)).text)
    assert (greet["name"], pad["name"]) == ("greet", "pad")
    assert [(one["name"], one["required"]) for one in greet["arguments"]] == [("name", True), ("tone", False)]
    assert "Greet Ada. Be kind." in (await reading.prompt("greet", {"name": "Ada", "tone": "kind"}, KEPT)).text
    listed = (await session.call("get_prompt", {}, LIMIT_S, KEPT)).text
    assert [json.loads(line) for line in listed.splitlines()] == [greet, pad]
    got = await session.call("get_prompt", {"name": "greet", "arguments": {"name": "Ada"}}, LIMIT_S, KEPT)
    assert (got.ok, got.text) == (True, "[user]\nGreet Ada. Be friendly.")


async def test_a_server_with_nothing_to_read_gets_no_tool_to_read_it(tmp_path: Path) -> None:
    """It says of itself that it could have something."""
    found = Session("bare", await connecting(tmp_path, "bare"))
    told = await found.ready(LIMIT_S)
    names = {one.name for one in told.tools}
    await found.stop()
    assert "echo" in names
    assert not {READ_RESOURCE.name, GET_PROMPT.name} & names


async def test_a_program_that_is_not_there_is_told_and_tried_again() -> None:
    async def connect() -> Process:
        raise FileNotFoundError("no such program")

    session = Session("nobody", connect)
    told = await session.ready(LIMIT_S)
    assert told.state == "waiting"
    assert "no such program" in told.problem
    await session.stop()
