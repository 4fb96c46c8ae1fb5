"""All twelve roles work at the same moment, where each has a card."""

from __future__ import annotations

from pathlib import Path

import vapora
from events.ids import TaskState
from tests.at_once import roles_at_once
from tests.cluster.site import read_log
from vapora.catalog import roles
from vapora.commands import CreateProject


def test_twelve_cards_for_twelve_roles_are_worked_on_at_once(tmp_path: Path) -> None:
    # An answer takes longer than it takes to give out twelve cards.
    with vapora.local(tmp_path / "data", model="rehearsal", rehearsal_min_delay_s=2, rehearsal_max_delay_s=3) as client:
        project = client.projects[client.create_project(CreateProject(name="Shortleaf")).id]
        cards = [
            project.tasks.submit(f"Work for the {role}", role=role, task_type=manifest.task_types[0], review="none")
            for role, manifest in roles().items()
        ]
        assert [card.wait(120).state for card in cards] == [TaskState.DONE] * 12
    log = read_log(tmp_path / "data" / "workspaces" / "default" / "log.db")
    assert roles_at_once(one.event for one in log) == 12
