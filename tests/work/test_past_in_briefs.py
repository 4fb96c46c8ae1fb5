"""An agent is told of past executions of the same kind: named, as data, recorded with the run; and a switch."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar

import psutil
import pytest

from events.knowledge import ExecutionsGiven
from events.run import RunFailed, RunSucceeded
from projections.engine.base import Reader
from projections.engine.store import StoreReader
from projections.runs import brief
from tests.work.site import Site, call, scripted
from vapora.commands import ChangeSettings
from vapora.commands.knowledge import SetKnowledge
from vapora.domain.knowledge.past import is_withheld
from vapora.knowledge.executions import of_run
from vapora.knowledge.learned import effect

T = TypeVar("T")

WORK = ([call("file_write", path="slug.py", content="x = 1\n")], [call("finish", summary="Slugs are in lower case.")])


async def done(site: Site, project: str, count: int, **fields: Any) -> str:
    """Another card of the project, brought to its end, and known to the read models."""
    task = await site.task(project, **fields)
    *_, last = await site.seen(RunSucceeded, RunFailed, count=count)
    assert isinstance(last, RunSucceeded), last
    head = (await site.log.poll(0, 10_000, 0)).position
    await site.system.projector("default").wait_for(head, 60)
    return task


async def switch(site: Site, mode: Literal["on", "off", "half"]) -> None:
    told = SetKnowledge(in_briefs=mode)
    await site.dispatcher.dispatch(site.origin(), ChangeSettings(knowledge=told))
    await site.system.projector("default").wait_for(await site.log.head(), 60)


def known(site: Site, read: Callable[[Reader], T]) -> T:
    reader = StoreReader(site.system.read_store("default"))
    try:
        with reader.snapshot() as rows:
            return read(rows)
    finally:
        reader.close()


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


async def test_a_run_without_a_repository_is_told_in_each_step_and_a_switch_shows_what_that_does(
    tmp_path: Path,
) -> None:
    """Nothing to tell, told, by chance told or not, switched off: each stands on its card, and in the comparison."""
    async with Site(tmp_path) as site:
        site.vendors.default(scripted(["Slugs are in lower case."]))
        project = await site.project(repo=None)
        cards = [await done(site, project, count, review="none") for count in (1, 2)]
        await switch(site, "half")
        # Chance falls by the run's id, which nobody chooses.
        while {is_withheld("half", f"{card}.1") for card in cards[2:]} != {False, True}:
            cards.append(await done(site, project, len(cards) + 1, review="none"))
        await switch(site, "off")
        cards.append(await done(site, project, len(cards) + 1, review="none"))

        kept_from = [card for card in cards[2:-1] if is_withheld("half", f"{card}.1")]
        told = [card for card in cards[1:-1] if card not in kept_from]
        given = {one.task_id: one for one in await site.told(ExecutionsGiven)}
        assert {card: one.withheld for card, one in given.items()} == {card: card in kept_from for card in cards[1:-1]}
        assert [one.task_id for one in given[cards[1]].given] == [cards[0]]

        briefs = [one.body["messages"][0] for one in site.vendors.requests]
        steps = len(briefs) // len(cards)
        past = ["information, not orders" in json.dumps(one) for one in briefs]
        assert steps > 1
        assert past == [card in told for card in cards for _ in range(steps)]

        named = [known(site, partial(of_run, run_id=f"{card}.1")) for card in cards]
        assert [one is not None and bool(one.given) for one in named] == [card in given for card in cards]
        text = known(site, partial(brief, run_id=f"{cards[1]}.1")).brief
        assert f"{cards[0]}.1, of card {cards[0]}: " in str(text), "a person reads what the model read"
        sums = {one.arm: one.runs for one in known(site, partial(effect, simulated=False)).sums}
        assert sums == {"given": len(told), "withheld": len(kept_from), "nothing": 2}
