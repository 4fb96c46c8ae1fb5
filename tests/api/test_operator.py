"""What can have commands run needs the operator's token, and nothing else does."""

from __future__ import annotations

import stat
import time
from pathlib import Path
from typing import Any

import pytest

from tests.api.doors import Door
from vapora import operator_token
from vapora.errors import ConfigurationError, OperatorOnlyError

COMMANDS: list[dict[str, Any]] = [
    {"repo": "/srv/it"},
    {"setup": ["make"]},
    {"checks": [{"name": "test", "command": "make test"}]},
    {"sandbox": "none"},
    {"copy": [".env"]},
    {"read_only": ["/opt"]},
    {"merge_policy": "when-approved"},
    {"base_branch": "main"},
]
ONLY = ["/projects/{project}/accept-file", "/tasks/{task}/merge", "/tasks/{task}/push"]


@pytest.mark.parametrize("more", COMMANDS, ids=lambda one: next(iter(one)))
async def test_settings_that_can_have_commands_run_are_refused_without_the_token(
    door: Door, more: dict[str, Any]
) -> None:
    project = (await door.project())["id"]
    head = await door.head()
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic eDp5"}):
        problem = await door.ask("POST", "/projects", 401, {"name": "x", **more}, headers=headers)
        assert problem["code"] == "operator-only"
        assert "Authorization: Bearer" in problem["remedy"]
        problem = await door.ask("PATCH", f"/projects/{project}", 401, more, headers=headers)
        assert problem["type"] == "urn:vapora:problem:operator-only"
    assert await door.head() == head


@pytest.mark.parametrize("path", ONLY)
async def test_accepting_commands_merging_and_pushing_are_refused_without_the_token(door: Door, path: str) -> None:
    project = (await door.project())["id"]
    task = (await door.task(project))["task_id"]
    asked = path.format(project=project, task=task)
    body = {"sha256": "0" * 64} if path.endswith("file") else {}
    answer = await door.http.post(f"/api/v1{asked}", json=body)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.json()["code"] == "operator-only"


async def test_what_runs_no_commands_needs_no_token(door: Door) -> None:
    made = await door.ask("POST", "/projects", 201, {"name": "Parser", "description": "x", "repo": None, "copy": []})
    edited = await door.ask("PATCH", f"/projects/{made['id']}", 200, {"name": "Lexer", "providers": ["anthropic"]})
    assert edited["providers"] == ["anthropic"]
    # A token that is not asked for is not looked at.
    await door.ask("GET", "/projects", 200, headers={"Authorization": "Bearer wrong"})


async def test_with_the_token_settings_are_taken_and_shown_by_the_names_of_the_interface(
    door: Door, parser: str
) -> None:
    said = {
        "repo": parser,
        "setup": ["make deps"],
        "checks": [{"name": "test", "command": "make test", "timeout_s": 60}],
        "copy": [".env"],
        "read_only": ["/opt"],
        "merge_policy": "when-approved",
        "sandbox": "bubblewrap",
        "providers": ["anthropic"],
    }
    made = await door.project(**said)
    assert {name: made[name] for name in said} == said
    assert "copies" not in made
    shown = await door.ask("GET", f"/projects/{made['id']}", 200, params={"after": made["position"]})
    assert shown == made
    emptied: dict[str, Any] = {"setup": None, "checks": None, "copy": [], "sandbox": None}
    edited = await door.ask("PATCH", f"/projects/{made['id']}", 200, emptied, headers=door.operator)
    assert {name: edited[name] for name in emptied} == emptied


async def test_the_token_stands_in_no_event_and_no_answer(door: Door, parser: str) -> None:
    token = operator_token.ensure(door.settings.data)
    await door.project(repo=parser)
    events = (await door.http.get("/api/v1/events", params={"limit": 500})).text
    assert "project.created" in events
    assert token not in events
    assert token not in (await door.http.post("/api/v1/projects", json={"name": "x", "sandbox": "none"})).text


def test_the_token_is_made_once_and_readable_to_its_owner_alone(tmp_path: Path) -> None:
    token = operator_token.ensure(tmp_path / "data")
    place = tmp_path / "data" / operator_token.NAME
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert len(token) >= 40
    assert operator_token.ensure(tmp_path / "data") == operator_token.read(tmp_path / "data") == token
    assert [one.name for one in (tmp_path / "data").iterdir()] == [operator_token.NAME]


def test_a_token_that_others_can_read_lets_nobody_in(tmp_path: Path) -> None:
    token = operator_token.ensure(tmp_path)
    (tmp_path / operator_token.NAME).chmod(0o644)
    with pytest.raises(ConfigurationError, match="Others on this machine can read"):
        operator_token.read(tmp_path)
    with pytest.raises(OperatorOnlyError):
        operator_token.require(tmp_path, f"Bearer {token}")


def test_only_the_whole_token_as_a_bearer_is_taken(tmp_path: Path) -> None:
    token = operator_token.ensure(tmp_path)
    operator_token.require(tmp_path, f"Bearer {token}")
    operator_token.require(tmp_path, f"bearer  {token} ")
    for wrong in (None, "", "Bearer", f"Bearer {token[:-1]}", f"Bearer {token}x", token, f"Basic {token}", "Bearer ä"):
        with pytest.raises(OperatorOnlyError):
            operator_token.require(tmp_path, wrong)


async def test_a_code_is_exchanged_for_the_token_once_and_not_when_it_is_old(door: Door) -> None:
    data, token = door.settings.data, operator_token.ensure(door.settings.data)
    code = operator_token.offer(data, time.time())
    assert (data / operator_token.CODE).stat().st_mode & 0o077 == 0
    assert code not in (data / operator_token.CODE).read_text()
    await door.ask("POST", "/operator/redeem", 401, {"code": "another"})
    assert await door.ask("POST", "/operator/redeem", 200, {"code": code}) == {"token": token}
    refused = await door.ask("POST", "/operator/redeem", 401, {"code": code})
    assert (refused["code"], "--open" in refused["remedy"]) == ("operator-only", True)
    old = operator_token.offer(data, time.time() - operator_token.CODE_S - 1)
    await door.ask("POST", "/operator/redeem", 401, {"code": old})
    newer = operator_token.offer(data, time.time())
    await door.ask("POST", "/operator/redeem", 403, {"code": newer}, headers={"Origin": "https://evil.example"})
    assert await door.ask("POST", "/operator/redeem", 200, {"code": newer}) == {"token": token}
