"""Live frames over a scripted socket, which breaks off where a real one seldom does."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice

import pytest
from websockets.sync.server import ServerConnection, serve

from tests.waiting import DEADLINE_S
from vapora.sdk import ApiError, Client, NoServerError

Script = Callable[[ServerConnection, int], None]


@contextmanager
def server(script: Script) -> Iterator[tuple[Client, list[str]]]:
    """Each connection plays the script with its number; the second value collects their first frames."""
    requests: list[str] = []

    def handle(socket: ServerConnection) -> None:
        requests.append(str(socket.recv()))
        script(socket, len(requests))

    with serve(handle, "127.0.0.1", 0) as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        port = made.socket.getsockname()[1]
        try:
            with Client(f"http://127.0.0.1:{port}", timeout=5) as client:
                yield client, requests
        finally:
            made.shutdown()
            thread.join()


def frame(position: int) -> str:
    count = {"id": "p/todo", "project_id": "p", "state": "todo", "cards": 1, "position": position}
    rows = [{"view": "column", "key": "p/todo", "operation": "put", "row": count}]
    return json.dumps({"position": position, "rows": rows})


def test_a_broken_connection_goes_on_where_it_ended() -> None:
    def script(socket: ServerConnection, number: int) -> None:
        for position in (1, 2) if number == 1 else (2, 3):
            socket.send(frame(position))

    with server(script) as (client, requests), client.live(0) as live:
        positions = [one.position for one in islice(live, 3)]

    assert positions == [1, 2, 3]
    assert requests[0] == '{"after":0}'
    assert requests[1] == '{"after":2}'


def test_without_a_position_it_begins_with_what_comes() -> None:
    def script(socket: ServerConnection, number: int) -> None:
        socket.send(frame(7))

    with server(script) as (client, requests), client.live() as live:
        first = next(iter(live))

    assert first.position == 7
    assert requests[0] == "{}"


def test_a_refusal_for_good_is_not_asked_again() -> None:
    def script(socket: ServerConnection, number: int) -> None:
        socket.close(1008, "The log ends at 3.")

    with server(script) as (client, requests), client.live(9) as live, pytest.raises(ApiError, match="ends at 3"):
        next(iter(live))

    assert len(requests) == 1


def test_it_can_be_closed_from_another_thread() -> None:
    connected, over = threading.Event(), threading.Event()

    def script(socket: ServerConnection, number: int) -> None:
        connected.set()
        over.wait(DEADLINE_S)

    with server(script) as (client, _):
        live = client.live()
        seen: list[int] = []
        thread = threading.Thread(target=lambda: seen.extend(one.position for one in live))
        thread.start()
        assert connected.wait(DEADLINE_S)
        live.close()
        over.set()
        thread.join(5)

    assert not thread.is_alive()
    assert seen == []


def test_the_token_stands_in_the_first_frame() -> None:
    def script(socket: ServerConnection, number: int) -> None:
        socket.send(frame(1))

    with server(script) as (plain, requests), Client(plain.url, token="secret") as client, client.live(0) as live:
        assert next(iter(live)).position == 1

    assert json.loads(requests[0]) == {"token": "secret", "after": 0}


def test_changes_that_only_a_newer_server_knows_are_left_out() -> None:
    def script(socket: ServerConnection, number: int) -> None:
        sent = json.loads(frame(1))
        sent["rows"][0]["row"]["colour"] = "red"
        sent["rows"].append({"view": "weather", "key": "a", "operation": "put", "row": {"id": "a"}})
        socket.send(json.dumps(sent))

    with server(script) as (client, _), client.live(0) as live:
        [change] = next(iter(live)).rows

    assert (change.view, change.key) == ("column", "p/todo")


def test_without_reconnecting_a_missing_server_is_an_error(silent_port: int) -> None:
    with Client(f"http://127.0.0.1:{silent_port}") as client, pytest.raises(NoServerError):
        next(iter(client.live(reconnect=False)))
