"""A disk without room: what cannot be kept is refused, what is known is still told, and nothing has to be restarted."""

from __future__ import annotations

from typing import Any

from tests.api.doors import Door
from tests.disk import no_file_grows_beyond
from vapora.log.sqlite import SQLiteLog
from vapora.log.verify import verify
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
