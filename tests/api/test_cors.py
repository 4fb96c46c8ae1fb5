"""Pages of other origins: closed, unless an origin is named."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from pydantic import ValidationError

from tests.api.doors import API, Door
from tests.api.test_refusals import check_problem
from vapora.api.app import create_app
from vapora.settings import Settings

BOARD = "https://board.example.com"


@pytest.fixture
async def open_to_board(door: Door) -> AsyncIterator[httpx.AsyncClient]:
    settings = door.settings.model_copy(update={"cors_origins": (BOARD,)})
    app = create_app(door.system, settings, "1.2.3", rehearsal=True)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost:8000") as http:
        yield http
    await app.state.cells.close()


def preflight(origin: str, method: str = "POST") -> dict[str, str]:
    return {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization, idempotency-key, if-match, content-type",
    }


async def test_no_origin_is_allowed_by_default(door: Door) -> None:
    for origin in (BOARD, "null", "http://localhost:5173"):
        answer = await door.http.options(f"{API}/projects", headers=preflight(origin))
        assert "access-control-allow-origin" not in answer.headers
        read = await door.http.get(f"{API}/projects", headers={"Origin": origin})
        assert "access-control-allow-origin" not in read.headers
    written = await door.http.post(f"{API}/projects", json={"name": "x"}, headers={"Origin": BOARD})
    check_problem(written, 403, "foreign-origin")


async def test_a_named_origin_reads_and_writes_without_cookies(open_to_board: httpx.AsyncClient) -> None:
    answer = await open_to_board.options(f"{API}/projects", headers=preflight(BOARD))
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == BOARD
    assert "access-control-allow-credentials" not in answer.headers
    written = await open_to_board.post(f"{API}/projects", json={"name": "x"}, headers={"Origin": BOARD})
    assert written.status_code == 201
    assert written.headers["access-control-allow-origin"] == BOARD
    exposed = written.headers["access-control-expose-headers"].lower()
    assert "vapora-position" in exposed and "etag" in exposed


async def test_other_origins_stay_closed_beside_it(open_to_board: httpx.AsyncClient) -> None:
    for origin in (
        "https://evil.example.com",
        "https://board.example.com.evil.com",
        "http://board.example.com",
        "null",
    ):
        answer = await open_to_board.options(f"{API}/projects", headers=preflight(origin))
        assert "access-control-allow-origin" not in answer.headers
        written = await open_to_board.post(f"{API}/projects", json={"name": "x"}, headers={"Origin": origin})
        check_problem(written, 403, "foreign-origin")
    # A host whose name was rebound to this machine is refused, whatever the page's origin.
    rebound = await open_to_board.get(f"{API}/projects", headers={"Host": "board.example.com", "Origin": BOARD})
    check_problem(rebound, 403, "foreign-origin")


@pytest.mark.parametrize("given", ["*", "https://*.example.com", "board.example.com", "https://a.example/path", "null"])
def test_what_is_no_exact_origin_ends_the_start(given: str) -> None:
    with pytest.raises(ValidationError, match="is no origin"):
        Settings(cors_origins=given)


def test_origins_are_separated_by_commas() -> None:
    settings = Settings(cors_origins=f"{BOARD}, HTTP://Localhost:5173")
    assert settings.cors_origins == (BOARD, "http://localhost:5173")
