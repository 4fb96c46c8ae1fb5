"""Whatever the OpenAPI document lets somebody send, and what lies outside of it, is answered as the document says.

`test_agreement.py` holds the document against the server value by value: what it allows is taken, what lies just
outside is refused. It knows what each value means, and judges whether requests are taken. Here Schemathesis makes
whole requests from the document alone, and judges the answers: no 5xx, no status and no content type that is not
documented, and no body that is not of the documented shape.

Each request is sent by nobody, then by the owner. First come the edges of each value and what lies just outside, some
8,400 requests that Schemathesis counts out (1 ms each to make), then `VAPORA_SCHEMA_CASES` that are made up, many
things at once wrong (25 ms each). They are the same ones in each run. `VAPORA_SCHEMA_EVERY`: of the edges only each
so-manyth is sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import httpx
import hypothesis
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, Verbosity, given, strategies
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.core.result import Ok
from schemathesis.generation.drivers import CoverageGenerator
from schemathesis.generation.feedback import NO_FEEDBACK
from schemathesis.generation.overrides import Override
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests import rounds
from tests.api.doors import Door, opened
from tests.api.signing import House, bearer, set_up
from vapora.settings import Settings

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
_MOST_SHOWN = 40


@dataclass
class Explorer:
    """Sends each request once for each of `callers`, whose headers they are. `ids`: real ones, for every other
    request, by the names in paths."""

    door: Door
    callers: dict[str, dict[str, str]]
    ids: dict[str, str]
    made: int = 0
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    failures: dict[str, str] = field(default_factory=dict)

    async def explore(self, document: dict[str, Any], cases: int) -> None:
        schema = schemathesis.openapi.from_dict(document)
        found = list(schema.get_all_operations())
        operations = [one.ok() for one in found if isinstance(one, Ok)]
        assert len(operations) == len(found), "the document describes each operation"
        for number, operation in enumerate(operations):
            for case in islice(_edges(operation), number % rounds.SCHEMA_EVERY, None, rounds.SCHEMA_EVERY):
                await self._try(case)
        for number, operation in enumerate(operations):
            # The remainder goes to those in front, so that all together are as many as were asked for.
            share = cases // len(operations) + (number < cases % len(operations))
            for case in _made_up(operation, share) if share else ():
                await self._try(case)

    async def _try(self, case: Case[Any]) -> None:
        self.made += 1
        self._meet(case)
        for caller, headers in self.callers.items():
            answer = await self._send(case, headers)
            self.statuses[caller, answer.status_code] += 1
            try:
                case.validate_response(answer, checks=CHECKS)
            except FailureGroup as group:
                for one in group.exceptions:
                    self._fail(caller, case, answer, one)

    def _meet(self, case: Case[Any]) -> None:
        """Let it be about something that is there, half of the time; and let it not wait for the future."""
        if self.made % 2:
            for name in set(case.path_parameters or {}) & set(self.ids):
                case.path_parameters[name] = self.ids[name]
        # A position that the log has not reached is waited for: 5 seconds each.
        if "after" in (case.query or {}) and not case.path.endswith("/events"):
            case.query["after"] = 1

    async def _send(self, case: Case[Any], headers: dict[str, str]) -> httpx.Response:
        kwargs = case.as_transport_kwargs(base_url="http://localhost:8000", headers=headers)
        made = requests.Request(**kwargs).prepare()
        body = made.body.encode() if isinstance(made.body, str) else made.body
        sent = [(name, value if isinstance(value, bytes) else value.encode()) for name, value in made.headers.items()]
        return await self.door.http.request(made.method, made.url, headers=sent, content=body)

    def _fail(self, caller: str, case: Case[Any], answer: httpx.Response, failure: Failure) -> None:
        kind = f"{caller}: {case.method} {case.path} {type(failure).__name__} {answer.status_code}"
        asked = f"{answer.request.method} {answer.request.url} {answer.request.content[:300]!r}"
        self.failures.setdefault(kind, f"{kind}: {failure.message[:500]}\n    {asked}\n    {answer.text[:300]}")


def _edges(operation: Any) -> Iterator[Case[Any]]:
    """The bounds of each value, each of its kinds, what is just beyond, and what is missing or too much."""
    yield from CoverageGenerator(
        operation=operation,
        generation_modes=list(GenerationMode),
        generation_config=operation.schema.config.generation,
        auth_storage=None,
        override=Override(),
        feedback=NO_FEEDBACK,
    )


def _made_up(operation: Any, cases: int) -> list[Case[Any]]:
    made: list[Case[Any]] = []

    @hypothesis.settings(
        max_examples=cases,
        phases=[Phase.generate],
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
    )
    @given(strategies.one_of([operation.as_strategy(generation_mode=mode) for mode in GenerationMode]))
    def each(case: Case[Any]) -> None:
        made.append(case)

    each()
    return made


# Two minutes of a processor's time as it is, and seven more with 10,000 made up; of a busy machine's more.
@pytest.mark.timeout(3_600)
async def test_all_that_is_asked_is_answered_as_the_document_says(settings: Settings) -> None:
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
        explorer = Explorer(door, {"nobody": {}, "the owner": owner}, ids)
        await explorer.explore(document, rounds.SCHEMA_CASES)
    shown = "\n".join(list(explorer.failures.values())[:_MOST_SHOWN])
    assert not explorer.failures, f"{len(explorer.failures)} kinds of answers that are not documented:\n{shown}"
    assert explorer.statuses.total() >= 10_000
    # Nobody was let in, and the owner's requests were not all refused.
    assert explorer.statuses["nobody", 401] > explorer.made * 0.7
    taken = sum(count for (caller, status), count in explorer.statuses.items() if caller != "nobody" and status < 300)
    assert taken > explorer.made * 0.1


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
