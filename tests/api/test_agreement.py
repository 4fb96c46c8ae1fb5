"""The OpenAPI document and the server agree: what the document allows is taken, what lies just outside is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.api.doors import Door
from vapora import clock
from vapora.api import openapi
from vapora.commands import INSTANT

# Texts that a pattern of the document allows, and that mean something to the server as well.
_BOARD = "/api/v1/board"
_SAMPLES = {
    "at": ["0", "1", "2026-11-22", "2026-11-22T10:00:00Z", "2026-11-22T10:00:00.5+01:00", "2026-11-22 10:00"],
    "since": ["2026-11-22", "2026-11-22T10:00:00Z", "2999-12-31T23:59:59,999999-12:00"],
    "until": ["2026-11-22", "2026-11-22T10:00:00Z"],
    "deadline": ["2027-01-31T12:00:00Z", "2027-01-31"],
    "cursor": ["1", "123456789"],
    "group_by": ["", "provider", "provider,role", "provider, day"],
    "prefix": ["task-1", "3f2a"],
    "path": ["parser.py"],
    "q": ["parser"],
    "uri": ["file:///notes.txt"],
    "ref": ["abcd", "0" * 40],
    "Idempotency-Key": ["k 1"],
    "X-Correlation-Id": ["c 1"],
    "Vapora-Workspace": ["default"],
}
_OUTSIDE_TEXTS: dict[str, list[Any]] = {
    "at": ["now", "-1", "007", "1.5", "2026-13-01", "2026-11-31", "20261122", "2026-W47", "0000-01-01", "1763805600s"],
    "since": ["yesterday", "1", "2026-11-22T25:00:00Z", "2026-11-22T10", "2026-11-22T10:00:00 CET"],
    "until": ["yesterday", "1", "2026-1-2"],
    "deadline": ["soon", "1763805600", 1_763_805_600, "2027-02-30"],
    "cursor": ["x", "-1", "1.0", "1" * 30],
    "group_by": ["weather", "provider;role", "provider,,role", ","],
    "prefix": ["", "Ä", "-x", "x" * 81],
    "Idempotency-Key": ["", "x" * 256],
    "X-Correlation-Id": ["", "x" * 129],
    "Vapora-Workspace": ["", "../etc", "X"],
}
# In bodies, and in texts of paths and queries.
_NO_NUMBERS: dict[bool, list[Any]] = {False: ["1", 1.5, True, [1]], True: ["x", "1.5", "1_000", " 1", "+1"]}
_NO_FLAGS: dict[bool, list[Any]] = {False: ["true", 1], True: ["maybe", "yes", "1"]}


@dataclass(frozen=True)
class Case:
    """One request in which one value is `value`."""

    method: str
    path: str
    place: str
    name: str
    value: Any

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.place} {self.name}={self.value!r}"


class World:
    """The document, and what its ids may be filled with here."""

    def __init__(
        self, document: dict[str, Any], project_id: str, task_id: str, run_id: str, headers: dict[str, str]
    ) -> None:
        self.document = document
        self.headers = headers
        self.ids = {
            "project_id": project_id,
            "task_id": task_id,
            "run_id": run_id,
            "agent_id": "tester",
            "server_id": "knowledge",
        }
        self.ids |= {
            "workspace_id": "default",
            "role": "tester",
            "role_id": "tester",
            "scope": "agent",
            "id": "tester",
            "position": "1",
            "number": "1",
            "sha256": "0" * 64,
        }
        self.bodies: dict[str, dict[str, Any]] = {
            "CreateProject": {"name": "Parser"},
            "SubmitTask": {"project_id": project_id, "title": "Write a parser"},
            "MoveTask": {"state": "todo"},
            "RegisterAgent": {"role": "tester"},
            "SetWebhook": {"url": "http://127.0.0.1:9/hooks", "topics": ["webhook.set"]},
            "SetSchedule": {"cron": "0 9 * * *", "task": {"project_id": project_id, "title": "Write a parser"}},
            "EditSchedule": {"name": "Nightly"},
            "SetChannel": {
                "kind": "webhook",
                "notices": ["*"],
                "secret": "channel-x",
                "url": "http://127.0.0.1:9/hooks",
            },
            "SetTracker": {
                "kind": "github",
                "url": "http://127.0.0.1:9",
                "remote": "acme/app",
                "project_id": project_id,
                "secret": "tracker-x",
            },
            "LinkTask": {"tracker_id": "x"},
            "SetToolServer": {"transport": {"kind": "built-in"}},
            "DecideToolCallBody": {"decision": "refuse", "seen": "0" * 12},
            "RecordRelation": {"problem": "It is slow", "cause": "There is no index"},
            "AskPlan": {"project_id": project_id, "goal": "Export links"},
            "CreateDocument": {"title": "How to lend a book"},
            "EditDocument": {"version": 1},
            "MergeDocument": {"into": "y"},
            "SetDocumentation": {"rule": "off"},
            "RevisePlan": {"text": "Smaller"},
            "AcceptPlan": {"seen": "0" * 64},
            "CheckWorkflow": {"text": "name = 'x'"},
            "Workflow": {
                "name": "Two steps",
                "stages": [{"name": "build", "role": "developer", "task": {"title": "Build it"}}],
            },
            "SkipStageBody": {"reason": "Not needed"},
            "DecideApproval": {"decision": "reject", "seen": "x"},
            "EditTask": {"priority": 1},
            "AcceptProjectFile": {"sha256": "0" * 64},
            "ApproveTask": {"head": "0" * 40},
            "RequestChanges": {"head": "0" * 40},
            "StoreSecret": {"value": "x"},
            "CommentTask": {"text": "Why so?"},
            "LogIn": {"email": "ada@example.com", "password": "x"},
            "RefreshSession": {"refresh_token": "x"},
            "LogOut": {"refresh_token": "x"},
            "SetUp": {"token": "x", "email": "ada@example.com", "name": "Ada", "password": "correct horse battery"},
            "AcceptInvitation": {"token": "x"},
            "RedeemSignIn": {"code": "x"},
            "ChangePassword": {"current": "x", "password": "correct horse battery"},
            "ResetPassword": {"password": "correct horse battery"},
            "EditUser": {"disabled": False},
            "CreateWorkspace": {"name": "Acme"},
            "EditWorkspace": {"name": "Acme"},
            "AddMember": {"user_id": "x", "role": "viewer"},
            "ChangeMember": {"role": "viewer"},
            "Invite": {"email": "grace@example.com"},
            **dict.fromkeys(("CreateTeam", "EditTeam"), {"name": "Compilers"}),
            "IssueToken": {"name": "CI", "scopes": ["workspace:default"]},
            "SetPolicies": {"text": ""},
            **dict.fromkeys(("EditBudget", "EditTaskBudget"), {"overflow_cents": 1}),
        }

    def resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        name = schema.get("$ref", "").rpartition("/")[2]
        return schema if not name else dict(self.document["components"]["schemas"][name])

    def forms(self, schema: dict[str, Any]) -> list[dict[str, Any]]:
        """What a value may be, one form each."""
        schema = self.resolved(schema)
        return [one for part in schema["anyOf"] for one in self.forms(part)] if "anyOf" in schema else [schema]

    def inside(self, name: str, schema: dict[str, Any], *, as_text: bool) -> Iterator[Any]:
        for form in self.forms(schema):
            kind = form.get("type")
            if "enum" in form:
                yield from form["enum"]
            elif kind == "null":
                yield from [] if as_text else [None]
            elif kind == "boolean":
                yield from (["true", "false"] if as_text else [True, False])
            elif kind == "integer":
                low, high = form.get("minimum", 0), form.get("maximum")
                yield from ([str(low), f"{low}.0"] if as_text else [low, float(low)])
                if high is not None and high < 10**6:
                    yield str(high) if as_text else high
            elif name == "cursor":
                yield from self.cursors(form.get("pattern", ""))
            elif name in _SAMPLES:
                yield from _SAMPLES[name]

    def cursors(self, pattern: str) -> Iterator[str]:
        """Those of lists whose pattern says all. Elsewhere a cursor names an item, which no document can say."""
        if pattern.startswith("^[a-z"):
            yield self.ids["project_id"]
        elif pattern:
            yield "7" if re.fullmatch(pattern, "7") else "7.0"

    def outside(self, name: str, schema: dict[str, Any], *, as_text: bool) -> Iterator[Any]:
        forms = self.forms(schema)
        kinds = {form.get("type") for form in forms}
        if name in _OUTSIDE_TEXTS:
            pairs = any("\\." in form.get("pattern", "") for form in forms)
            texts = [one for one in _OUTSIDE_TEXTS[name] if isinstance(one, str) or not as_text]
            yield from (one for one in texts if not (pairs and one == "1.0"))
        for form in forms:
            if "enum" in form:
                yield "juggling"
            if form.get("type") == "integer":
                yield from _NO_NUMBERS[as_text]
                yield from (form[end] + step for end, step in (("minimum", -1), ("maximum", 1)) if end in form)
            if form.get("type") == "boolean":
                yield from _NO_FLAGS[as_text]
            if form.get("type") == "string" and "maxLength" in form and form["maxLength"] < 10_000:
                yield "x" * (form["maxLength"] + 1)
            if form.get("type") == "array" and not as_text:
                yield {"a": 1}
        if not as_text:
            yield {"colour": ["red"]} if "object" not in kinds else ["red"]
            if "null" not in kinds:
                yield None

    def cases(self, side: str) -> Iterator[Case]:
        for path, method, operation in openapi.operations(self.document):
            if method == "delete" or path in ("/health", "/metrics"):
                continue
            for one in operation.get("parameters", ()):
                if (path, one["name"]) == (_BOARD, "cursor"):
                    continue  # of one column, which is another parameter: no document can say so
                values = getattr(self, side)(one["name"], self._of_one(one["schema"]), as_text=True)
                if one["in"] != "path" or one["name"] == "position":
                    yield from (Case(method, path, one["in"], one["name"], value) for value in values)
            for name, schema in self._body(operation).get("properties", {}).items():
                if side == "inside" and name in _TOGETHER.get(path, ()):
                    continue
                values = getattr(self, side)(name, schema, as_text=False)
                yield from (Case(method, path, "body", name, value) for value in values)

    def _of_one(self, schema: dict[str, Any]) -> dict[str, Any]:
        """A list's item: a query repeats the name."""
        [first, *_] = self.forms(schema)
        return first["items"] if first.get("type") == "array" else schema

    def _body(self, operation: dict[str, Any]) -> dict[str, Any]:
        content = operation.get("requestBody", {}).get("content", {})
        return self.resolved(content["application/json"]["schema"]) if "application/json" in content else {}

    def request(self, case: Case) -> dict[str, Any]:
        ids = self.ids | ({case.name: str(case.value)} if case.place == "path" else {})
        path = re.sub(r"{(\w+)}", lambda found: ids.get(found[1], "x"), case.path)
        if "/task/{task_id}" in case.path:
            path = path.replace("/task/tester", f"/task/{self.ids['task_id']}")
        operation = self.document["paths"][case.path][case.method]
        params = {
            one["name"]: _SAMPLES[one["name"]][0]
            for one in operation.get("parameters", ())
            if one["in"] == "query" and one.get("required")
        }
        if case.path.endswith("/knowledge/graph") and case.name != "node":
            # Either of two says where the walk begins, which no document can say.
            params["task"] = self.ids["task_id"]
        headers = self.headers | ({case.name: str(case.value)} if case.place == "header" else {})
        if case.place == "query":
            params[case.name] = str(case.value)
        schema = self._body(operation)
        body = self.bodies.get(schema.get("title", ""), {}) | ({case.name: case.value} if case.place == "body" else {})
        given: dict[str, Any] = {"json": body} if schema else {}
        if "multipart/form-data" in operation.get("requestBody", {}).get("content", {}):
            given = {"files": {"file": ("a.txt", b"x")}}
        return {"method": case.method.upper(), "url": path, "params": params, "headers": headers, **given}


