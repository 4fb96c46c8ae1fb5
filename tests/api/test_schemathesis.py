"""Whatever the OpenAPI document lets somebody send, and what lies outside of it, is answered as the document says.

`test_agreement.py` holds the document against the server value by value: what it allows is taken, what lies just
outside is refused. It knows what each value means, and judges whether requests are taken. Here Schemathesis makes up
whole requests from the document alone, many at once wrong, and judges the answers: no 5xx, no status and no content
type that is not documented, and no body that is not of the documented shape.

`VAPORA_SCHEMA_CASES` is how many requests are sent, by nobody who has signed in. They are the same ones in each run.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field
from typing import Any

import httpx
import hypothesis
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, Verbosity, given, strategies
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.doors import Door, opened
from tests.api.signing import House, bearer, set_up
from vapora.settings import Settings

CASES = int(os.environ.get("VAPORA_SCHEMA_CASES", "200"))
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
_MOST_SHOWN = 40


@dataclass
class Explorer:
    """Sends requests from a thread of its own, since Hypothesis waits for each; `ids`: real ones, for every other
    request, by the names in paths."""

    door: Door
    loop: asyncio.AbstractEventLoop
    headers: dict[str, str]
    ids: dict[str, str]
    sent: int = 0
    statuses: dict[int, int] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def explore(self, document: dict[str, Any], cases: int) -> None:
        schema = schemathesis.openapi.from_dict(document)
        operations = [found.ok() for found in schema.get_all_operations()]
        for number, operation in enumerate(operations):
            # The remainder goes to those in front, so that all together are as many as were asked for.
            share = cases // len(operations) + (number < cases % len(operations))
            if share:
                self._explore(operation, share)

    def _explore(self, operation: Any, cases: int) -> None:
        modes = [operation.as_strategy(generation_mode=mode) for mode in schemathesis.GenerationMode]

        @hypothesis.settings(
            max_examples=cases,
            phases=[Phase.generate],
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            verbosity=Verbosity.quiet,
        )
        @given(strategies.one_of(modes))
        def each(case: Case) -> None:
            self._try(case)

        each()

    def _try(self, case: Case) -> None:
        self.sent += 1
        self._meet(case)
        answer = asyncio.run_coroutine_threadsafe(self._send(case), self.loop).result(60)
        self.statuses[answer.status_code] = self.statuses.get(answer.status_code, 0) + 1
        try:
            case.validate_response(answer, checks=CHECKS)
        except FailureGroup as group:
            for one in group.exceptions:
                self._fail(case, answer, one)

    def _meet(self, case: Case) -> None:
        """Let it be about something that is there, half of the time; and let it not wait for the future."""
        if self.sent % 2:
            for name in set(case.path_parameters or {}) & set(self.ids):
                case.path_parameters[name] = self.ids[name]
        # A position that the log has not reached is waited for: 5 seconds each.
        if "after" in (case.query or {}) and not case.path.endswith("/events"):
            case.query["after"] = 1

    async def _send(self, case: Case) -> httpx.Response:
        kwargs = case.as_transport_kwargs(base_url="http://localhost:8000", headers=self.headers)
        made = requests.Request(**kwargs).prepare()
        body = made.body.encode() if isinstance(made.body, str) else made.body
        headers = [
            (name, value if isinstance(value, bytes) else value.encode()) for name, value in made.headers.items()
        ]
        return await self.door.http.request(made.method, made.url, headers=headers, content=body)

    def _fail(self, case: Case, answer: httpx.Response, failure: Failure) -> None:
        kind = f"{case.method} {case.path} {type(failure).__name__} {answer.status_code}"
        asked = f"{answer.request.method} {answer.request.url} {answer.request.content[:300]!r}"
        self.failures.setdefault(kind, f"{kind}: {failure.message[:500]}\n    {asked}\n    {answer.text[:300]}")


# The application in the other thread may use `random` while a request is made up.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module")
@pytest.mark.parametrize("caller", ["nobody"])
async def test_all_that_is_asked_is_answered_as_the_document_says(settings: Settings, caller: str) -> None:
    settings = settings.model_copy(
        # All requests come from one address within seconds, and none of them is to wait.
        update={"auth": "required", "rate_limit_ip": "1000000/second", "rate_limit_user": "1000000/second"}
        | {"access_token_s": 86_400}
    )
    async with opened(settings) as door:
        house = await set_up(door)
        owner = bearer(house.owner)
        ids = await _ids(house, owner)
        document = (await door.http.get("/openapi.json", headers=owner)).json()
        explorer = Explorer(door, asyncio.get_running_loop(), owner if caller == "owner" else {}, ids)
        await asyncio.to_thread(explorer.explore, document, CASES)
    shown = "\n".join(list(explorer.failures.values())[:_MOST_SHOWN])
    assert not explorer.failures, f"{len(explorer.failures)} kinds of answers that are not documented:\n{shown}"
    assert explorer.sent >= CASES * 0.9


async def _ids(house: House, owner: dict[str, str]) -> dict[str, str]:
    """Real ones. Of people not the one who asks, and of workspaces not the one that is asked in."""
    door = house.door
    project = (await door.ask("POST", "/projects", 201, {"name": "Parser"}, headers=owner))["id"]
    body = {"project_id": project, "title": "Write a parser", "review": "none"}
    task = (await door.ask("POST", "/tasks", 202, body, headers=owner))["task_id"]
    run = await _run_of(door, task, owner)
    other = (await door.ask("POST", "/workspaces", 201, {"name": "Other"}, headers=owner))["id"]
    member = await house.user_id(await house.member("grace"))
    return {
        "project_id": project,
        "task_id": task,
        "run_id": run,
        "agent_id": "tester",
        "role": "tester",
        "role_id": "tester",
        "position": "1",
        "number": "1",
        "workspace_id": other,
        "user_id": member,
    }


async def _run_of(door: Door, task: str, owner: dict[str, str]) -> str:
    reached = 0
    while True:
        card = await door.ask("GET", f"/tasks/{task}", 200, headers=owner)
        if card["state"] == "done":
            return str(card["runs"][0]["run_id"])
        frames = await door.system.projector("default").frames(max(reached, card["position"]), timeout_s=30)
        assert frames, f"nothing happens any more: {card}"
        reached = frames[-1]["position"]
