"""Signing in and out, from a stranger's first start on; and that nobody is let in who did not."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute
from pydantic import SecretStr

from events.identity import LogInRefused, PasswordChanged, SigningKeyRotated, UserErased
from events.ids import PEOPLE, MemberRole
from tests.api.doors import API, Door, opened
from tests.api.signing import EMAIL, ORIGIN, PASSWORD, House, bearer, housed, people_log
from tests.api.test_refusals import check_problem
from vapora.api.app import create_app
from vapora.commands import IssueToken
from vapora.identity import setup_token
from vapora.log.places import open_for_reading
from vapora.log.proof import verify
from vapora.settings import Settings

LOG_IN = {"email": EMAIL, "password": PASSWORD}
# Whoever asks, and before anybody can have signed in.
OPEN = {"get_health", "get_sign_in_status", "log_in", "refresh_session", "log_out", "set_up", "accept_invitation"} | {
    "get_liveness",
    "start_openid",
    "finish_openid",
    "redeem_sign_in",
    "redeem_code",
}


@pytest.fixture
async def house(settings: Settings) -> AsyncIterator[House]:
    async with housed(settings) as found:
        yield found


async def projects(door: Door, status: int, headers: dict[str, str] | None = None) -> Any:
    return await door.ask("GET", "/projects", status, headers=headers or {})


async def test_while_there_is_no_owner_nobody_signs_in_on_this_machine(door: Door) -> None:
    assert await door.ask("GET", "/auth/status", 200) == {"sign_in": False, "set_up": False, "openid": False}
    await projects(door, 200)
    # A token that is not asked for is not looked at.
    await projects(door, 200, {"Authorization": "Bearer wrong"})
    me = await door.ask("GET", "/auth/me", 200)
    assert (me["kind"], me["administrator"]) == ("local", True)
    assert [one["workspace_id"] for one in me["workspaces"]] == ["default"]


async def test_the_first_owner_is_made_by_a_link_that_is_good_once(door: Door) -> None:
    await door.ask("GET", "/auth/status", 200)
    token = setup_token.read(door.settings.people_folder)
    body = {"token": token, "email": "Ada@Example.com", "name": "Ada", "password": PASSWORD}
    problem = await door.ask("POST", "/auth/setup", 401, body | {"token": "guessed"})
    assert problem["code"] == "unauthenticated"
    tokens = await door.ask("POST", "/auth/setup", 201, body)
    assert tokens["token_type"] == "Bearer" and tokens["expires_in"] == 900

    await projects(door, 401)
    await projects(door, 200, bearer(tokens))
    assert not (door.settings.people_folder / setup_token.NAME).exists()
    await door.ask("POST", "/auth/setup", 401, body)
    assert await door.ask("GET", "/auth/status", 200) == {"sign_in": True, "set_up": True, "openid": False}
    me = await door.ask("GET", "/auth/me", 200, headers=bearer(tokens))
    assert (me["kind"], me["name"], me["email"], me["administrator"]) == ("user", "Ada", "ada@example.com", True)
    assert me["workspaces"] == [{"workspace_id": "default", "name": "", "role": "owner", "archived": False}]
    await door.ask("POST", "/auth/login", 200, {"email": "ADA@example.com", "password": PASSWORD})


async def test_a_strangers_first_start_has_no_password_anywhere(settings: Settings) -> None:
    required = settings.model_copy(update={"auth": "required"})
    async with opened(required) as door:
        problem = await projects(door, 401)
        assert "There is no owner yet" in problem["detail"]
        for email, password in (("admin@localhost", "admin"), ("owner@example.com", "password"), ("a@b.example", "x")):
            await door.ask("POST", "/auth/login", 401, {"email": email, "password": password})
        assert sqlite3.connect(settings.people_folder / "people.db").execute("SELECT * FROM people").fetchall() == []
        assert (await door.http.get("/health")).json() == {"status": "ok", "version": "1.2.3"}
        await projects(door, 200, door.operator)


async def test_the_settings_may_name_the_first_owner_who_is_made_once(settings: Settings) -> None:
    named = settings.model_copy(update={"owner_email": EMAIL, "owner_password": SecretStr(PASSWORD)})
    for _ in range(2):
        async with opened(named) as door:
            await projects(door, 401)
            await projects(door, 200, bearer(await door.ask("POST", "/auth/login", 200, LOG_IN)))
            assert not (settings.people_folder / setup_token.NAME).exists()
            assert sum(one.topic == "user.registered" for one in await people_log(door)) == 1


async def test_no_route_answers_who_has_not_signed_in(house: House) -> None:
    """Closed until opened: a new route is found here."""
    for route in (one for one in house.door.app.routes if isinstance(one, APIRoute) and one.path not in ("/",)):
        if route.name in OPEN or not (route.include_in_schema or route.path in ("/docs", "/openapi.json")):
            continue
        path = route.path
        for parameter in ("task_id", "project_id", "run_id", "agent_id", "user_id"):
            path = path.replace(f"{{{parameter}}}", "x")
        path = "".join("x" if part.startswith("{") else part for part in _split(path))
        for method in (route.methods or set()) - {"HEAD"}:
            answer = await house.door.http.request(method, path)
            assert answer.status_code == 401, f"{method} {path}: {answer.status_code}"
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            assert answer.json()["code"] == "unauthenticated"


def _split(path: str) -> list[str]:
    found, rest = [], path
    while "{" in rest:
        before, _, rest = rest.partition("{")
        inside, _, rest = rest.partition("}")
        found += [before, "{" + inside]
    return [*found, rest]


async def test_a_wrong_password_and_an_unknown_address_are_answered_alike(house: House) -> None:
    door = house.door
    wrong = await door.http.post(f"{API}/auth/login", json={"email": EMAIL, "password": "wrong"})
    unknown = await door.http.post(f"{API}/auth/login", json={"email": "eve@example.com", "password": "wrong"})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.content == unknown.content
    told = [one.event for one in await people_log(door) if isinstance(one.event, LogInRefused)]
    assert [(bool(one.user_id), one.why) for one in told] == [(True, "password"), (False, "unknown")]
    assert b"eve@" not in b"".join(one.state for one in (await door.system.log(PEOPLE).poll(0, 1_000, 0)).records)


async def test_guessing_is_slowed_down_and_counted_exactly(house: House) -> None:
    door = house.door
    guesses = [door.http.post(f"{API}/auth/login", json={"email": EMAIL, "password": f"guess {n}"}) for n in range(12)]
    answers = await asyncio.gather(*guesses)
    assert sorted(one.status_code for one in answers) == [401] * 5 + [429] * 7
    throttled = next(one for one in answers if one.status_code == 429)
    check_problem(throttled, 429, "too-many-attempts")
    assert int(throttled.headers["Retry-After"]) >= 1
    assert sum(isinstance(one.event, LogInRefused) for one in await people_log(door)) == 2


async def test_two_tabs_that_refresh_at_once_both_stay_in(house: House) -> None:
    door = house.door
    first = await door.ask("POST", "/auth/login", 200, LOG_IN)
    pairs = await asyncio.gather(
        *(door.ask("POST", "/auth/refresh", 200, {"refresh_token": first["refresh_token"]}) for _ in range(2))
    )
    for one in pairs:
        await projects(door, 200, bearer(one))
        await door.ask("POST", "/auth/refresh", 200, {"refresh_token": one["refresh_token"]})
    assert len({one["refresh_token"] for one in (first, *pairs)}) == 3
    await door.ask("POST", "/auth/refresh", 401, {"refresh_token": "nobody's"})


async def test_logging_out_holds_at_once_here_and_everywhere(house: House) -> None:
    door = house.door
    here, there = [await door.ask("POST", "/auth/login", 200, LOG_IN) for _ in range(2)]
    answer = await door.http.post(f"{API}/auth/logout", json={"refresh_token": here["refresh_token"]})
    assert (answer.status_code, answer.content) == (204, b"")
    await projects(door, 401, bearer(here))
    await projects(door, 200, bearer(there))
    await door.http.post(f"{API}/auth/logout", json={"refresh_token": there["refresh_token"], "everywhere": True})
    for one in (here, there, house.owner):
        await projects(door, 401, bearer(one))
    assert (await door.http.post(f"{API}/auth/logout", json={"refresh_token": "unknown"})).status_code == 204


async def test_a_new_signing_key_signs_nobody_out(house: House) -> None:
    door = house.door
    await projects(door, 200, bearer(house.owner))
    rotated = await door.ask("POST", "/auth/rotate-key", 200, headers=bearer(house.owner))
    await projects(door, 200, bearer(house.owner))
    fresh = await door.ask("POST", "/auth/refresh", 200, {"refresh_token": house.owner.refresh_token})
    await projects(door, 200, bearer(fresh))
    assert fresh["access_token"].split(".")[0] != house.owner.access_token.split(".")[0]
    assert [one.event.kid for one in await people_log(door) if isinstance(one.event, SigningKeyRotated)] == [
        rotated["id"]
    ]


async def test_ones_own_new_password_ends_other_sessions_and_the_old_one_is_no_good(house: House) -> None:
    door = house.door
    other = await door.ask("POST", "/auth/login", 200, LOG_IN)
    body = {"current": PASSWORD, "password": "another good password"}
    await door.ask("POST", "/auth/password", 401, body | {"current": "wrong"}, headers=bearer(house.owner))
    await door.ask("POST", "/auth/password", 422, body | {"password": "short"}, headers=bearer(house.owner))
    await door.ask("POST", "/auth/password", 200, body, headers=bearer(house.owner))
    await projects(door, 200, bearer(house.owner))
    await projects(door, 401, bearer(other))
    await door.ask("POST", "/auth/login", 401, LOG_IN)
    await door.ask("POST", "/auth/login", 200, LOG_IN | {"password": "another good password"})
    assert PasswordChanged.TOPIC in [one.topic for one in await people_log(door)]


async def test_no_secret_stands_in_an_event_an_error_or_an_answer_that_did_not_ask_for_it(house: House) -> None:
    door = house.door
    tokens = await door.ask("POST", "/auth/login", 200, LOG_IN, headers={"Idempotency-Key": "k-1"})
    again = await door.ask("POST", "/auth/login", 200, LOG_IN, headers={"Idempotency-Key": "k-1"})
    assert again["refresh_token"] != tokens["refresh_token"]
    refused = await door.http.post(f"{API}/auth/login", json=LOG_IN | {"password": "swordfish " * 200})
    assert refused.status_code == 422 and "swordfish" not in refused.text
    stored = b"".join(one.state for one in (await door.system.log(PEOPLE).poll(0, 1_000, 0)).records)
    for secret in (PASSWORD, tokens["refresh_token"], tokens["access_token"], "Lovelace", EMAIL, "argon2"):
        assert secret.encode() not in stored


async def test_administrators_look_after_people_and_nobody_else_does(house: House) -> None:
    door, owner = house.door, bearer(house.owner)
    bob = await house.member("bob")
    bob_id = await house.user_id(bob)
    for method, path, body in (
        ("GET", "/users", None),
        ("PATCH", f"/users/{bob_id}", {"administrator": True}),
        ("DELETE", f"/users/{bob_id}", None),
        ("POST", f"/users/{bob_id}/password", {"password": PASSWORD}),
        ("POST", "/auth/rotate-key", None),
    ):
        assert (await door.ask(method, path, 403, body, headers=bearer(bob)))["code"] == "forbidden"
    listed = await door.ask("GET", "/users", 200, headers=owner)
    assert {one["email"] for one in listed["items"]} == {EMAIL, "bob@example.com"}
    page = await door.ask("GET", "/users", 200, headers=owner, params={"limit": 1})
    rest = await door.ask("GET", "/users", 200, headers=owner, params={"limit": 1, "cursor": page["next"]})
    assert (page["items"] + rest["items"], rest["next"]) == (listed["items"], None)

    edited = await door.ask("PATCH", f"/users/{bob_id}", 200, {"disabled": True, "name": "Robert"}, headers=owner)
    await projects(door, 401, bearer(bob))
    shown = await door.ask("GET", "/users", 200, headers=owner, params={"after": edited["position"]})
    assert ("Robert", True) in [(one["name"], one["disabled"]) for one in shown["items"]]
    disabled = await door.http.post(f"{API}/auth/login", json={"email": "bob@example.com", "password": PASSWORD})
    wrong = await door.http.post(f"{API}/auth/login", json={"email": "bob@example.com", "password": "wrong"})
    assert disabled.content == wrong.content
    await door.ask("PATCH", f"/users/{bob_id}", 200, {"disabled": False}, headers=owner)
    await door.ask("POST", f"/users/{bob_id}/password", 200, {"password": "given by an administrator"}, headers=owner)
    await door.ask("POST", "/auth/login", 200, {"email": "bob@example.com", "password": "given by an administrator"})
    owner_id = await house.user_id(house.owner)
    await door.ask("DELETE", f"/users/{owner_id}", 409, headers=owner)
    await door.ask("PATCH", f"/users/{owner_id}", 409, {"administrator": False}, headers=owner)


async def test_of_an_erased_person_no_file_holds_the_name_and_the_log_still_proves(settings: Settings) -> None:
    async with housed(settings) as house:
        door = house.door
        eve = await house.member("evelyn-nightshade")
        eve_id = await house.user_id(eve)
        await door.ask("POST", "/projects", 201, {"name": "Parser"}, headers=bearer(eve))
        await door.ask("DELETE", f"/users/{eve_id}", 200, headers=bearer(house.owner))
        await projects(door, 401, bearer(eve))
        await door.ask("POST", "/auth/login", 401, {"email": "evelyn-nightshade@example.com", "password": PASSWORD})
        await door.ask("DELETE", f"/users/{eve_id}", 404, headers=bearer(house.owner))
        assert any(isinstance(one.event, UserErased) for one in await people_log(door))
        listed = await door.ask("GET", "/users", 200, headers=bearer(house.owner))
        assert len(listed["items"]) == 1
    files = [one for one in settings.data.rglob("*") if one.is_file()]
    assert [one for one in files if b"evelyn" in one.read_bytes()] == []
    with closing(open_for_reading(settings.log_place(PEOPLE))) as log:
        assert verify(log).fault is None


async def test_two_replicas_know_the_same_people(house: House) -> None:
    """What one of them was told holds at the other, with its very next request."""
    door = house.door
    other = create_app(door.system, door.settings, version="1.2.3", rehearsal=True)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(other), base_url="http://localhost:8000") as there:
        for _ in range(5):
            tokens = await door.ask("POST", "/auth/login", 200, LOG_IN)
            assert (await there.get(f"{API}/projects", headers=bearer(tokens))).status_code == 200
        refreshed = (await there.post(f"{API}/auth/refresh", json={"refresh_token": tokens["refresh_token"]})).json()
        await projects(door, 200, bearer(refreshed))
        await door.ask("POST", "/auth/rotate-key", 200, headers=bearer(refreshed))
        fresh = await door.ask("POST", "/auth/login", 200, LOG_IN)
        assert (await there.get(f"{API}/projects", headers=bearer(fresh))).status_code == 200
        await door.http.post(f"{API}/auth/logout", json={"refresh_token": fresh["refresh_token"]})
        position = (await people_log(door))[-1].position
        await other.state.people.wait_for(position)
        assert (await there.get(f"{API}/projects", headers=bearer(fresh))).status_code == 401
    await other.state.cells.close()
    await other.state.people.close()


async def test_a_workspace_of_others_is_one_that_does_not_exist(house: House) -> None:
    door = house.door
    stranger = await house.member("stranger")
    await door.ask("POST", "/projects", 201, {"name": "Parser"}, headers=bearer(house.owner))
    await door.system.create("acme")
    said = []
    for name in ("acme", "none"):
        answer = await door.http.get(f"{API}/projects", headers={**bearer(stranger), "Vapora-Workspace": name})
        check_problem(answer, 404, "not-found")
        said.append(answer.text.replace(name, "…"))
    assert said[0] == said[1]


async def test_what_has_commands_run_is_for_admins_once_people_sign_in(house: House) -> None:
    door = house.door
    member, admin = await house.member("bob"), await house.member("alice", MemberRole.ADMIN)
    body = {"name": "Parser", "sandbox": "none"}
    assert (await door.ask("POST", "/projects", 403, body, headers=bearer(member)))["code"] == "forbidden"
    await door.ask("POST", "/projects", 201, body, headers=bearer(admin))
    await door.ask("POST", "/projects", 201, body, headers=door.operator)
    await door.ask("POST", "/projects", 201, {"name": "Plain"}, headers=bearer(member))


async def test_a_program_comes_in_with_its_token_until_it_is_taken_back_or_over(house: House) -> None:
    door, identity = house.door, house.door.system.identity()
    owner_id = await house.user_id(house.owner)
    origin = replace(ORIGIN, actor=f"user:{owner_id}")
    made = await identity.issue_token(origin, IssueToken(name="ci", scopes=("workspace:default:viewer",)), "default")
    assert made.token.startswith("vapora_")
    headers = {"Authorization": f"Bearer {made.token}"}
    await projects(door, 200, headers)
    me = await door.ask("GET", "/auth/me", 200, headers=headers)
    assert (me["kind"], me["name"], me["workspaces"][0]["role"]) == ("token", "ci", "viewer")
    assert (await door.ask("GET", "/users", 403, headers=headers))["code"] == "forbidden"
    await projects(door, 401, {"Authorization": f"Bearer {made.token}x"})
    # Nobody gives away more than they have today.
    await door.ask("DELETE", f"/users/{owner_id}", 409, headers=door.operator)


async def test_other_hosts_are_served_once_people_sign_in(settings: Settings) -> None:
    known = settings.model_copy(update={"allowed_hosts": ("board.example.com",)})
    async with opened(known) as door:
        there = {"Host": "board.example.com"}
        assert (await door.http.get(f"{API}/projects", headers=there)).status_code == 403
    async with housed(known) as house:
        door, signed = house.door, bearer(house.owner)
        assert (await door.http.get(f"{API}/projects", headers={**there, **signed})).status_code == 200
        assert (await door.http.get(f"{API}/projects", headers={"Host": "evil.example", **signed})).status_code == 403
        origin = {**there, **signed, "Origin": "https://board.example.com"}
        assert (await door.http.post(f"{API}/projects", json={"name": "x"}, headers=origin)).status_code == 201
        foreign = {**there, **signed, "Origin": "https://evil.example"}
        check_problem(
            await door.http.post(f"{API}/projects", json={"name": "x"}, headers=foreign), 403, "foreign-origin"
        )


@pytest.mark.parametrize("public", ["", "https://vapora.example.com/"])
async def test_an_invitations_link_is_good_and_begins_with_the_public_address(settings: Settings, public: str) -> None:
    async with housed(Settings(**(settings.model_dump() | {"public_url": public}))) as house:
        body = {"email": "grace@example.com", "role": "viewer"}
        headers = bearer(house.owner)
        made = await house.door.ask("POST", "/workspaces/default/invitations", 201, body, headers=headers)
        assert made["link"].startswith(f"{public or 'http://localhost:8000/'}accept#")
        token = made["link"].partition("#")[2]
        accepted = {"token": token, "name": "Grace", "password": PASSWORD}
        await house.door.ask("POST", "/auth/accept", 200, accepted)
