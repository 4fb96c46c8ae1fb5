"""Live spans: one request in one process is one trace, from HTTP to the call of the model, together with what the log
tells; what is asked time and again leaves none; and without a collector nothing is even imported."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

import vapora
from tests.observability.collector import Collector, ancestors, collecting
from tests.waiting import wait_for
from vapora.commands import CreateProject
from vapora.sdk import Client

TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = "b7ad6b7169203331"


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="module")
def client(collector: Collector) -> Iterator[Client]:
    settings: dict[str, Any] = {"rehearsal_min_delay_s": 0, "rehearsal_max_delay_s": 0.01, "rehearsal_steps": 1}
    with vapora.local(otlp_endpoint=collector.url, trace_ratio=0, model="rehearsal", **settings) as client:
        yield client


def test_a_request_of_somebody_elses_trace_is_one_trace_down_to_the_call_of_the_model(
    client: Client, collector: Collector
) -> None:
    project = client.create_project(CreateProject(name="P")).id
    posted = httpx.post(
        f"{client.url}/api/v1/tasks",
        json={"project_id": project, "title": "Work", "review": "none"},
        headers={"traceparent": f"00-{TRACE}-{CALLER}-01"},
        timeout=60,
    )
    assert posted.headers["X-Correlation-Id"] == f"tr-{TRACE}"
    task_id = posted.json()["task_id"]
    wait_for("the task's span", lambda: "task" in {one.name for one in collector.trace(TRACE).values()})
    wait_for("the call's span", lambda: "provider call" in {one.name for one in collector.trace(TRACE).values()})
    assert {one.correlation for one in client.events(stream=f"task:{task_id}")} == {f"tr-{TRACE}"}
    trace = collector.trace(TRACE)
    [call] = [one for one in trace.values() if one.name == "provider call"]
    names = ancestors(trace, call)
    assert names[0] == "provider call" and names[1].startswith("chat ")
    assert names[2:4] == ["run", "task"]
    assert names[4] == "append"
    assert names[-1] == "POST /api/v1/tasks"
    [request] = [one for one in trace.values() if one.name == "POST /api/v1/tasks"]
    assert request.parent == CALLER
    assert request.attributes["http.response.status_code"] == 202


def test_what_is_not_sampled_leaves_no_live_span_and_polls_never_do(client: Client, collector: Collector) -> None:
    httpx.get(f"{client.url}/health", headers={"traceparent": f"00-{'a' * 32}-{CALLER}-01"}, timeout=60)
    httpx.get(f"{client.url}/metrics", headers={"traceparent": f"00-{'a' * 32}-{CALLER}-01"}, timeout=60)
    httpx.get(f"{client.url}/api/v1/board", headers={"traceparent": f"00-{'b' * 32}-{CALLER}-00"}, timeout=60)
    httpx.get(f"{client.url}/api/v1/board", timeout=60)
    httpx.get(f"{client.url}/api/v1/board", headers={"traceparent": f"00-{'c' * 32}-{CALLER}-01"}, timeout=60)
    wait_for("the one that is recorded", lambda: collector.trace("c" * 32))
    assert not collector.trace("a" * 32) and not collector.trace("b" * 32)
    assert not [one for one in collector.spans if "poll" in one.name or one.name.startswith("GET /metrics")]


def test_without_a_collector_nothing_of_opentelemetry_is_imported() -> None:
    code = (
        "import sys, vapora, vapora.commands\n"
        "with vapora.local(model='rehearsal') as client:\n"
        "    client.create_project(vapora.commands.CreateProject(name='P'))\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry.sdk.trace')])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines()[-1] == "[]"
