from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from typing import cast

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from actors.composition import LocalActorSystem
from events.ids import PEOPLE
from events.workspace import WorkspaceOpened
from tests.api.doors import API, BOTH_STORES, Door, opened
from tests.api.test_refusals import check_problem
from tests.waiting import DEADLINE_S
from vapora.api import front_page, openapi
from vapora.api.app import create_app
from vapora.catalog import ROLE_IDS
from vapora.cli import app as cli
from vapora.clock import now
from vapora.database import Place
from vapora.errors import UnavailableError
from vapora.log.mapper import encode
from vapora.log.sqlite import SQLiteLog
from vapora.ports import (
    BudgetPort,
    ChannelsPort,
    IdentityPort,
    LogWriterPort,
    ProjectorPort,
    QueuePort,
    RepositoriesPort,
    RouterStatusPort,
    Standing,
    ToolGatewayPort,
    TrackersPort,
    WebhooksPort,
    WorkflowEnginePort,
)
from vapora.records import Append, StreamAppend
from vapora.settings import Settings
from vapora.testing.nobody import Nobody


class Unready:
    """An actor system whose cells cannot be opened."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def open(self, workspace: str) -> None:
        raise self._error

    async def standing(self, workspace: str = "") -> tuple[str, Standing]:
        raise self._error

    async def create(self, workspace: str) -> None:
        raise self._error

    async def archive(self, workspace: str) -> None:
        raise self._error

    async def restore(self, workspace: str) -> None:
        raise self._error

    async def delete(self, workspace: str) -> str:
        raise self._error

    def log(self, workspace: str) -> LogWriterPort:
        if workspace == PEOPLE:
            return cast(LogWriterPort, Nobody())
        raise self._error

    def identity(self) -> IdentityPort:
        return cast(IdentityPort, Nobody())

    def budgets(self, workspace: str) -> BudgetPort:
        raise self._error

    def projector(self, workspace: str) -> ProjectorPort:
        raise self._error

    def queue(self, workspace: str) -> QueuePort:
        raise self._error

    def repositories(self, workspace: str) -> RepositoriesPort:
        raise self._error

    def workflow_engine(self, workspace: str) -> WorkflowEnginePort:
        raise self._error

    def webhooks(self, workspace: str) -> WebhooksPort:
        raise self._error

    def channels(self, workspace: str) -> ChannelsPort:
        raise self._error

    def trackers(self, workspace: str) -> TrackersPort:
        raise self._error

    def tools(self) -> ToolGatewayPort:
        raise self._error

    def built_in_tool_servers(self) -> tuple[str, ...]:
        return ()

    def router(self) -> RouterStatusPort:
        raise self._error

    def search_index(self, workspace: str) -> Place:
        raise self._error

    def read_store(self, workspace: str) -> Place:
        raise self._error


def over(error: Exception, settings: Settings) -> httpx.AsyncClient:
    app = create_app(Unready(error), settings, version="1.2.3", rehearsal=False)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost")


@pytest.fixture
async def starting(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    async with over(UnavailableError("The log writer has not started yet.", remedy="Wait."), settings) as http:
        yield http


async def test_health_is_ok_once_everything_answers(door: Door) -> None:
    answer = await door.http.get("/health")
    assert answer.status_code == 200
    health = answer.json()
    assert (health["status"], health["version"], health["model"]) == ("ok", "1.2.3", "rehearsal")
    assert health["providers"]["anthropic"] == "up"


async def test_health_is_503_with_the_reason_while_it_is_not_ready(starting: httpx.AsyncClient) -> None:
    answer = await starting.get("/health")
    assert answer.status_code == 503
    assert answer.json()["status"] == "starting"
    assert "has not started" in answer.json()["reason"]
    assert answer.json()["model"] == "real"


async def test_health_tells_a_log_that_another_process_holds_from_one_that_is_being_opened(settings: Settings) -> None:
    async with opened(settings):
        pass
    system = LocalActorSystem(settings)
    app = create_app(system, settings, version="1", rehearsal=True)
    other = sqlite3.connect(settings.log_file("default"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as http:
        said = [(await http.get("/health")).json()]
        while said[-1]["status"] == "starting" and len(said) < 10:
            said.append((await http.get("/health")).json())
        other.execute("ROLLBACK")
        while (well := (await http.get("/health")).json())["status"] != "ok" and len(said) < 20:
            said.append(well)
    other.close()
    await app.state.cells.close()
    await system.stop()

    held = next(one for one in said if one["status"] == "failing")
    assert "Another process holds the file: stop it, or try again." in held["reason"]
    assert well["status"] == "ok"


async def test_a_part_that_does_not_answer_is_503_and_metrics_still_come(starting: httpx.AsyncClient) -> None:
    problem = check_problem(await starting.get(f"{API}/projects"), 503, "unavailable")
    assert problem["remedy"] == "Wait."
    check_problem(await starting.post(f"{API}/projects", json={"name": "x"}), 503, "unavailable")
    metrics = await starting.get("/metrics")
    assert metrics.status_code == 200
    assert "vapora_http_request_seconds" in metrics.text


async def test_what_nobody_foresaw_is_500_and_tells_nothing_of_the_inside(settings: Settings) -> None:
    async with over(RuntimeError("the password is swordfish"), settings) as http:
        answer = await http.get(f"{API}/projects")
    check_problem(answer, 500, "internal-error")
    assert "swordfish" not in answer.text


async def test_status_says_how_far_the_read_models_are(door: Door) -> None:
    project = await door.project()
    status = await door.ask("GET", "/status", 200, params={"after": project["position"]})
    assert status["head"] >= status["position"] >= project["position"]
    assert status["failed"] == {}


async def test_a_clock_that_is_behind_the_log_is_a_problem(settings: Settings) -> None:
    """As after one start with a clock that was ahead."""
    place = settings.log_file("default")
    log = SQLiteLog.open(place, "default", lambda: now() + timedelta(days=401))
    event = encode(WorkspaceOpened(workspace_id="default"))
    log.append([Append("first", "user:test", "cor", None, (StreamAppend("workspace", 0, (event,)),))])
    log.close()
    async with opened(settings) as door:
        answer = await door.http.get("/health")
        status = await door.ask("GET", "/status", 200)
    [problem] = answer.json()["problems"]
    assert (answer.status_code, answer.json()["status"]) == (503, "failing")
    assert "the clock is behind the last event by 400 days" in problem
    assert "vapora log correct-clock" in problem
    assert "400 days" in status["clock"]


async def test_metrics_count_the_work_the_money_and_the_requests(door: Door) -> None:
    project = await door.project()
    await door.ask("PUT", "/budgets/developer", 200, {"monthly_limit_cents": 100})
    task = await door.task(project["id"])
    card = await door.in_state(task["task_id"], "done")
    await door.ask("GET", "/tasks/none", 404)
    answer = await door.http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    samples = {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }

    def series(name: str, **labels: str) -> list[float]:
        return [number for (one, of), number in samples.items() if one == name and labels.items() <= set(of)]

    def value(name: str, **labels: str) -> float:
        found = series(name, **labels)
        assert found, f"{name} has no series with {labels}"
        return sum(found)

    cost = card["cost_microusd"]
    of_developer = {"role": "developer", "simulated": "true"}
    assert value("vapora_llm_budget_utilization", **of_developer) == cost / 1_000_000
    roles = {dict(of)["role"] for name, of in samples if name == "vapora_llm_budget_utilization"}
    assert roles == set(ROLE_IDS)
    assert value("vapora_tasks", state="done", simulated="true") == 1
    # What there is none of has a series too: an alert on a series that is missing never fires.
    assert series("vapora_tasks", state="failed", simulated="false") == [0]
    assert value("vapora_llm_cost_microusd_total", simulated="true") == cost
    assert series("vapora_llm_cost_microusd_total", simulated="false") == []
    run = card["runs"][0]
    assert value("vapora_llm_calls_total", provider=run["providers"][0]) == run["calls"]
    assert value("vapora_llm_tokens_total", direction="in") == run["tokens_in"]
    assert value("vapora_run_duration_seconds_count", role="developer", outcome="succeeded") == 1
    assert value("vapora_run_duration_seconds_bucket", role="developer", le="+Inf") == 1
    assert value("vapora_projection_position", workspace="default") == await door.head()
    by_route = {"method": "GET", "route": "/api/v1/tasks/{task_id}", "status": "404"}
    assert value("vapora_http_request_seconds_count", **by_route) == 1
    assert value("vapora_http_request_seconds_bucket", **by_route, le="+Inf") == 1
    assert value("vapora_read_store_seconds_count") > 0
    assert not [name for name, _ in samples if name.endswith("_created")]


async def test_large_answers_are_compressed_for_those_who_take_it(door: Door) -> None:
    large = await door.http.get(f"{API}/agents", headers={"Accept-Encoding": "gzip"})
    assert large.headers["content-encoding"] == "gzip"
    assert len(large.json()["items"]) == 12
    plain = await door.http.get(f"{API}/agents", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    small = await door.http.get(f"{API}/projects", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in small.headers


# None of these may go: clients call them.
OPERATIONS = {
    line.strip()
    for line in """
    get /api/v1/projects
    post /api/v1/projects
    get /api/v1/projects/{project_id}
    patch /api/v1/projects/{project_id}
    delete /api/v1/projects/{project_id}
    get /api/v1/tasks
    post /api/v1/tasks
    get /api/v1/tasks/{task_id}
    patch /api/v1/tasks/{task_id}
    delete /api/v1/tasks/{task_id}
    post /api/v1/tasks/{task_id}/move
    get /api/v1/tasks/{task_id}/why
    get /api/v1/tasks/{task_id}/runs
    get /api/v1/board
    get /api/v1/runs/{run_id}
    get /api/v1/runs/{run_id}/artifacts
    get /api/v1/runs/{run_id}/artifacts/{name}
    get /api/v1/agents
    post /api/v1/agents
    get /api/v1/agents/{agent_id}
    put /api/v1/agents/{agent_id}
    patch /api/v1/agents/{agent_id}
    delete /api/v1/agents/{agent_id}
    get /api/v1/agents/{agent_id}/learning
    get /api/v1/budgets
    get /api/v1/budgets/{role}
    put /api/v1/budgets/{role}
    put /api/v1/budgets/task/{task_id}
    get /api/v1/budgets/{scope}/{id}
    put /api/v1/budgets/{scope}/{id}
    get /api/v1/costs
    get /api/v1/events
    get /api/v1/events/{position}
    get /api/v1/audit
    get /api/v1/events/{position}/chain
    get /api/v1/roles
    get /api/v1/roles/{role_id}
    get /api/v1/task-types
    get /api/v1/queue
    post /api/v1/queue/dead-letters/{task_id}/requeue
    get /api/v1/status
    get /api/v1/position
    get /health
    get /metrics
