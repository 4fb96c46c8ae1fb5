"""Limits for each user and each address, alone and over replicas."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_network

import httpx
import pytest
from fastapi import FastAPI
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from tests.api.doors import API, Door
from tests.api.test_refusals import check_problem
from vapora.api.app import create_app
from vapora.api.caller import Caller
from vapora.api.rate_limits import RateLimits, Rules
from vapora.errors import UnauthenticatedError
from vapora.settings import Settings

FAR = "203.0.113.7"
PROXY = "10.0.0.1"


class Named:
    """Everybody is who they say they are."""

    async def of(self, authorization: str | None) -> Caller:
        if authorization is None:
            return Caller("local")
        if authorization == "wrong":
            raise UnauthenticatedError("Nobody.")
        return Caller("user", authorization)


def app_with(rules: Rules) -> Starlette:
    async def answer(request: Request) -> PlainTextResponse:
        return PlainTextResponse("well")

    app = Starlette(routes=[Route("/{path:path}", answer)])
    app.state.callers = Named()
    app.add_middleware(RateLimits, rules=rules)
    return app


def rules(
    user: str = "", address: str = "", replicas: int = 1, local_too: Sequence[str] = (), proxies: Sequence[str] = ()
) -> Rules:
    return Rules(user, address, frozenset(local_too), tuple(map(ip_network, proxies)), replicas)


def client(app: Starlette | FastAPI, address: str = FAR) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app, client=(address, 1)), base_url="http://localhost")


async def statuses(http: httpx.AsyncClient, count: int, **headers: str) -> list[int]:
    return [(await http.get("/thing", headers=headers)).status_code for _ in range(count)]


async def test_each_user_has_a_limit_from_wherever_they_ask() -> None:
    app = app_with(rules(user="3/hour"))
    async with client(app) as here, client(app, "198.51.100.9") as there:
        assert await statuses(here, 2, authorization="anna") == [200, 200]
        assert await statuses(there, 2, authorization="anna") == [200, 429]
        assert await statuses(there, 1, authorization="ben") == [200]


async def test_each_address_has_a_limit_whoever_asks_from_there() -> None:
    app = app_with(rules(address="3/hour"))
    async with client(app) as here, client(app, "198.51.100.9") as there:
        assert await statuses(here, 1, authorization="anna") == [200]
        assert await statuses(here, 1, authorization="wrong") == [200]
        assert await statuses(here, 2) == [200, 429]
        assert await statuses(there, 1) == [200]


async def test_the_answer_says_what_is_left_and_when_to_come_again() -> None:
    async with client(app_with(rules(user="2/hour", address="9/hour"))) as http:
        first = await http.get("/thing", headers={"authorization": "anna"})
        assert (first.headers["ratelimit-limit"], first.headers["ratelimit-remaining"]) == ("2", "1")
        assert 3_500 < int(first.headers["ratelimit-reset"]) <= 3_600
        await http.get("/thing", headers={"authorization": "anna"})
        refused = await http.get("/thing", headers={"authorization": "anna"})
        problem = refused.json()
        assert (refused.status_code, problem["code"]) == (429, "rate-limited")
        assert refused.headers["ratelimit-remaining"] == "0"
        assert refused.headers["retry-after"] == refused.headers["ratelimit-reset"]
        assert refused.headers["retry-after"] in problem["remedy"]


async def test_two_replicas_allow_together_what_one_allows() -> None:
    allowed = 0
    for app in (app_with(rules(user="6/hour", replicas=2)), app_with(rules(user="6/hour", replicas=2))):
        async with client(app) as http:
            found = await statuses(http, 5, authorization="anna")
            assert found == [200, 200, 200, 429, 429]
            allowed += found.count(200)
    assert allowed == 6


async def test_a_limit_below_the_number_of_replicas_lets_each_answer_once() -> None:
    async with client(app_with(rules(address="1/hour", replicas=4))) as http:
        assert await statuses(http, 2) == [200, 429]


async def test_this_machine_is_limited_only_on_purpose() -> None:
    async with client(app_with(rules(user="1/hour", address="1/hour")), "127.0.0.1") as http:
        assert await statuses(http, 3) == [200] * 3
    async with client(app_with(rules(address="1/hour", local_too=["address"])), "127.0.0.1") as http:
        assert await statuses(http, 2) == [200, 429]
    async with client(app_with(rules(user="1/hour", local_too=["user"])), "127.0.0.1") as http:
        assert await statuses(http, 2) == [200, 429]


async def test_a_probe_is_always_answered() -> None:
    async with client(app_with(rules(address="1/hour"))) as http:
        assert [(await http.get("/health")).status_code for _ in range(3)] == [200] * 3


async def test_a_forwarded_address_counts_only_from_a_trusted_proxy() -> None:
    app = app_with(rules(address="1/hour", proxies=["10.0.0.0/8"]))
    async with client(app, PROXY) as proxy, client(app) as liar:
        for forwarded in ("198.51.100.1", "198.51.100.2", "198.51.100.3, 10.0.0.9"):
            assert await statuses(proxy, 2, **{"x-forwarded-for": forwarded}) == [200, 429]
        # What a client has put in front of the proxy's word does not count.
        assert await statuses(proxy, 1, **{"x-forwarded-for": "8.8.8.8, 198.51.100.1"}) == [429]
        assert await statuses(liar, 1, **{"x-forwarded-for": "198.51.100.8"}) == [200]
        assert await statuses(liar, 1, **{"x-forwarded-for": "198.51.100.9"}) == [429]


async def test_addresses_of_one_ipv6_network_count_as_one() -> None:
    app = app_with(rules(address="1/hour"))
    async with client(app, "2001:db8:1:2::1") as one, client(app, "2001:db8:1:2::2") as other:
        assert (await statuses(one, 1), await statuses(other, 1)) == ([200], [429])
    async with client(app, "2001:db8:1:3::1") as far:
        assert await statuses(far, 1) == [200]


async def test_the_whole_application_limits_what_is_set_and_nothing_by_default(door: Door) -> None:
    assert all([(await door.http.get(f"{API}/position")).is_success for _ in range(5)])
    assert "ratelimit-limit" not in (await door.http.get(f"{API}/position")).headers
    settings = door.settings.model_copy(update={"rate_limit_ip": "4/hour"})
    apps = [create_app(door.system, settings, "1.2.3", rehearsal=True, replicas=2) for _ in range(2)]
    for app in apps:
        async with client(app, "127.0.0.1") as http:
            assert [(await http.get(f"{API}/position")).status_code for _ in range(2)] == [200, 200]
            check_problem(await http.get(f"{API}/position"), 429, "rate-limited")
            assert (await http.get("/health")).status_code == 200
        await app.state.cells.close()


@pytest.mark.parametrize("given", ["600", "0/minute", "600/fortnight", "many"])
def test_a_limit_that_is_none_ends_the_start(given: str) -> None:
    with pytest.raises(ValidationError, match="600/minute"):
        Settings(rate_limit_ip=given)