# Which of these go together no document can say; `tests/domain` does.
_TOGETHER = {
    "/api/v1/documents": {"path", "project_id"},
    "/api/v1/documents/{document_id}/merge": {"into", "from"},
    "/api/v1/schedules/{schedule_id}": {"task", "workflow_id"},
    "/api/v1/trackers/{tracker_id}": {"kind", "url", "remote", "username", "secret", "webhook_secret"},
    "/api/v1/channels/{channel_id}": {"kind", "secret", "url", "chat_id", "mail"},
}


@pytest.fixture
async def world(door: Door) -> World:
    project = await door.project()
    task = await door.task(project["id"])
    card = await door.in_state(task["task_id"], "done")
    document = (await door.http.get("/openapi.json")).json()
    return World(document, project["id"], card["id"], card["runs"][0]["run_id"], door.operator)


async def test_what_the_document_allows_is_not_refused_as_invalid(door: Door, world: World) -> None:
    refused = []
    for case in world.cases("inside"):
        answer = await door.http.request(**world.request(case))
        # Nobody has an account here: there is no password to change, and nobody to make a member of.
        if case.method == "post" and case.path.endswith(("/auth/password", "/members")):
            continue
        if answer.status_code in (400, 422) or answer.status_code >= 500:
            refused.append(f"{case}: {answer.status_code} {answer.json().get('detail')}")
    assert refused == [], "\n".join(refused)


