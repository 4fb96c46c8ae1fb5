"""A client that is signed in renews its tokens by itself, and says so where it cannot."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from vapora.errors import BadInputError
from vapora.sdk import ApiError, AsyncClient, Client


@dataclass
class Site:
    """A server that knows one password, and whose sessions a test can end."""

    url: str = ""
    lives_s: int = 900
    given: int = 0
    good: set[str] = field(default_factory=set)
    refresh: str = ""
    asked: list[str] = field(default_factory=list)

    def pair(self) -> dict[str, Any]:
        self.given += 1
        self.refresh = f"refresh-{self.given}"
        self.good = {f"access-{self.given}"}
        return {
            "access_token": f"access-{self.given}",
            "refresh_token": self.refresh,
            "expires_in": self.lives_s,
            "token_type": "Bearer",
        }

    def end(self) -> None:
        self.good, self.refresh = set(), ""

    def answer(self, path: str, body: dict[str, Any], authorization: str) -> tuple[int, Any]:
        self.asked.append(path.removeprefix("/api/v1"))
        if path.endswith("/auth/login") and body == {"email": "ada@example.com", "password": "correct horse battery"}:
            return 200, self.pair()
        if path.endswith("/auth/refresh") and body["refresh_token"] == self.refresh:
            return 200, self.pair()
        if path.endswith("/auth/logout"):
            self.end()
            return 204, None
        if authorization.removeprefix("Bearer ") in self.good:
            return 200, {"items": [], "next": None}
        told = {"type": "urn:vapora:problem:unauthenticated", "title": "Who asks is not known", "remedy": "Sign in."}
        return 401, told


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length)) if length else {}
            status, told = made.answer(self.path.partition("?")[0], body, self.headers.get("Authorization", ""))
            text = b"" if told is None else json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = _answer

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_port}"
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


def signed_in(site: Site) -> Client:
    return Client(site.url, email="ada@example.com", password="correct horse battery")


def test_it_signs_in_with_its_first_request_and_only_then(site: Site) -> None:
    with signed_in(site) as client:
        assert site.asked == []
        client.agents()
        client.agents()
    assert site.asked == ["/auth/login", "/agents", "/agents"]


def test_a_token_is_renewed_before_it_expires(site: Site) -> None:
    site.lives_s = 0
    with signed_in(site) as client:
        client.agents()
        site.lives_s = 900
        client.agents()
        client.agents()
    assert site.asked == ["/auth/login", "/agents", "/auth/refresh", "/agents", "/agents"]


def test_a_token_that_is_refused_early_is_renewed_once_and_the_request_is_sent_again(site: Site) -> None:
    with signed_in(site) as client:
        client.agents()
        site.good.clear()
        client.agents()
    assert site.asked == ["/auth/login", "/agents", "/agents", "/auth/refresh", "/agents"]


def test_with_a_password_it_signs_in_again_when_its_session_has_ended(site: Site) -> None:
    with signed_in(site) as client:
        client.agents()
        site.end()
        client.agents()
    assert site.asked[-3:] == ["/auth/refresh", "/auth/login", "/agents"]


def test_without_a_password_the_end_of_the_session_is_said(site: Site) -> None:
    with Client(site.url) as client:
        client.log_in("ada@example.com", "correct horse battery")
        client.agents()
        site.end()
        with pytest.raises(ApiError) as refused:
            client.agents()
        assert (refused.value.status, refused.value.remedy) == (401, "Sign in.")
        with pytest.raises(BadInputError, match="Nobody is signed in"):
            client.agents()


def test_a_wrong_password_is_refused_and_names_no_secret(site: Site) -> None:
    client = Client(site.url, email="ada@example.com", password="incorrect horse battery")
    with client, pytest.raises(ApiError) as refused:
        client.agents()
    assert "horse" not in str(refused.value) + repr(client._password)


def test_clients_of_two_workspaces_share_a_session(site: Site) -> None:
    with signed_in(site) as client:
        client.agents()
        with client.workspaces["acme"].client() as other:
            other.agents()
    assert site.asked.count("/auth/login") == 1


def test_after_signing_out_nothing_is_asked_any_more(site: Site) -> None:
    with Client(site.url) as client:
        client.log_in("ada@example.com", "correct horse battery")
        client.log_out()
        before = list(site.asked)
        with pytest.raises(BadInputError):
            client.agents()
    assert site.asked == before


async def test_many_requests_at_once_renew_once(site: Site) -> None:
    import asyncio

    async with AsyncClient(site.url, email="ada@example.com", password="correct horse battery") as client:
        await asyncio.gather(*(client.agents() for _ in range(8)))
    assert site.asked.count("/auth/login") == 1


def test_a_client_signs_in_in_one_way() -> None:
    wrong: list[dict[str, Any]] = [{"token": "x", "email": "a@b.c", "password": "y"}, {"email": "a@b.c"}]
    for ways in wrong:
        with pytest.raises(BadInputError, match="one way"):
            Client("http://127.0.0.1:9", **ways)
