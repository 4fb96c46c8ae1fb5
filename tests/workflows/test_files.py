"""Workflows that files of the data folder define."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from actors.workflow_engine.files import WorkflowFiles
from tests.waiting import DEADLINE_S
from tests.workflows.site import WORKSPACE, Site, defined, stage
from vapora.catalog.workflow_files import problem_of
from vapora.domain.workflow.catalogue import Workflow

GOOD = '{name}\n[[stages]]\nname = "look"\nrole = "documenter"\ntask = {{ title = "Look" }}\n'


def text(name: str, cron: str | None = None) -> str:
    trigger = "" if cron is None else f'trigger = {{ schedule = {{ cron = "{cron}", zone = "Europe/Berlin" }} }}\n'
    return GOOD.format(name=f'name = "{name}"\n{trigger}')


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "workspaces" / WORKSPACE / "workflows"
    made.mkdir(parents=True)
    return made


@pytest.fixture
async def site(tmp_path: Path, folder: Path) -> AsyncIterator[Site]:
    (folder / "round.toml").write_text(text("First", "0 6 * * *"))
    opened = Site(tmp_path)
    await opened.start()
    yield opened
    await opened.stop()


async def until(site: Site, is_so: Callable[[Workflow], bool]) -> Workflow:
    position = 0
    async with asyncio.timeout(DEADLINE_S):
        while (found := (await site.workflows.load("round"))[0]) is None or not is_so(found):
            position = (await site.log.poll(position, 1_000, 5)).position
    return found


async def test_a_file_is_loaded_at_the_start_and_again_when_it_changes(site: Site, folder: Path) -> None:
    first = await until(site, lambda one: one.number == 1)
    assert (first.read.name, first.file) == ("First", "round.toml")
    assert len(await site.log.read("schedule:workflow-round")) == 1  # type: ignore[arg-type]
    (folder / "round.toml").write_text(text("Second"))
    second = await until(site, lambda one: one.number == 2)
    assert second.read.name == "Second"
    (folder / "round.toml").unlink()
    await until(site, lambda one: one.removed)
    (folder / "round.toml").write_text(text("Second"))
    await until(site, lambda one: not one.removed)


async def test_a_faulty_file_keeps_the_version_before_and_says_what_is_wrong(site: Site, folder: Path) -> None:
    await until(site, lambda one: one.number == 1)
    (folder / "round.toml").write_text('name = "Bad"\n[[stages]]\nname = "look"\nrole = "nobody-like-that"\n')
    again = WorkflowFiles(folder, site.log, site.workflows, WORKSPACE)
    await again.look()
    assert "nobody-like-that" in again.problems["round.toml"]
    assert "nobody-like-that" in problem_of(folder, "round.toml")
    kept = await until(site, lambda _: True)
    assert (kept.number, kept.read.name) == (1, "First")


async def test_what_people_changed_stands_until_the_file_says_something_else(site: Site, folder: Path) -> None:
    await until(site, lambda one: one.number == 1)
    await site.workflows.define(site.origin(), "round", defined([stage("mine")]))
    again = WorkflowFiles(folder, site.log, site.workflows, WORKSPACE)
    await again.look()
    assert (await until(site, lambda _: True)).number == 2
    (folder / "round.toml").write_text(text("Third"))
    await again.look()
    assert (await until(site, lambda one: one.number == 3)).read.name == "Third"


async def test_without_the_folder_nothing_happens(site: Site, tmp_path: Path) -> None:
    await until(site, lambda one: one.number == 1)
    head = await site.log.head()
    await WorkflowFiles(tmp_path / "nowhere", site.log, site.workflows, WORKSPACE).look()
    assert await site.log.head() == head
