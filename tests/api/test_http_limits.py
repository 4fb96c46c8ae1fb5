"""The local runtime's own server, spoken to by plain sockets: half a request is none, and nobody holds on for ever."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import suppress

import httpx
import pytest
from websockets.sync.client import connect

from tests.ports import free_port
from vapora.platform import Platform
from vapora.settings import Settings

_PATIENCE_S = 120.0
_HEAD = "POST /api/v1/projects HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    settings = Settings(
        data=tmp_path_factory.mktemp("limits") / "data",
        port=free_port(),
        runtime="local",
        model="rehearsal",
        receive_timeout_s=1,
    )
    platform = Platform(settings, {})
    try:
        platform.start()
        yield settings.port
    finally:
        platform.stop()


def _open(port: int, text: str = "") -> socket.socket:
    opened = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_S)
    opened.sendall(text.encode())
    return opened


def _rest(opened: socket.socket) -> tuple[int, str, bytes]:
    """Status, head and body of the one answer that comes before the server closes the connection."""
    parts = []
    while part := opened.recv(65_536):
        parts.append(part)
    head, _, body = b"".join(parts).partition(b"\r\n\r\n")
    return int(head.split()[1]), head.decode().lower(), body


def _abandoned(port: int) -> float:
    """How many requests lost their client before there was an answer."""
    page = httpx.get(f"http://localhost:{port}/metrics", timeout=60).text
    return sum(
        float(line.split()[-1])
        for line in page.splitlines()
        if line.startswith("vapora_http_request_seconds_count") and 'status="0"' in line
    )


@pytest.mark.parametrize("how", ["closed", "half-closed"])
def test_a_request_whose_body_is_cut_off_is_not_carried_out(port: int, how: str) -> None:
    before = _abandoned(port)
    body = json.dumps({"name": f"cut off and {how}"})
    opened = _open(port, f"{_HEAD}Content-Length: {len(body) + 100}\r\n\r\n{body}")
    if how == "closed":
        opened.close()
    else:
        opened.shutdown(socket.SHUT_WR)
    while _abandoned(port) == before:
        pass
    opened.close()
    assert how not in httpx.get(f"http://localhost:{port}/api/v1/projects", timeout=60).text


def test_half_sent_bodies_are_answered_with_408_and_closed(port: int) -> None:
    opened = [_open(port, f'{_HEAD}Content-Length: 100\r\n\r\n{{"name": "slow') for _ in range(50)]
    for one in opened:
        status, head, body = _rest(one)
        assert status == 408
        assert "connection: close" in head
        assert json.loads(body)["code"] == "request-timeout"
        one.close()


def test_half_a_head_is_answered_with_408_and_closed(port: int) -> None:
    with _open(port, "GET /health HTTP/1.1\r\nHost: loc") as opened:
        status, _, body = _rest(opened)
        assert (status, json.loads(body)["code"]) == (408, "request-timeout")


def test_half_a_head_after_an_answer_is_closed_too(port: int) -> None:
    with _open(port, "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n") as opened:
        assert opened.recv(65_536).startswith(b"HTTP/1.1 200")
        opened.sendall(b"GET /heal")
        assert _rest(opened)[0] == 408


def test_a_silent_connection_is_closed_and_an_open_live_socket_is_not(port: int) -> None:
    with connect(f"ws://localhost:{port}/api/v1/live") as live:
        with _open(port) as silent:
            # It began later, so the time of the live socket's request is over as well.
            assert silent.recv(1) == b""
        made = httpx.post(f"http://localhost:{port}/api/v1/projects", json={"name": "Still there"}, timeout=60)
        assert json.loads(live.recv(timeout=_PATIENCE_S))["position"] == made.json()["position"]


def test_too_large_a_head_is_refused_before_it_is_whole(port: int) -> None:
    with _open(port, "GET /health HTTP/1.1\r\nHost: localhost\r\nX-Large: " + "x" * 70_000) as opened:
        status, head, body = _rest(opened)
    assert (status, json.loads(body)["code"]) == (431, "headers-too-large")
    assert "application/problem+json" in head


def test_sixty_megabytes_of_headers_are_not_taken(port: int) -> None:
    sent, piece = 0, b"x: " + b"y" * 99_995 + b"\r\n"
    with _open(port, "GET /health HTTP/1.1\r\nHost: localhost\r\n") as opened, suppress(ConnectionError):
        while sent < 60_000_000:
            opened.sendall(piece)
            sent += len(piece)
    assert sent < 60_000_000


@pytest.mark.parametrize("headers", [{f"X-{n}": "y" for n in range(100)}, {"X-Large": "x" * 40_000}])
def test_too_many_headers_are_refused(port: int, headers: dict[str, str]) -> None:
    answer = httpx.get(f"http://localhost:{port}/health", headers=headers, timeout=60)
    assert (answer.status_code, answer.json()["code"]) == (431, "headers-too-large")


def test_a_request_in_several_pieces_is_carried_out(port: int) -> None:
    body = json.dumps({"name": "In pieces"})
    text = f"{_HEAD}Connection: close\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    with _open(port) as opened:
        for start in range(0, len(text), 10):
            opened.sendall(text[start : start + 10].encode())
        assert _rest(opened)[0] == 201
