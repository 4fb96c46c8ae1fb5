"""An agent is told of past executions of the same kind: named, as data, recorded with the run; and a switch."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from events.knowledge import ExecutionsGiven
from events.run import RunFailed, RunSucceeded
from tests.work.site import Site, call, scripted

WORK = ([call("file_write", path="slug.py", content="x = 1\n")], [call("finish", summary="Slugs are in lower case.")])


async def done(site: Site, project: str, count: int) -> str:
    """Another card of the project, brought to its end, and known to the read models."""
    task = await site.task(project)
    *_, last = await site.seen(RunSucceeded, RunFailed, count=count)
    assert isinstance(last, RunSucceeded), last
    head = (await site.log.poll(0, 10_000, 0)).position
    await site.system.projector("default").wait_for(head, 60)
    return task


@pytest.fixture
def uncollected() -> Iterator[None]:
    """What is let go of and not closed stays open, as it would for minutes in a large process."""
    gc.disable()
    yield
    gc.enable()


async def test_the_second_run_of_a_kind_is_told_of_the_first_by_name(tmp_path: Path, uncollected: None) -> None:
    async with Site(tmp_path) as site:
        site.theirs.commit({"slug.py": "x = 0\n"}, "Begin")
        site.vendors.default(scripted(WORK))
        project = await site.project()
        first = await done(site, project, 1)
        assert await site.told(ExecutionsGiven) == []
        second = await done(site, project, 2)
        [given] = await site.told(ExecutionsGiven)
        assert (given.task_id, given.withheld) == (second, False)
        assert [(one.run_id, one.helped) for one in given.given] == [(f"{first}.1", "Slugs are in lower case.")]
        briefs = [json.dumps(one.body["messages"][0]) for one in site.vendors.requests]
        assert [f"{first}.1, of card {first}: " in one for one in briefs] == [False, False, True, True]
        assert "> Slugs are in lower case." in briefs[-1]
    assert [one.path for one in psutil.Process().open_files() if one.path.startswith(str(tmp_path))] == []
