from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.actors.test_sleep import asleep, running, settings, submit
from tests.queue.nats_server import NatsServer
from vapora.errors import UnavailableError
from vapora.queue.nats.link import do_once
from vapora.queue.nats.removal import remove_workspace


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    server = NatsServer(tmp_path / "nats")
    await server.start()
    yield server
    await server.stop()


async def streams(server: NatsServer) -> set[str]:
    found = await asyncio.to_thread(do_once, server.options, "test", lambda js: js.streams_info())
    return {one.config.name or "" for one in found}


def of(workspace: str) -> set[str]:
    return {f"VAPORA_{kind}_{workspace}" for kind in ("TASKS", "DEAD", "EVENTS")}


async def test_a_cell_with_nats_sleeps_once_nats_has_all_of_it_and_is_deleted_with_its_streams(
    server: NatsServer, tmp_path: Path
) -> None:
    async with running(settings(tmp_path, nats_url=server.url)) as system:
        for name in ("acme", "other"):
            await system.create(name)
        await submit(system, "acme")
        await asleep(system, "acme", "other")
        assert await streams(server) == of("acme") | of("other")
        await system.delete("acme")
        assert await streams(server) == of("other")


async def test_what_is_not_there_is_removed_already(server: NatsServer) -> None:
    await asyncio.to_thread(remove_workspace, server.options, "nowhere")


async def test_without_nats_a_removal_says_so(server: NatsServer) -> None:
    await server.stop()
    with pytest.raises(UnavailableError, match="does not answer"):
        await asyncio.to_thread(remove_workspace, server.options, "acme")