async def test_what_lies_just_outside_the_document_is_refused_as_invalid(door: Door, world: World) -> None:
    taken = []
    cases = list(world.cases("outside"))
    for case in cases:
        answer = await door.http.request(**world.request(case))
        if answer.status_code != 422:
            taken.append(f"{case}: {answer.status_code} {answer.text[:100]}")
    assert taken == [], "\n".join(taken)
    assert len(cases) > 300


async def test_allow_names_what_the_document_names_and_nothing_else(door: Door, world: World) -> None:
    for template, item in world.document["paths"].items():
        path = re.sub(r"{(\w+)}", lambda found: world.ids.get(found[1], "x"), template)
        if template == "/api/v1/secrets/rotate":
            continue  # a secret may have that name, too
        if template == "/api/v1/budgets/task/{task_id}":
            path = f"/api/v1/budgets/task/{world.ids['task_id']}"
        answer = await door.http.options(path)
        assert answer.headers["allow"] == ", ".join(sorted(method.upper() for method in item)), template
    for page in ("/docs", "/openapi.json"):
        assert (await door.http.options(page)).headers["allow"] == "GET"


@given(st.from_regex(f"(?a:{INSTANT})", fullmatch=True))
def test_every_instant_that_the_pattern_allows_is_one(text: str) -> None:
    day = text[:10]
    # The two that no pattern of a bearable length leaves out: the leap day of other years, the edges of the calendar.
    if day[5:] in ("02-29",) or day[:4] in ("0001", "9999") or (" " in text and text.count(" ") + ("T" in text) > 1):
        return
    assert clock.parse_instant(text).utcoffset() is not None
