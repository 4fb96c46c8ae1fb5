"""The socket, over a real server and a real client."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import pytest
import uvicorn
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as websocket
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.api.doors import API, Door
from vapora.api.live_feed import LiveFeed
from vapora.views import Frame

PATIENCE_S = 240


def connect(address: str, **more: Any) -> websocket:
    """As a client does, but on a machine that may have much else to do: by itself it gives up after ten seconds."""
    return websocket(address, open_timeout=PATIENCE_S, **more)


@pytest.fixture
async def server(door: Door) -> AsyncIterator[uvicorn.Server]:
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(door.app, log_level="warning", lifespan="on"))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:
        await asyncio.sleep(0)
    yield server
    server.should_exit = True
    await serving


@pytest.fixture
def address(server: uvicorn.Server) -> str:
    port = server.servers[0].sockets[0].getsockname()[1]
    return f"ws://127.0.0.1:{port}/api/v1/live"


async def frame(client: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE_S):
        found: dict[str, Any] = json.loads(await client.recv())
    # As the document says it, without a field more.
    Frame.model_validate(found)
    return found


async def until(client: ClientConnection, position: int) -> list[dict[str, Any]]:
    """Frames up to and including the first one at or beyond `position`."""
    found = [await frame(client)]
    while found[-1]["position"] < position:
        found.append(await frame(client))
    return found


def rows(frames: list[dict[str, Any]], view: str) -> list[dict[str, Any]]:
    return [row["row"] for one in frames for row in one["rows"] if row["view"] == view]


async def test_a_socket_hears_of_each_change_in_order(door: Door, address: str) -> None:
    async with connect(f"{address}?after={await door.head()}") as client:
        await client.send('{"token": "anything"}')
        project = await door.project()
        task = await door.task(project["id"])
        done = await door.in_state(task["task_id"], "done")
        frames = await until(client, done["position"])
    positions = [one["position"] for one in frames]
    assert positions == sorted(set(positions))
    assert positions[0] == project["position"]
    cards = [row for row in rows(frames, "task") if row["id"] == task["task_id"]]
    states = list(dict.fromkeys(row["state"] for row in cards))
    assert states == ["todo", "in-progress", "done"]
    assert cards[-1] == {name: value for name, value in done.items() if name not in ("description", "context")}
    assert {row["state"] for row in rows(frames, "agent")} >= {"busy", "idle"}


async def test_a_change_of_a_card_does_not_repeat_its_texts_and_says_how_many_cards_there_are(
    door: Door, address: str
) -> None:
    project = await door.project()
    async with connect(f"{address}?after={await door.head()}") as client:
        task = await door.task(project["id"], description="d" * 40_000, context={"long": "c" * 4_000})
        done = await door.in_state(task["task_id"], "done")
        frames = await until(client, done["position"])
    assert len(json.dumps(frames)) < 40_000
    counts = {(one["state"], one["cards"]) for one in rows(frames, "column") if one["project_id"] == project["id"]}
    assert counts == {("todo", 1), ("todo", 0), ("in-progress", 1), ("in-progress", 0), ("done", 1)}


async def test_two_sockets_hear_the_same(door: Door, address: str) -> None:
    head = await door.head()
    async with connect(f"{address}?after={head}") as one, connect(f"{address}?after={head}") as other:
        last = 0
        for number in range(30):
            last = (await door.project(name=f"Project {number}"))["position"]
        assert await until(one, last) == await until(other, last)


async def test_without_after_a_socket_hears_what_comes_from_now_on(door: Door, address: str) -> None:
    before = await door.project()
    await door.ask("GET", "/projects", 200, params={"after": before["position"]})
    async with connect(address) as client, connect(f"{address}?after=0") as witness:
        # The witness has been told everything up to now, so the other one, which came first, has its place.
        await until(witness, before["position"])
        await seated(door, 2)
        made = await door.project()
        assert (await frame(client))["position"] == made["position"]


async def test_a_resume_gives_the_latest_state_of_each_row_once(door: Door, address: str) -> None:
    project = await door.project()
    start = await door.head()
    last = 0
    for number in range(40):
        last = (await door.ask("PATCH", f"/projects/{project['id']}", 200, {"name": f"Name {number}"}))["position"]
    await door.ask("GET", "/projects", 200, params={"after": last})
    # As after a restart of the projector: what was said is no longer in its memory.
    await door.app.state.cells.close()
    async with connect(f"{address}?after={start}") as client:
        frames = await until(client, last)
        assert rows(frames, "project")[-1]["name"] == "Name 39"
        made = await door.project(name="Fresh")
        [fresh] = await until(client, made["position"])
        assert rows([fresh], "project")[0]["name"] == "Fresh"


async def test_a_row_never_goes_backwards_while_clients_come_and_go(door: Door, address: str) -> None:
    project = await door.project()
    reached = project["position"] - 1
    latest: dict[tuple[str, str], int] = {}

    name = ""

    async def write() -> int:
        for number in range(150):
            edited = await door.ask("PATCH", f"/projects/{project['id']}", 200, {"name": f"Name {number}"})
        return int(edited["position"])

    writing = asyncio.create_task(write())
    while name != "Name 149":
        async with connect(f"{address}?after={reached}") as client:
            for _ in range(7):
                found = await frame(client)
                assert found["position"] > reached
                reached = found["position"]
                for one in found["rows"]:
                    key = (one["view"], one["row"]["id"])
                    assert one["row"]["position"] >= latest.get(key, 0)
                    latest[key] = one["row"]["position"]
                    name = one["row"]["name"]
                if name == "Name 149":
                    break
    assert latest["project", project["id"]] == await writing


async def test_the_first_frame_may_say_from_where_and_of_which_workspace(door: Door, address: str) -> None:
    head = await door.head()
    made = await door.project()
    async with connect(address) as client:
        await client.send(json.dumps({"token": "anything", "workspace": "default", "after": head}))
        [found] = await until(client, made["position"])
    [change] = [one for one in found["rows"] if one["view"] == "project"]
    assert (change["key"], change["operation"], change["row"]["id"]) == (made["id"], "put", made["id"])


async def test_what_was_asked_for_under_a_key_is_heard_from_one_below_its_position(door: Door, address: str) -> None:
    named = {"name": "Keyed"}
    made = (await door.http.post(f"{API}/projects", json=named, headers={"Idempotency-Key": "once"})).json()
    async with connect(f"{address}?after={made['position'] - 1}") as client:
        assert (await frame(client))["position"] == made["position"]


async def test_an_agent_that_is_gone_is_a_removal(door: Door, address: str) -> None:
    async with connect(f"{address}?after={await door.head()}") as client:
        gone = await door.ask("DELETE", "/agents/tester", 200)
        [found] = await until(client, gone["position"])
    [change] = [one for one in found["rows"] if one["view"] == "agent"]
    assert (change["key"], change["operation"]) == ("tester", "remove")


async def test_a_first_frame_that_comes_too_late_is_refused_rather_than_ignored(door: Door, address: str) -> None:
    async with connect(address) as client:
        await seated(door, 1)
        made = await door.project()
        assert (await frame(client))["position"] == made["position"]
        await client.send('{"after": 0}')
        code, reason = await closed(client)
    assert code == 1013
    assert "first frame" in reason


@pytest.mark.parametrize(
    "first", ["{", "[]", '{"after": -1}', '{"after": "1"}', '{"after": 99999999}', '{"workspace": "../x"}', '{"no": 1}']
)
async def test_a_wrong_first_frame_is_closed_with_the_reason(address: str, first: str) -> None:
    async with connect(address) as client:
        await client.send(first)
        code, reason = await closed(client)
    assert code == 1008
    assert reason


async def closed(client: ClientConnection) -> tuple[int, str]:
    with pytest.raises(ConnectionClosed) as refused:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                await client.recv()
    assert refused.value.rcvd is not None
    return refused.value.rcvd.code, refused.value.rcvd.reason


@pytest.mark.parametrize("query", ["after=-1", "after=x", "after=99999999", "after=" + "9" * 30, "workspace=../x"])
async def test_a_wrong_request_is_closed_with_the_reason(address: str, query: str) -> None:
    async with connect(f"{address}?{query}") as client:
        code, reason = await closed(client)
    assert code == 1008
    assert reason


async def test_an_unknown_workspace_is_closed_with_the_reason(address: str) -> None:
    async with connect(address, additional_headers={"Vapora-Workspace": "other"}) as client:
        assert await closed(client) == (
            1008,
            "There is no workspace 'other'. Leave out the header for the default one.",
        )


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Host": "evil.example"}])
async def test_pages_from_elsewhere_get_no_socket(address: str, headers: dict[str, str]) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connect(address, additional_headers=headers):
            pass
    assert refused.value.response.status_code == 403


async def test_sockets_are_closed_when_the_server_stops(door: Door, address: str, server: uvicorn.Server) -> None:
    async with connect(address) as client:
        await seated(door, 1)
        server.should_exit = True
        code, _ = await closed(client)
    assert code in (1001, 1012)


async def test_a_feed_follows_only_while_somebody_listens(door: Door, address: str) -> None:
    async with connect(address):
        await seated(door, 1)
    await seated(door, 0)
    [cell] = door.app.state.cells.opened
    async with asyncio.timeout(PATIENCE_S):
        while any(task.get_name() == "live feed" for task in asyncio.all_tasks()):
            await asyncio.sleep(0)
    assert cell.workspace == "default"


async def seated(door: Door, number: int) -> None:
    """Until so many sockets subscribe."""
    async with asyncio.timeout(PATIENCE_S):
        while sum(cell.feed.subscribers for cell in door.app.state.cells.opened) != number:
            await asyncio.sleep(0)


async def test_a_burst_of_more_frames_than_are_kept_drives_out_no_socket_that_reads(door: Door, address: str) -> None:
    cell = await door.app.state.cells.open("default")
    cell.feed = LiveFeed("default", cell.projector, kept=3)
    async with connect(f"{address}?after={await door.head()}") as client:
        await seated(door, 1)
        made = await asyncio.gather(*(door.project(name=f"Project {number}") for number in range(30)))
        positions = sorted(one["position"] for one in made)
        frames = await until(client, positions[-1])
    assert [one["position"] for one in frames] == positions


async def test_a_socket_that_does_not_read_is_told_to_come_again(door: Door) -> None:
    cells = door.app.state.cells
    cell = await cells.open("default")
    cell.feed = LiveFeed("default", cell.projector, kept=2)
    sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    stuck = asyncio.Event()

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.put_nowait(dict(message))
        if message["type"] == "websocket.send":
            await stuck.wait()

    incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    incoming.put_nowait({"type": "websocket.connect"})
    scope = {
        "type": "websocket", "path": "/api/v1/live", "raw_path": b"/api/v1/live", "query_string": b"", "root_path": "",
        "headers": [(b"host", b"localhost")], "subprotocols": [], "scheme": "ws", "state": {},
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8000), "asgi": {"version": "3.0"},
    }  # fmt: skip
    serving = asyncio.create_task(door.app(scope, incoming.get, send))
    await seated(door, 1)
    for number in range(6):
        await door.project(name=f"Project {number}")
    async with asyncio.timeout(PATIENCE_S):
        await serving
    messages = [sent.get_nowait() for _ in range(sent.qsize())]
    assert [message["type"] for message in messages] == ["websocket.accept", "websocket.send", "websocket.close"]
    assert messages[-1]["code"] == 1013
    assert "after=" in messages[-1]["reason"]


async def test_a_client_that_wants_a_heartbeat_hears_that_the_connection_is_alive(door: Door, address: str) -> None:
    head = await door.head()
    async with connect(address) as client, connect(f"{address}?after={head}") as silent:
        await client.send(json.dumps({"after": head, "heartbeat_s": 1}))
        first, second = await frame(client), await frame(client)
        assert first["rows"] == second["rows"] == []
        made = await door.project()
        found = await until(client, made["position"])
        assert found[-1]["rows"]
        # Nobody else is sent one.
        assert (await frame(silent))["position"] == made["position"]


@pytest.mark.parametrize("wrong", [0, 61, "often"])
async def test_a_heartbeat_that_nobody_sends_is_refused(wrong: object, address: str) -> None:
    async with connect(address) as client:
        await client.send(json.dumps({"heartbeat_s": wrong}))
        with pytest.raises(ConnectionClosed) as closed:
            await frame(client)
    assert "heartbeat_s" in str(closed.value)
