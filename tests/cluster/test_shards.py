"""Workspaces spread over two processes: kill -9 of the one where work is done, and of the one that pays, loses nothing,
does nothing twice, and pays once."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from pydantic import SecretStr

from events.run import RunSucceeded
from events.task import TaskCompleted
from tests.cluster.site import Site, assert_sound
from tests.cluster.test_installation import _ready, data, interrupt, processes_of, start
from tests.cluster.test_postgres import findings, process_called, read_log
from tests.ports import free_port
from tests.waiting import wait_for
from vapora.domain.shards import shard_of
from vapora.sdk import Client
from vapora.settings import Settings
from vapora.testing import FakeVendors
from vapora.testing.soundness import answers, billed, money, order, runs_ended, tasks_ended

__all__ = ["data"]
pytestmark = [pytest.mark.ray, pytest.mark.timeout(900)]

TASKS = 6
SHARDS = 2
MINE = f"Shard {shard_of('default', SHARDS)}"


@pytest.fixture
def site(data: Path, database_url: str) -> Iterator[Site]:
    port = free_port()
    settings = Settings(data=data, port=port, database_url=SecretStr(database_url))
    placed = {"VAPORA_PLACEMENT": "shards", "VAPORA_SHARDS": str(SHARDS), "VAPORA_SHARD_RESOURCE": "num_cpus=0.1"}
    with FakeVendors() as vendors, Client(f"http://127.0.0.1:{port}") as client:
        env = {**vendors.environ(), **placed, "VAPORA_DATABASE_URL": database_url, "VAPORA_RESEND_S": "1"}
        up = start("up", "--data", str(data), "--port", str(port), env=env)
        try:
            wait_for("up is ready", lambda: up.poll() is not None or _ready(client))
            yield Site(vendors, settings, client)
            code, _ = interrupt(up, data)
            assert code == 0
        finally:
            if up.poll() is None:
                os.killpg(up.pid, signal.SIGKILL)
                up.communicate()


def struck(title: str, data: Path) -> psutil.Process:
    victim = process_called(title, data)
    victim.kill()
    victim.wait(20)
    return victim


def test_a_kill_of_a_shard_in_mid_work_loses_nothing_and_is_paid_once(site: Site, data: Path) -> None:
    project = site.project("In a shard")
    titles = {(one.cmdline() or [""])[0] for one in processes_of(data)}
    # Everything that is not Ray's own is in one of these.
    assert {one.removeprefix("ray::").split(".")[0] for one in titles if "::" in one} >= {"Shared", MINE}
    assert not [one for one in titles if "LogWriter" in one or "SwarmCoordinator" in one or "Agent" in one]

    with site.vendors.hold() as gate:
        tasks = [site.submit(project, f"Survive {number}", role="developer") for number in range(TASKS)]
        gate.wait_for(2)  # calls are out
        gate.release(1)
        struck(MINE, data)
    site.wait_until_done(tasks)
    log = read_log(site.settings)
    assert not (found := [*tasks_ended(log, []), *runs_ended(log), *answers(log), *order(log)]), found

    with site.vendors.hold() as gate:
        tasks += [site.submit(project, f"Paid {number}", role="developer") for number in range(TASKS)]
        gate.wait_for(2)
        struck("Shared", data)
    site.wait_until_done(tasks)

    log = read_log(site.settings)
    assert_sound(log)
    for kind in (TaskCompleted, RunSucceeded):
        assert sorted(one.event.task_id for one in log if isinstance(one.event, kind)) == sorted(tasks)
    wait_for("the books are closed", lambda: not money(read_log(site.settings), "default"))
    wait_for("the bill", lambda: not billed(read_log(site.settings), site.vendors.ledger.billed_microusd))
    wait_for("read models that agree with the log", lambda: not findings(site.settings))
