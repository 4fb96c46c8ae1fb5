"""A disk that fills: no run starts, the board says why, and everything else works."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.archive.conftest import at_work
from vapora.domain.disk import why_not


def test_below_the_limit_nothing_starts_and_at_it_everything_does() -> None:
    assert why_not(5, 100, 5) is None
    assert why_not(0, 0, 5) is None
    assert why_not(0, 100, 0) is None
    said = why_not(4, 100, 5)
    assert said is not None and said.startswith("Less than 5 %")
    # Each text that a card bears is an event: it does not change with every byte.
    assert why_not(3, 100, 5) == said


async def test_a_card_says_that_the_disk_is_full_and_so_does_health(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if hardly anything were free: no disk is as empty as that.
    monkeypatch.setenv("VAPORA_DISK_FREE_PERCENT", "99.999")
    async with at_work(tmp_path / "data") as door:
        project = await door.project()
        task = await door.task(project["id"], title="Wait for room")
        card = await door.card(task["task_id"], lambda one: one["waiting"] is not None)
        assert (card["state"], card["waiting"]["reason"]) == ("todo", "paused")
        assert "99.999 %" in card["waiting"]["remedy"] and "Make room" in card["waiting"]["remedy"]
        health = await door.http.get("/health")
        assert health.status_code == 200
        assert "no run starts" in health.json()["reason"]
