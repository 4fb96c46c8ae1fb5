"""`vapora up` on Ray over PostgreSQL: a kill -9 of the log writer costs nothing, and no file holds the log."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import psycopg
import pytest
from pydantic import SecretStr

from events import Recorded
from events.run import RunSucceeded
from events.task import TaskCompleted
from projections.board import board
from projections.engine.store import StoreReader
from tests.cluster.site import Site, assert_sound
from tests.cluster.test_installation import _ready, data, environment, interrupt, processes_of, start
from tests.ports import free_port
from tests.postgres import PASSWORD
from tests.waiting import wait_for
from vapora.log.mapper import open_record
from vapora.log.places import open_for_reading
from vapora.sdk import Client
from vapora.settings import Settings
from vapora.testing import FakeVendors
from vapora.testing.agreement import cards, read_models, rows_of

__all__ = ["data"]
pytestmark = [pytest.mark.ray, pytest.mark.timeout(900)]

TASKS = 8
_EPOCH = "SELECT epoch FROM vapora_default.writer"


@pytest.fixture
def site(data: Path, database_url: str) -> Iterator[Site]:
    port = free_port()
    settings = Settings(data=data, port=port, database_url=SecretStr(database_url))
    with FakeVendors() as vendors, Client(f"http://127.0.0.1:{port}") as client:
        env = {**vendors.environ(), "VAPORA_DATABASE_URL": database_url, "VAPORA_RESEND_S": "1"}
        up = start("up", "--data", str(data), "--port", str(port), env=env)
        try:
            wait_for("up is ready", lambda: up.poll() is not None or _ready(client))
            yield Site(vendors, settings, client)
            code, _ = interrupt(up, data)
            assert code == 0
            assert PASSWORD not in "".join(up.communicate())
        finally:
            if up.poll() is None:
                os.killpg(up.pid, signal.SIGKILL)
                up.communicate()


def read_log(settings: Settings) -> list[Recorded]:
    with closing(open_for_reading(settings.log_place("default"))) as log:
        return [open_record(record) for record in log.after(0, 10_000)]


def asked(url: str, statement: str) -> list[int]:
    with psycopg.connect(url) as connection:
        return [int(one) for (one,) in connection.execute(statement.encode())]


def process_called(title: str, folder: Path) -> psutil.Process:
    """The process of the host that people know by this name, as `ps` shows it."""
    [found] = [one for one in processes_of(folder) if (one.cmdline() or [""])[0].startswith(f"ray::{title}")]
    return found


def test_a_kill_of_the_log_writer_loses_nothing_and_the_database_holds_it_all(
    site: Site, data: Path, database_url: str
) -> None:
    project = site.project("In a database")
    before = asked(database_url, _EPOCH)
    with site.vendors.hold() as gate:
        tasks = [site.submit(project, f"Survive {number}", role="developer") for number in range(TASKS)]
        gate.wait_for(2)  # calls are out
        gate.release(1)
        victim = process_called("LogWriter default", data)
        victim.kill()
        victim.wait(20)
    site.wait_until_done(tasks)

    log = read_log(site.settings)
    assert_sound(log)
    for kind in (TaskCompleted, RunSucceeded):
        assert sorted(one.event.task_id for one in log if isinstance(one.event, kind)) == sorted(tasks)
    assert asked(database_url, _EPOCH) > before
    wait_for("read models that agree with the log", lambda: not findings(site.settings))
    assert not list(data.glob("workspaces/*/*.db"))
    said = subprocess.run(
        [sys.executable, "-m", "vapora", "audit", "verify", "--data", str(data), "--json"],
        env=environment() | {"VAPORA_DATABASE_URL": database_url}, capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr


def findings(settings: Settings) -> list[object]:
    """Where what is served differs from what the log gives."""
    with closing(StoreReader(settings.read_place("default"))) as reader, reader.snapshot() as rows:
        held, position = rows_of(rows), rows.position
        shown = board(rows, None, position)
    log = read_log(settings)
    if position < log[-1].position:
        return [position]
    on_board = {card.id: card for column in shown.columns.values() for card in column}
    return [*read_models(held, log), *cards(on_board, log)]
