"""Signing in with a provider of OpenID Connect, against a real one on this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from oidc_provider_mock import User, run_server_in_thread
from pydantic import SecretStr

from events.ids import DEFAULT_WORKSPACE
from tests.api.doors import API, Door
from tests.api.signing import EMAIL, ORIGIN, House, bearer, housed
from vapora.commands import Invite
from vapora.settings import Settings

BOB = {"email": "bob@example.com", "email_verified": True, "name": "Bob Builder"}
UNPROVED = {"email": "carol@example.com", "email_verified": False, "name": "Carol"}
ADA = {"email": EMAIL, "email_verified": True, "name": "Ada"}


@pytest.fixture
def issuer() -> Iterator[str]:
    people = [User(sub="b", claims=BOB), User(sub="c", claims=UNPROVED), User(sub="a", claims=ADA)]
    with run_server_in_thread(require_nonce=True, user_claims=people) as server:
        yield f"http://localhost:{server.server_port}"


@pytest.fixture
async def house(settings: Settings, issuer: str) -> AsyncIterator[House]:
    known = {"openid_issuer": issuer, "openid_client_id": "vapora", "openid_client_secret": SecretStr("s3cret")}
    async with housed(settings.model_copy(update=known)) as found:
        yield found


async def there_and_back(door: Door, subject: str, invitation: str = "") -> tuple[httpx.Response, dict[str, str]]:
    """As a browser goes: the answer to the provider's redirect, and what stands behind the `#` then."""
    begun = await door.http.get(f"{API}/auth/openid/start", params={"invitation": invitation})
    assert begun.status_code == 303
    query = parse_qs(urlsplit(begun.headers["location"]).query)
    assert query["code_challenge_method"] == ["S256"] and query["state"] and query["nonce"]
    async with httpx.AsyncClient(timeout=60) as browser:
        agreed = await browser.post(begun.headers["location"], data={"sub": subject})
    back = urlsplit(agreed.headers["location"])
    assert back.path == f"{API}/auth/openid/callback"
    answer = await door.http.get(f"{back.path}?{back.query}")
    assert answer.status_code == 303
    page, _, behind = answer.headers["location"].partition("#")
    assert page == "/sign-in"
    name, _, value = behind.partition("=")
    return answer, {name: value}


async def test_who_was_invited_makes_an_account_by_the_provider_and_comes_again(house: House) -> None:
    door = house.door
    assert (await door.ask("GET", "/auth/status", 200))["openid"] is True
    await door.system.identity().invite(ORIGIN, Invite(email="bob@example.com"), DEFAULT_WORKSPACE)
    names = []
    for _ in range(2):
        _, behind = await there_and_back(door, "b")
        tokens = await door.ask("POST", "/auth/openid/redeem", 200, {"code": behind["code"]})
        await door.ask("POST", "/auth/openid/redeem", 401, {"code": behind["code"]})
        me = await door.ask("GET", "/auth/me", 200, headers=bearer(tokens))
        names.append((me["id"], me["name"], me["email"]))
    assert names[0] == names[1] and names[0][1:] == ("Bob Builder", "bob@example.com")
    assert me["workspaces"][0]["role"] == "member"
    await door.ask("POST", "/auth/login", 401, {"email": "bob@example.com", "password": "no password at all"})


async def test_a_known_address_that_is_proved_is_the_same_person(house: House) -> None:
    _, behind = await there_and_back(house.door, "a")
    tokens = await house.door.ask("POST", "/auth/openid/redeem", 200, {"code": behind["code"]})
    assert await house.door.ask("GET", "/auth/me", 200, headers=bearer(tokens)) == await house.door.ask(
        "GET", "/auth/me", 200, headers=bearer(house.owner)
    )


async def test_nobody_comes_in_uninvited_or_by_an_address_that_is_not_proved(house: House) -> None:
    identity = house.door.system.identity()
    _, behind = await there_and_back(house.door, "b")
    assert "invited" in behind["error"]
    made = await identity.invite(ORIGIN, Invite(email="carol@example.com"), DEFAULT_WORKSPACE)
    _, behind = await there_and_back(house.door, "c")
    assert "invited" in behind["error"]
    # The link of the invitation is a proof of its own.
    _, behind = await there_and_back(house.door, "c", made.token)
    assert "code" in behind
    assert len((await house.door.ask("GET", "/users", 200, headers=bearer(house.owner)))["items"]) == 2


async def test_only_the_browser_that_went_comes_back_and_once(house: House) -> None:
    door = house.door
    begun = await door.http.get(f"{API}/auth/openid/start")
    assert "HttpOnly" in begun.headers["set-cookie"] and "SameSite=lax" in begun.headers["set-cookie"]
    async with httpx.AsyncClient(timeout=60) as browser:
        agreed = await browser.post(begun.headers["location"], data={"sub": "a"})
    back = agreed.headers["location"].partition(API)[2]
    cookie = door.http.cookies["vapora_openid"]
    door.http.cookies.clear()
    elsewhere = await door.http.get(f"{API}{back}", headers={"Cookie": "vapora_openid=guessed"})
    assert "#error=" in elsewhere.headers["location"]
    late = await door.http.get(f"{API}{back}", headers={"Cookie": f"vapora_openid={cookie}"})
    assert "#error=" in late.headers["location"]
    denied = await door.http.get(f"{API}/auth/openid/callback?error=access_denied&state=x")
    assert "#error=" in denied.headers["location"]


async def test_without_a_provider_there_is_none_to_go_to(door: Door) -> None:
    await door.ask("GET", "/auth/openid/start", 404)
