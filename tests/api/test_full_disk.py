"""A disk without room: what cannot be kept is refused, what is known is still told, and nothing has to be restarted."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import structlog
from prometheus_client.parser import text_string_to_metric_families

from tests.api.doors import Door
from tests.disk import no_file_grows_beyond
from vapora import journal
from vapora.log.proof import verify
from vapora.log.sqlite import SQLiteLog
from vapora.settings import Settings


async def test_a_full_disk_is_told_and_left_behind_without_a_restart(door: Door, settings: Settings) -> None:
    project = await door.project()
    before = (await door.task(project["id"]))["task_id"]
    await door.in_state(before, "done")
    head = await door.head()
    body: dict[str, Any] = {"project_id": project["id"], "title": "One too many"}

    with no_file_grows_beyond(4_096):
        refused = await door.ask("POST", "/tasks", 503, body)
        ill = await door.http.get("/health")
        card = await door.ask("GET", f"/tasks/{before}", 200)
    assert refused["code"] == "log-unavailable"
    assert "room" in refused["remedy"]
    assert (ill.status_code, ill.json()["status"]) == (503, "failing")
    assert "the log is failing" in ill.json()["reason"]
    assert card["state"] == "done"
    assert await door.head() == head

    well = await door.http.get("/health")
    assert (well.status_code, well.json()["problems"]) == (200, [])
    after = await door.task(project["id"])
    await door.in_state(after["task_id"], "done")
    log = SQLiteLog.open_for_reading(settings.log_file("default"))
    assert verify(log).ok
    log.close()


async def test_a_disk_that_is_full_for_the_journal_too_changes_nothing(
    door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = await door.project()
    before = journal.dropped()
    file = (tmp_path / "stderr").open("a")
    file.write("x" * 4_096)
    monkeypatch.setattr(sys, "stderr", file)
    with no_file_grows_beyond(4_096):
        # Nine times: what breaks in the background (the coordinator, the read models) must live through it too.
        for number in range(9):
            body = {"project_id": project["id"], "title": f"One too many {number}"}
            refused = await door.ask("POST", "/tasks", 503, body)
            assert refused["code"] == "log-unavailable"
        structlog.get_logger("test").warning("a line that finds no room")
    after = await door.task(project["id"])
    await door.in_state(after["task_id"], "done")
    monkeypatch.undo()
    file.close()
    samples = text_string_to_metric_families((await door.http.get("/metrics")).text)
    (lost,) = (one for family in samples for one in family.samples if one.name == "vapora_journal_lines_dropped_total")
    assert lost.value == journal.dropped() > before
