"""What the cluster tests do with a running platform."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import ray

from actors.runtime.base import Address, host_of
from actors.runtime.ray import NAMESPACE
from events import Recorded
from events.ids import TaskState
from projections import MemoryRows
from projections.board import Board, card
from projections.board_waiting import CARDS
from tests.queue.holdings import holdings
from tests.queue.nats_server import NatsServer
from tests.waiting import wait_for
from vapora.commands import CreateProject
from vapora.domain.audit import violations
from vapora.log.mapper import open_record
from vapora.log.sqlite import SQLiteLog
from vapora.sdk import Client
from vapora.settings import Settings
from vapora.testing import FakeVendors
from vapora.testing.delivery import Streams
from vapora.views import TaskCard


def read_log(path: Path, after: int = 0) -> list[Recorded]:
    """The whole log, or what follows a position, read from its file beside whoever writes it."""
    log = SQLiteLog.open_for_reading(path)
    try:
        found: list[Recorded] = []
        while page := log.after(found[-1].position if found else after, 5_000):
            found += [open_record(record) for record in page]
        return found
    finally:
        log.close()


# Ray makes its workers wait for all who are not so nice: beside tests that compute they would never get ready.
FAIR = {"RAY_worker_niceness": "0"}


@dataclass(frozen=True)
class Site:
    """A running platform, the vendors that it calls, and its NATS server where it has one."""

    vendors: FakeVendors
    settings: Settings
    client: Client
    nats: NatsServer | None = None
    _seen: list[Recorded] = field(default_factory=list)

    def project(self, name: str) -> str:
        return self.client.create_project(CreateProject(name=name)).id

    def submit(self, project_id: str, title: str, **fields: Any) -> str:
        body = {"project_id": project_id, "title": title, "review": "none", **fields}
        return self.client.submit_task(body).task_id

    def cards(self, task_ids: Sequence[str]) -> list[TaskCard]:
        return [self.client.task(task_id) for task_id in task_ids]

    def wait_until_done(self, task_ids: Sequence[str]) -> list[TaskCard]:
        # One request, since it is asked again and again beside what it waits for.
        def done() -> bool:
            columns = self.client.board().columns
            assert not {card.id for card in columns["failed"]} & set(task_ids)
            return {card.id for card in columns["done"]} >= set(task_ids)

        wait_for("all tasks done", done)
        return self.cards(task_ids)

    def kill(self, actor: str) -> None:
        """kill -9 of the process that holds the actor."""
        host = host_of(Address.parse(actor), self.settings.placement)
        handle = ray.get_actor(host, namespace=NAMESPACE)
        pid = ray.get(handle.health.remote())["pid"]
        os.kill(pid, signal.SIGKILL)

    def streams(self) -> Streams:
        """What NATS holds."""
        assert self.nats is not None
        return asyncio.run(holdings(self.nats.url, "default"))

    def holds(self, count: int) -> bool:
        """Whether the log has so many events; each is read once for it."""
        after = self._seen[-1].position if self._seen else 0
        self._seen.extend(read_log(self.settings.log_file("default"), after))
        return len(self._seen) >= count

    def log(self) -> list[Recorded]:
        return read_log(self.settings.log_file("default"))


def assert_sound(log: Sequence[Recorded]) -> None:
    """Nothing lost, nothing doubled: versions without gaps, positions that increase, appends and money that add up."""
    positions = [one.position for one in log]
    assert positions == sorted(set(positions))
    by_stream = sorted(log, key=lambda one: (one.stream, one.position))
    for stream, events in groupby(by_stream, key=lambda one: one.stream):
        versions = [one.version for one in events]
        assert versions == list(range(1, len(versions) + 1)), stream
    assert violations(log, "default") == []
    assert all(one.causation is None or one.causation < one.position for one in log)


def rebuilt_cards(log: Sequence[Recorded]) -> dict[str, TaskCard]:
    """The cards as a rebuild of the board from the log gives them."""
    rows = MemoryRows().fold(Board(), log)
    found = (card(rows, row["id"]) for row in rows.select(CARDS) if row["state"] != TaskState.ARCHIVED)
    return {one.id: one for one in found if one is not None}