""".strip().splitlines()
}


async def test_the_description_names_every_operation_once(door: Door) -> None:
    answer = await door.http.get("/openapi.json")
    document = answer.json()
    assert document["info"]["version"] == "1.2.3"
    found = list(openapi.operations(document))
    names = [operation["operationId"] for _, _, operation in found]
    assert len(set(names)) == len(names) >= 40
    assert OPERATIONS - {f"{method} {path}" for path, method, _ in found} == set()


async def test_the_description_is_whole(door: Door) -> None:
    """Every reference leads somewhere, every operation says what it is and what can go wrong."""
    document = (await door.http.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    references: list[str] = []

    def collect(value: object) -> None:
        if isinstance(value, dict):
            references.extend(one for key, one in value.items() if key == "$ref" and isinstance(one, str))
            for one in value.values():
                collect(one)
        elif isinstance(value, list):
            for one in value:
                collect(one)

    collect(document)
    schemas = document["components"]["schemas"]
    carried_by_sockets = {"Frame", "LiveRequest"}
    used = {reference.removeprefix("#/components/schemas/") for reference in references}
    assert used | carried_by_sockets == set(schemas)
    tags = {tag["name"] for tag in document["tags"]}
    for path, method, operation in openapi.operations(document):
        assert operation["summary"], path
        assert set(operation["tags"]) <= tags, path
        in_path = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "path"}
        assert in_path == {part[1:-1] for part in path.split("/") if part.startswith("{")}, path
        problems = [status for status in operation["responses"] if status[0] in "45"]
        assert problems, path
        if method != "get":
            good = next(one for status, one in operation["responses"].items() if status.startswith("2"))
            assert "Vapora-Position" in good["headers"], path


async def test_the_description_offers_no_null_that_would_be_refused(door: Door) -> None:
    schemas = (await door.http.get("/openapi.json")).json()["components"]["schemas"]
    assert {"type": "null"} in schemas["EditTask"]["properties"]["deadline"]["anyOf"]
    assert {"type": "null"} in schemas["EditProject"]["properties"]["repo"]["anyOf"]
    for name, field in (("EditTask", "title"), ("EditTask", "type"), ("EditProject", "name"), ("EditAgent", "enabled")):
        assert "anyOf" not in schemas[name]["properties"][field]
        assert not any("default" in one for one in schemas[name]["properties"].values())


async def test_the_documentation_page_needs_nothing_from_outside(door: Door) -> None:
    answer = await door.http.get("/docs")
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    for sign in ("<script", "http://", "https://", "src="):
        assert sign not in answer.text
    assert "/api/v1/tasks/{task_id}/move" in answer.text


async def test_a_projection_that_fails_says_where_and_why_and_the_others_go_on(settings: Settings) -> None:
    async with opened(settings) as door:
        project = await door.project()
        await door.task(project["id"], review="human")
    path = settings.log_file("default")
    with sqlite3.connect(path) as log:
        wrong = "CAST(replace(CAST(state AS TEXT), '\"name\":', '\"nmae\":') AS BLOB)"
        damaged = f"UPDATE stored_events SET state = {wrong} WHERE position = ?"
        log.execute(damaged, (project["position"],))
    log.close()
    settings.read_file("default").unlink()

    async with opened(settings) as door:
        head = await door.head()
        board = await door.ask("GET", "/board", 200, params={"after": head})
        assert sum(map(len, board["columns"].values())) == 1
        status = await door.ask("GET", "/status", 200)
        assert status["failed"]["projects"].startswith(f"{project['position']} project.created: CorruptLogError")
        assert status["position"] >= head
        health = await door.http.get("/health")
        assert (health.status_code, health.json()["status"]) == (503, "failing")
        assert f"projects has stopped at {project['position']} project.created" in health.json()["reason"]
        said = CliRunner().invoke(cli, ["doctor", "--data", str(settings.data), "--json"])
        assert said.exit_code == 1
        assert f"projection projects stopped at {project['position']} project.created" in said.stdout


@BOTH_STORES
async def test_read_models_are_rebuilt_beside_a_server_that_goes_on(settings: Settings) -> None:
    async with opened(settings) as door:
        project = await door.project()
        first = await door.task(project["id"], review="human")
        await door.in_state(first["task_id"], "review")
        subscription = await (await door.app.state.cells.open("default")).feed.join()
        command = ["rebuild", "--data", str(settings.data), "--json"]
        url = settings.database_url.get_secret_value() if settings.database_url else None
        rebuild = partial(CliRunner().invoke, cli, command, env={"VAPORA_DATABASE_URL": url})
        rebuilding = asyncio.create_task(asyncio.to_thread(rebuild))
        while not rebuilding.done():
            board = await door.ask("GET", "/board", 200)
            assert len(board["columns"]["review"]) == 1
        assert (await rebuilding).exit_code == 0
        second = await door.task(project["id"], review="human")
        card = await door.in_state(second["task_id"], "review")
        position = 0
        while position < card["position"]:
            reached, _ = await asyncio.wait_for(subscription.next(), DEADLINE_S)
            assert reached > position
            position = reached
        assert (await door.ask("GET", "/status", 200))["failed"] == {}


async def test_the_front_page_of_a_server_without_the_board_says_what_this_is_and_runs_nothing(door: Door) -> None:
    bare = FastAPI(version="0")
    bare.state.rehearsal = True
    front_page.install(bare)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(bare), base_url="http://localhost") as client:
        answer = await client.get("/")

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert "script-src" not in answer.headers["content-security-policy"]
    assert not re.search(r"<script|<img|<iframe| on\w+=|https?://", answer.text)
    assert "REHEARSAL" in answer.text.upper()
    assert "vapora task add" in answer.text
    for link in re.findall(r'href="([^"]+)"', answer.text):
        assert (await door.http.get(f"/{link}")).status_code == 200, link
