"""`docs/recipes.md`, followed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from events import DomainEvent, Recorded
from events.task import TaskSubmitted
from projections import MemoryRows, Projection, ReadStore, Rebuild, Runner
from projections.engine.base import Handler, Rows, Table
from tests.projections.story import Story

ROOT = Path(__file__).parent.parent

# The recipe "A projection", step 1: how many tasks each project was given.
GIVEN = Table("given", key=("project_id",), columns={"project_id": "text", "tasks": "int"})


def _submitted(recorded: Recorded, event: TaskSubmitted, rows: Rows) -> None:
    before = rows.get(GIVEN, (event.project_id,))
    rows.put(GIVEN, {"project_id": event.project_id, "tasks": (before["tasks"] if before else 0) + 1})


class Given(Projection):
    NAME = "given"
    VERSION = 1
    TABLES = (GIVEN,)
    HANDLERS: ClassVar[Mapping[type[DomainEvent], Handler]] = {TaskSubmitted: _submitted}


def test_a_projection_as_the_recipe_has_it_folds_and_is_built_again_to_the_same_rows(tmp_path: Path) -> None:
    story = Story().submit("t-1").submit("t-2").submit("t-3")
    wanted = MemoryRows().fold(Given(), story.log).select(GIVEN)
    assert [row["tasks"] for row in wanted] == [3]
    store = ReadStore(tmp_path / "read.db")
    Runner(store, [Given()]).apply(story.log)
    rebuild = Rebuild.begin(store, Given())
    rebuild.feed(story.log, story.log[-1].position)
    assert rebuild.switch()
    with store.snapshot() as rows:
        assert [row["tasks"] for row in rows.select(GIVEN)] == [3]
    store.close()


def test_every_path_that_a_map_or_a_recipe_names_is_there() -> None:
    for page in ("recipes.md", "read-models.md", "group-commit.md"):
        text = (ROOT / "docs" / page).read_text(encoding="utf-8")
        named = re.findall(r"`((?:actors|benchmarks|events|projections|tests|vapora|docs)/[^` ]*)`", text)
        paths = [one for one in named if not re.search(r"[<{*]", one)]
        assert paths
        assert [one for one in paths if not (ROOT / one).exists()] == []
