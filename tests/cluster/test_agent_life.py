"""Agents that are stuck, on real Ray: noticed within the configured misses, replaced, and back as healthy.

A process that is stopped (SIGSTOP) is what a blocked event loop looks like, and what a node beyond a cut network does:
it lives, and says nothing. A node of its own in a network of its own takes a Ray of several nodes.
"""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from events.agent import AgentReadmitted, AgentSuspended
from events.budget import SpendUnknown
from events.run import ModelCalled, RunSucceeded, ToolUsed
from events.task import TaskHandedOver
from tests.cluster.site import Site, assert_sound
from tests.cluster.test_installation import _ready, interrupt, processes_of, start
from tests.ports import free_port
from tests.repo.site import TheirRepository
from tests.sandbox.conftest import require
from tests.waiting import wait_for
from tests.work.site import call, scripted
from vapora import operator_token
from vapora.commands import CreateProject, RegisterAgent
from vapora.sdk import Client
from vapora.settings import Settings
from vapora.testing import FakeVendors

pytestmark = [pytest.mark.ray, pytest.mark.timeout(900)]

BEAT_S, MISSES, TOOL_LIMIT_S = 1, 3, 4
# What a machine with two cores and three test runs may be late.
LATE_S = 60
OTHER = "developer-2"


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """One `vapora up` with two developers, whose agents are asked every second how they are."""
    with tempfile.TemporaryDirectory(prefix="v") as folder:
        data, port = Path(folder) / "data", free_port()
        settings = Settings(data=data, port=port)
        env = {
            "VAPORA_RESEND_S": "1",
            "VAPORA_AGENT_HEARTBEAT_S": str(BEAT_S),
            "VAPORA_AGENT_MISSES": str(MISSES),
            "VAPORA_AGENT_TOOL_LIMIT_S": str(TOOL_LIMIT_S),
            "VAPORA_REPO_ROOTS": folder,
        }
        with FakeVendors() as vendors:
            up = start("up", "--data", str(data), "--port", str(port), env={**vendors.environ(), **env})
            try:
                with Client(f"http://127.0.0.1:{port}") as client:
                    wait_for("up is ready", lambda: up.poll() is not None or _ready(client))
                    assert up.poll() is None, up.communicate()
                    client.register_agent(RegisterAgent(role="developer"))
                    yield Site(vendors, settings, client)
                code, _ = interrupt(up, data)
                assert code == 0, up.communicate()
            finally:
                if up.poll() is None:
                    os.killpg(up.pid, signal.SIGKILL)
                    up.communicate()


def process_of(site: Site, agent_id: str) -> psutil.Process:
    """The one that bears the agent's name."""
    title = f"ray::Agent default/{agent_id}"

    def found() -> psutil.Process | None:
        for one in processes_of(site.settings.data):
            try:
                if title in " ".join(one.cmdline()).split(" ray::") or one.cmdline()[0].startswith(title):
                    return one
            except (psutil.NoSuchProcess, IndexError):
                continue
        return None

    process: psutil.Process = wait_for(f"a process of {agent_id}", found)
    return process


def events(site: Site, after: int, kind: type) -> list[Any]:
    return [one.event for one in site.log() if one.position > after and isinstance(one.event, kind)]


def test_an_agent_whose_process_is_stopped_is_replaced_and_comes_back_as_healthy(site: Site) -> None:
    project = site.project("Stopped")
    start_at = site.log()[-1].position
    with site.vendors.hold() as gate:
        task_id = site.submit(project, "Survive", task_type="code-generation", role="developer")
        gate.wait_for(1)
        agent_id = site.client.task(task_id).assigned_agent
        assert agent_id is not None
        stopped = process_of(site, agent_id)
        stopped.suspend()
        began = time.monotonic()
        wait_for("the agent to be suspended", lambda: events(site, start_at, AgentSuspended))
        noticed_s = time.monotonic() - began
        print(f"noticed after {noticed_s:.1f} s, {MISSES} misses of {BEAT_S} s")
        assert noticed_s < MISSES * BEAT_S * 2 + LATE_S
    [card] = site.wait_until_done([task_id])
    wait_for("the agent to be back", lambda: events(site, start_at, AgentReadmitted))
    wait_for("the stopped process to be gone", lambda: not stopped.is_running())

    [suspended] = events(site, start_at, AgentSuspended)
    [over] = events(site, start_at, TaskHandedOver)
    assert (suspended.agent_id, suspended.cause) == (agent_id, "silent")
    other = ({"developer", OTHER} - {agent_id}).pop()
    assert (over.from_agent, over.agent_id) == (agent_id, other)
    assert card.assigned_agent == other
    assert card.handed_over == f"{agent_id} {suspended.reason}; the work went to {other}"
    assert site.client.agent(agent_id).state == "idle"
    told = [one.details for one in site.client.audit(resource=f"agent:{agent_id}")]
    assert any("3 heartbeats missed" in one for one in told)
    assert any(one.startswith("readmitted") for one in told)
    check_once(site, start_at)
    # The answer that was on its way when the agent was stopped was taken: nothing was lost, nothing paid twice.
    assert events(site, start_at, SpendUnknown) == []


def test_an_endless_tool_is_ended_and_the_run_goes_on_with_another_agent(site: Site) -> None:
    require("bubblewrap")
    theirs = TheirRepository(site.settings.data.parent / "theirs")
    theirs.commit({"README.md": "# Slow\n"}, "Begin")
    mark = f"vapora-endless-{os.getpid()}"
    site.vendors.default(
        scripted(
            (
                [call("run_command", command=f": {mark}; sleep 500", timeout_s=600)],
                [call("file_write", path="done.txt", content="done\n")],
                [call("finish", summary="Done.")],
            )
        )
    )
    token = operator_token.ensure(site.settings.data.absolute())
    with Client(f"http://127.0.0.1:{site.settings.port}", token=token) as client:
        project = client.create_project(CreateProject(name="Endless", repo=str(theirs.path))).id
    start_at = site.log()[-1].position
    task_id = site.submit(project, "Wait", task_type="code-generation", role="developer", review="human")
    wait_for("the run to end", lambda: events(site, start_at, RunSucceeded))

    [suspended] = events(site, start_at, AgentSuspended)
    assert suspended.cause == "stuck"
    assert [(one.doing, one.name, one.stuck) for one in suspended.runs] == [("tool", "0.0", True)]
    [over] = events(site, start_at, TaskHandedOver)
    used = events(site, start_at, ToolUsed)
    assert [(one.name, one.ok) for one in used] == [("run_command", False), ("file_write", True), ("finish", True)]
    [end] = events(site, start_at, RunSucceeded)
    assert end.agent_id == over.agent_id != over.from_agent
    card = site.client.task(task_id)
    assert "did not advance" in card.handed_over
    wait_for("nothing left running", lambda: not [one for one in psutil.process_iter() if mark in _command(one)])
    wait_for("the agent to be back", lambda: events(site, start_at, AgentReadmitted))
    check_once(site, start_at)


def check_once(site: Site, after: int) -> None:
    log = site.log()
    assert_sound(log)
    answers = Counter(one.call_id for one in events(site, after, ModelCalled))
    assert set(answers.values()) == {1}


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
