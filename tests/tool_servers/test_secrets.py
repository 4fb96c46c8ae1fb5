"""Secrets of a server: it gets them, nobody reads them in what it says, and a new value begins it anew."""

from __future__ import annotations

import asyncio
from pathlib import Path

from pydantic import SecretStr

from actors.mcp_gateway.sessions import Sessions
from actors.secrets import SecretReader
from events.ids import secret_stream
from events.secret import SecretUsed
from events.tool_server import StdioTransport, ToolServerSet
from tests.actors.kit import WORKSPACE, log_writer
from tests.tool_servers.odd import odd
from tests.vault.bench import over_files
from vapora.clock import now
from vapora.dispatch.secrets import SecretEvents
from vapora.log.client import LogClient

LIMIT_S = 60.0
FIRST, SECOND = "canary-first-value", "canary-second-value"


async def test_a_secret_is_given_hidden_in_results_and_a_new_value_begins_the_server_anew(tmp_path: Path) -> None:
    command = odd(transport={"secrets": {"ODD_KEY": "odd-key"}})
    server = ToolServerSet(server_id="odd", transport=StdioTransport.model_validate(command.transport.model_dump()))
    vault = over_files(tmp_path / "vault")
    await asyncio.to_thread(vault.put, WORKSPACE, "odd-key", SecretStr(FIRST))
    async with log_writer(now) as writer:
        log = LogClient(writer, WORKSPACE)
        events = SecretEvents(log, now)
        reader = SecretReader(over_files(tmp_path / "vault"), lambda _: events, "mcp-gateway", now)
        sessions = Sessions(reader, lambda *at: tmp_path.joinpath(*at), "bubblewrap", secrets_s=0)
        try:
            session = await sessions.of(WORKSPACE, server)
            called = await session.call("variable", {"name": "ODD_KEY"}, LIMIT_S, 1_000)
            assert called.text == "[secret odd-key]"
            # Not even a part of it where the result is cut: it is taken out before.
            said = await session.call("echo", {"text": f"{'x' * 980} {FIRST}"}, LIMIT_S, 1_000)
            assert said.truncated
            assert FIRST[:4] not in said.text
            # What is not the secret is shown.
            assert (await session.call("echo", {"text": SECOND}, LIMIT_S, 1_000)).text == f"said: {SECOND}"
            assert await sessions.of(WORKSPACE, server) is session

            await asyncio.to_thread(vault.put, WORKSPACE, "odd-key", SecretStr(SECOND))
            anew = await sessions.of(WORKSPACE, server)
            assert anew is not session
            assert (await anew.call("variable", {"name": "ODD_KEY"}, LIMIT_S, 1_000)).text == "[secret odd-key]"
            # It is the new one that it has: the old one is nobody's secret any more.
            assert (await anew.call("echo", {"text": FIRST}, LIMIT_S, 1_000)).text == f"said: {FIRST}"
        finally:
            await sessions.stop()
            vault.close()
        # Each use is on record, and no value is.
        told = [one.event for one in await log.read(secret_stream("odd-key"))]
        assert [one.version for one in told if isinstance(one, SecretUsed)] == [1, 2]
        assert "canary" not in str(told)
