"""What browsers are told with every answer, whoever gives it."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.api.doors import API, Door, opened
from vapora.api import web
from vapora.api.browser_headers import DEFAULTS
from vapora.settings import Settings

# An answer, a refusal by a route, one by the framework, one by a middleware, and what is no part of the API.
ASKED = (
    ("GET", f"{API}/projects", 200),
    ("GET", f"{API}/tasks/nobody", 404),
    ("PUT", f"{API}/projects", 405),
    ("POST", f"{API}/projects", 403),
    ("GET", "/nowhere", 404),
    ("GET", "/health", 200),
    ("GET", "/docs", 200),
)


@pytest.mark.parametrize(("method", "path", "status"), ASKED)
async def test_every_answer_carries_them(door: Door, method: str, path: str, status: int) -> None:
    headers = {"Origin": "https://evil.example"} if status == 403 else {}
    answer = await door.http.request(method, path, headers=headers, json={} if method == "POST" else None)
    assert answer.status_code == status
    for name, value in DEFAULTS.items():
        if name == "Content-Security-Policy":
            assert answer.headers[name].startswith("default-src 'none'")
        else:
            assert answer.headers[name] == value
    assert "Strict-Transport-Security" not in answer.headers
    if path.startswith(API):
        assert answer.headers["Cache-Control"] in ("no-store", "private, no-cache")


async def test_a_page_keeps_the_stricter_policy_of_its_own(door: Door) -> None:
    if not web.is_built():
        pytest.skip("The board is not built.")
    answer = await door.http.get("/")
    assert answer.headers["Content-Security-Policy"] == web.HEADERS["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_over_tls_a_browser_is_told_to_come_no_other_way_again(door: Door) -> None:
    transport = httpx.ASGITransport(door.app)
    async with httpx.AsyncClient(transport=transport, base_url="https://localhost:8000") as http:
        answer = await http.get(f"{API}/projects")
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")


async def test_behind_a_proxy_that_ends_tls_a_browser_is_told_the_same(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, model="rehearsal", tls_proxy=True)
    async with opened(settings) as behind:
        answer = await behind.http.get(f"{API}/projects")
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")
    async with opened(settings.model_copy(update={"tls_proxy": False})) as plain:
        answer = await plain.http.get(f"{API}/projects")
    assert "Strict-Transport-Security" not in answer.headers
