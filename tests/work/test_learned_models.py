"""Qualities of models are learned, from a run that went wrong to the choice of the next one's model and its why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from events.ids import Provider
from events.run import RunFailed, RunSucceeded
from projections.decisions import why
from projections.engine.store import StoreReader
from tests.work.site import WORKSPACE, Site
from vapora.testing import Behaviour
from vapora.testing.wire.script import Received
from vapora.views import Decision

RULED = "anthropic/claude-sonnet-5-5"


def only_the_rules_model_says_nothing(received: Received) -> Behaviour:
    return Behaviour(text="" if received.model in RULED else "Slugs are in lower case.")


def parts(decision: Decision) -> dict[str, Any]:
    """What each model's place rests on, by model."""
    candidates: tuple[Any, ...] = decision.candidates
    return {one["id"]: one["parts"] for one in candidates}


async def choice(site: Site, project: str, number: int) -> Decision:
    """How the model for the first step of another card was chosen, once the card is done and the read models know."""
    task = await site.task(project, review="none")
    await site.seen(RunSucceeded, RunFailed, count=number)
    await site.system.projector(WORKSPACE).wait_for(await site.log.head(), 60)
    reader = StoreReader(site.system.read_store(WORKSPACE))
    try:
        with reader.snapshot() as rows:
            return next(one for one in why(rows, task).decisions if one.kind == "provider")
    finally:
        reader.close()


async def test_a_model_whose_run_went_wrong_gives_way_to_one_that_costs_no_more_and_why_says_of_how_many_runs(
    tmp_path: Path,
) -> None:
    providers = (Provider.ANTHROPIC, Provider.OPENAI)
    async with Site(tmp_path, providers=providers, model_quality="learned") as site:
        site.vendors.default(only_the_rules_model_says_nothing)
        project = await site.project(repo=None)
        first, second, third = [await choice(site, project, number) for number in (1, 2, 3)]
        assert len(await site.told(RunFailed)) == 1, "the first one's"
    assert first.chosen == RULED
    assert {one["runs"] for one in parts(first).values()} == {0}
    assert (second.policy, third.chosen) == ("learned", second.chosen)
    found = parts(second)
    assert (found[RULED]["baseline"], found[RULED]["runs"]) == (0.93, 1)
    assert abs(found[RULED]["quality"] - (10 * 0.93 + 0) / 11) < 1e-9
    assert found[second.chosen]["worst_case_microusd"] <= found[RULED]["worst_case_microusd"]
    known = parts(third)
    others = [one["runs"] for model, one in known.items() if model != RULED]
    assert (known[RULED]["runs"], sum(others)) == (1, 1), "each model that answered the second run has a share in it"
    assert known[second.chosen]["quality"] > known[second.chosen]["baseline"]
