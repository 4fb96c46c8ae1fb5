"""Runs of workflows in one process, with the rehearsal model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from actors.runtime.base import Address
from events.workflow import ApprovalDecided, StageCompleted
from tests.workflows.site import Site, cards, count, defined, gate, stage
from vapora.errors import ApprovalDecidedError


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    opened = Site(tmp_path)
    await opened.start()
    yield opened
    await opened.stop()


async def test_stages_follow_each_other_and_bear_their_tasks_unchanged(site: Site) -> None:
    run_id = await site.begin(defined([stage("plan", "architect"), stage("build"), gate("accept")]), goal="a goal")
    approval, seen = await site.asked(run_id)
    assert (await site.run(run_id)).state == "waiting-approval"
    await site.decide(approval, seen)
    run = await site.over(run_id)
    assert run.state == "completed"
    assert [one.state for one in run.stages.values()] == ["completed"] * 3
    told = await site.told(run_id)
    assert count(told, StageCompleted) == 3
    assert len(cards(told)) == 2


async def test_of_two_who_decide_at_the_same_moment_one_stands(site: Site) -> None:
    run_id = await site.begin(defined([gate("accept")]))
    approval, seen = await site.asked(run_id)
    both = [site.decide(approval, seen, word, f"user:{who}") for who, word in (("a", "approve"), ("b", "reject"))]
    said = await asyncio.gather(*both, return_exceptions=True)
    assert [one for one in said if isinstance(one, ApprovalDecidedError)] == [one for one in said if one is not None]
    assert len([one for one in said if one is None]) == 1
    run = await site.over(run_id)
    assert run.state == ("completed" if said[0] is None else "failed")
    assert count(await site.told(run_id), ApprovalDecided) == 1


async def test_a_budget_that_is_used_up_still_pays_for_what_undoes_the_run_and_is_never_exceeded(site: Site) -> None:
    undo = {"agents": ["developer"], "task": {"title": "Undo it", "review": "none"}}
    stages = [stage("first", compensate=undo), *(stage(f"part-{number}") for number in range(1, 12))]
    run_id = await site.begin(defined(stages, budget_cents=2, undo_percent=50))
    run = await site.over(run_id)
    assert (run.state, run.stages["first"].undone) == ("failed", "done")
    assert [one.outcome for one in run.stages.values() if one.state == "failed"] == ["over-budget"]
    made = [card for _, card in run.cards.values()]
    spent = await site.runtime.ref(Address("budget", "default")).spent_on([one.task_id for one in made])
    work = sum(spent[one.task_id] for one in made if one.purpose == "work")
    [undoing] = [one for one in made if one.purpose == "undo"]
    # Half of two cents for each: what the stages did not use, is there to undo them.
    assert 0 < work <= 10_000 < work + undoing.limit_cents * 10_000 <= 20_000  # type: ignore[operator]
    assert sum(spent.values()) <= 20_000


async def test_a_run_whose_budget_is_used_up_fails_where_it_is_and_has_cost_no_more(site: Site) -> None:
    stages = [stage(f"part-{number}", retries=1) for number in range(1, 7)]
    run_id = await site.begin(defined(stages, budget_cents=1))
    run = await site.over(run_id)
    assert run.state == "failed"
    [lost] = [one for one in run.stages.values() if one.state == "failed"]
    assert (lost.outcome, lost.cards) == ("over-budget", ())
    assert run.reason == f"The stage {lost.name} failed: Nothing is left of the budget of the run."
    done = [one for one in run.stages.values() if one.state == "completed"]
    assert done and all(one.state == "pending" for one in list(run.stages.values())[len(done) + 1 :])
    made = cards(await site.told(run_id))
    spent = await site.runtime.ref(Address("budget", "default")).spent_on(made)
    assert len(made) == len(done)
    assert 0 < sum(spent.values()) <= 10_000
