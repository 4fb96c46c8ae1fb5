"""Secrets by HTTP: written, replaced, deleted, rotated, and never read."""

from __future__ import annotations

import json
import time
from datetime import datetime

import pytest

from tests.api.doors import BOTH_STORES, Door, opened
from vapora.log.client import LogClient

CANARY = "sk-canary-51f09a3d"
NAME = "anthropic-api-key"


@BOTH_STORES
async def test_a_secret_is_stored_listed_replaced_and_deleted_without_its_value(door: Door) -> None:
    operator = door.operator
    first = await door.ask("PUT", f"/secrets/{NAME}", 200, {"value": CANARY}, headers=operator)
    assert (first["name"], first["version"], first["updated_by"]) == (NAME, 1, "user:local")
    assert datetime.fromisoformat(first["updated_at"]).tzinfo is not None
    second = await door.ask("PUT", f"/secrets/{NAME}", 200, {"value": CANARY + "2"}, headers=operator)
    assert second["version"] == 2
    params = {"after": second["position"]}
    assert await door.ask("GET", f"/secrets/{NAME}", 200, headers=operator, params=params) == second
    listed = await door.ask("GET", "/secrets", 200, headers=operator)
    assert listed == {"items": [second], "next": None}
    gone = await door.ask("DELETE", f"/secrets/{NAME}", 200, headers=operator)
    assert (gone["name"], gone["version"]) == (NAME, 2)
    after = {"after": gone["position"]}
    await door.ask("GET", f"/secrets/{NAME}", 404, headers=operator, params=after)
    assert (await door.ask("GET", "/secrets", 200, headers=operator, params=after))["items"] == []
    await door.ask("DELETE", f"/secrets/{NAME}", 404, headers=operator)
    again = await door.ask("PUT", f"/secrets/{NAME}", 200, {"value": CANARY}, headers=operator)
    assert again["version"] == 3
    assert CANARY not in json.dumps([first, second, listed, gone, again])


async def test_every_route_needs_the_operators_token(door: Door) -> None:
    for method, path, body in (
        ("GET", "/secrets", None),
        ("GET", f"/secrets/{NAME}", None),
        ("PUT", f"/secrets/{NAME}", {"value": "x"}),
        ("DELETE", f"/secrets/{NAME}", None),
        ("POST", "/secrets/rotate", None),
    ):
        problem = await door.ask(method, path, 401, body)
        assert problem["type"] == "urn:vapora:problem:operator-only"


async def test_a_rotation_is_done_once_for_each_idempotency_key(door: Door) -> None:
    await door.ask("PUT", f"/secrets/{NAME}", 200, {"value": "x"}, headers=door.operator)
    key = {**door.operator, "Idempotency-Key": "rotate-1"}
    first = await door.ask("POST", "/secrets/rotate", 200, headers=key)
    assert first["secrets"] == 1
    assert await door.ask("POST", "/secrets/rotate", 200, headers=key) == first
    other = await door.ask("POST", "/secrets/rotate", 200, headers=door.operator)
    assert other["key"] != first["key"]
    listed = await door.ask("GET", "/secrets", 200, headers=door.operator)
    assert [one["version"] for one in listed["items"]] == [1]


@pytest.mark.parametrize("name", ["Anthropic", "a_b", "a--b", "-a", "a.", "x" * 121])
async def test_a_name_of_another_form_is_refused(door: Door, name: str) -> None:
    problem = await door.ask("PUT", f"/secrets/{name}", 422, {"value": CANARY}, headers=door.operator)
    assert CANARY not in json.dumps(problem)


@pytest.mark.parametrize("body", [{}, {"value": ""}, {"value": 5}, {"value": CANARY, "more": CANARY}, {"valu": CANARY}])
async def test_a_body_of_another_form_is_refused_without_being_repeated(door: Door, body: object) -> None:
    problem = await door.ask("PUT", f"/secrets/{NAME}", 422, body, headers=door.operator)
    assert CANARY not in json.dumps(problem)


async def test_no_value_stands_in_the_log_a_file_the_journal_or_the_audit(
    door: Door, capfd: pytest.CaptureFixture[str]
) -> None:
    headers = {**door.operator, "Idempotency-Key": "put-1"}
    await door.ask("PUT", f"/secrets/{NAME}", 200, {"value": CANARY}, headers=headers)
    await door.ask("PUT", f"/secrets/{NAME}", 422, {"value": CANARY, "more": 1}, headers=door.operator)
    await door.ask("POST", "/secrets/rotate", 200, headers=headers)
    await door.ask("DELETE", f"/secrets/{NAME}", 200, headers=door.operator)
    position = await door.head()
    audit = await door.ask("GET", "/audit", 200, params={"after": position, "limit": 500})
    told = [(one["action"], one["resource_type"], one["resource_id"]) for one in audit["items"]]
    assert ("update", "secret", NAME) in told
    assert ("delete", "secret", NAME) in told
    assert ("update", "secrets", "workspace") in told
    log = LogClient(door.system.log("default"), "default")
    events = await log.poll(0, 10_000, 0)
    assert {"secret.stored", "secret.rotated", "secret.deleted"} <= {one.topic for one in events.events}
    said = capfd.readouterr()
    everything = [repr(events), json.dumps(audit), said.out, said.err]
    everything += [path.read_bytes().decode("latin-1") for path in door.settings.data.rglob("*") if path.is_file()]
    assert not [text for text in everything if CANARY in text]


async def test_a_wrong_key_is_told_in_a_problem(door: Door) -> None:
    await door.ask("PUT", f"/secrets/{NAME}", 200, {"value": "x"}, headers=door.operator)
    (door.settings.data / "vault_key").write_text("b29vb29vb29vb29vb29vb29vb29vb29vb29vb29vb28=\n")
    begun = time.monotonic()
    await door.app.state.cells.close()
    await door.system.stop()
    async with opened(door.settings) as again:
        problem = await again.ask("PUT", f"/secrets/{NAME}", 503, {"value": CANARY}, headers=again.operator)
    assert problem["type"] == "urn:vapora:problem:vault-key"
    assert "another key than the one given" in problem["detail"]
    assert time.monotonic() - begun < 120
