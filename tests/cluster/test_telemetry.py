"""One request on Ray is one trace, from HTTP to the call of the model, also when the router is killed in the middle of
that; and the lines of one request are found among all that its processes write to standard output."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from events.ids import PROVIDERS
from tests.cluster.test_up import member
from tests.observability.collector import Collector, Got, ancestors, collecting
from tests.ports import free_port
from tests.startup.launched import Launched
from tests.waiting import caught_up, wait_for
from vapora.commands import CreateProject
from vapora.sdk import Client
from vapora.testing import FakeVendors

pytestmark = [pytest.mark.ray, pytest.mark.timeout(900)]

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = "00f067aa0ba902b7"
PLANTED = "words-for-the-collector-alone"


@dataclass
class Up:
    launched: Launched
    client: Client
    collector: Collector
    vendors: FakeVendors
    written: list[str] = field(default_factory=list)

    def lines(self) -> list[dict[str, Any]]:
        """What was written to standard output as lines of the journal."""
        return [json.loads(line) for line in list(self.written) if line.startswith('{"') and '"logger"' in line]


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with FakeVendors() as vendors, collecting() as collector:
        launched = Launched(
            tmp_path_factory.mktemp("telemetry") / "data",
            *("--port", str(free_port())),
            **vendors.environ(),
            VAPORA_MODEL="auto",
            VAPORA_PLACEMENT="packed",
            VAPORA_RESEND_S="1",
            VAPORA_OTLP_ENDPOINT=collector.url,
            VAPORA_OTLP_HEADERS=f"authorization=Bearer {PLANTED}",
            VAPORA_TRACE_RATIO="0",
            VAPORA_LOG_FORMAT="json",
            # As in a container: what its processes write is not kept in files, and comes out of the first one.
            RAY_LOG_TO_STDERR="1",
        )
        try:
            written: list[str] = []
            address = _address(launched, written)
            threading.Thread(target=_read, args=(launched, written), daemon=True).start()
            with Client(address) as client:
                yield Up(launched, client, collector, vendors, written)
            launched.interrupt()
        finally:
            launched.kill()


def _address(launched: Launched, written: list[str]) -> str:
    assert launched.process.stdout is not None
    for line in launched.process.stdout:
        written.append(line)
        if '"api_docs"' in line:
            return str(json.loads(line)["api"]).removesuffix("/api/v1")
    raise AssertionError(f"it ended: {launched.text}")


def _read(launched: Launched, written: list[str]) -> None:
    assert launched.process.stdout is not None
    written += iter(launched.process.stdout)


def _is_whole(up: Up, call: Got) -> bool:
    return ancestors(up.collector.trace(TRACE), call)[-1] == "POST /api/v1/tasks"


def _lost(up: Up) -> list[Got]:
    """Calls that went with the router."""
    return [one for one in up.collector.trace(TRACE).values() if one.attributes.get("error.type") == "lost"]


def _loose(up: Up) -> list[str]:
    """Whose caller was never told of, but for what the killed process had called: its own span had not ended."""
    trace = up.collector.trace(TRACE)
    return [one.name for one in trace.values() if one.parent not in trace and not one.name.startswith("budget.")]


def test_a_request_is_one_trace_from_http_to_the_call_of_the_model_though_the_router_is_killed(up: Up) -> None:
    project = up.client.create_project(CreateProject(name="Traced")).id
    with up.vendors.hold(*PROVIDERS) as gate:
        posted = httpx.post(
            f"{up.client.url}/api/v1/tasks",
            json={"project_id": project, "title": "Work", "task_type": "code-generation", "review": "none"},
            headers={"traceparent": f"00-{TRACE}-{CALLER}-01"},
            timeout=60,
        )
        task_id = posted.json()["task_id"]
        gate.wait_for(1, 60)
        member(up.launched, "ray::Shared").kill()
        gate.release()
        caught_up(up.client)
        wait_for("the task done", lambda: up.client.task(task_id).state == "done")
    wait_for("the task's span", lambda: _named(up, "task"))
    wait_for("a call's span", lambda: _named(up, "provider call"))
    wait_for("the request's span", lambda: _named(up, "POST /api/v1/tasks"))
    wait_for("what came before each call", lambda: all(_is_whole(up, one) for one in _named(up, "provider call")))
    wait_for("the lost call", lambda: _lost(up))
    wait_for("nothing to hang in the air but what was killed", lambda: _loose(up) == ["POST /api/v1/tasks"])
    trace = up.collector.trace(TRACE)
    [request] = _named(up, "POST /api/v1/tasks")
    assert request.parent == CALLER
    for call in _named(up, "provider call"):
        names = ancestors(trace, call)
        assert names[1].startswith("chat ") and names[2:4] == ["run", "task"]
        assert names[4] == "append" and names[-1] == "POST /api/v1/tasks"
    # The call that went with the router is told as lost, as a part of the same run.
    assert {ancestors(trace, one)[1] for one in _lost(up)} == {"run"}
    sent = [one.id for one in up.collector.spans if one.trace == TRACE]
    assert len(sent) == len(set(sent))


def test_the_lines_of_one_request_are_found_among_all_by_its_correlation(up: Up) -> None:
    project = up.client.create_project(CreateProject(name="Logged")).id
    with up.vendors.hold(*PROVIDERS) as gate:
        posted = httpx.post(
            f"{up.client.url}/api/v1/tasks",
            json={"project_id": project, "title": "Work", "review": "none"},
            headers={"X-Correlation-Id": "cor-logged"},
            timeout=60,
        )
        task_id = posted.json()["task_id"]
        gate.wait_for(1, 60)
        member(up.launched, "ray::Shared").kill()
        gate.release()
        caught_up(up.client)
        wait_for("the task done", lambda: up.client.task(task_id).state == "done")

    def told() -> list[dict[str, Any]]:
        found = [one for one in up.lines() if one.get("correlation") == "cor-logged"]
        return found if any("task" in one for one in found) else []

    found = wait_for("lines of the request and of its task", told)
    run_ids = {run.run_id for run in up.client.task(task_id).runs}
    assert {one["task"] for one in found if "task" in one} == {task_id}
    assert {one["run"] for one in found if "run" in one} <= run_ids
    wanted = {"timestamp", "level", "event", "logger", "actor", "workspace", "trace_id", "task", "run", "node", "pid"}
    assert any(wanted <= one.keys() for one in found), found
    others = [one for one in up.lines() if one.get("correlation") != "cor-logged"]
    assert not [one for one in others if one.get("task") == task_id and one.get("run") in run_ids]


def test_no_secret_is_in_a_line_or_a_span(up: Up) -> None:
    assert PLANTED not in "".join(up.written) + up.launched.text
    assert PLANTED not in repr(up.collector.spans)
    keys = [value for name, value in up.vendors.environ().items() if name.endswith("_KEY")]
    assert keys and not [key for key in keys if key in "".join(up.written) + repr(up.collector.spans)]


def _named(up: Up, name: str) -> list[Got]:
    return [one for one in up.collector.trace(TRACE).values() if one.name == name]
