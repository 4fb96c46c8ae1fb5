"""The actor that holds the repositories dies at random moments while work lands by itself: each card's work is in the
person's branch once, and the log says so once.

`VAPORA_WORK_SEED` repeats a plan, `VAPORA_LANDING_ROUNDS` makes it longer.
"""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path

import pytest

from events.ids import MergePolicy
from events.run import SetupRan
from events.task import LandingRefused, TaskCompleted, TaskLanded
from events.work import Check
from tests import rounds
from tests.sandbox.conftest import require
from tests.work.site import Site, behaviour, call, turns_of
from tests.work.test_agent_killed import Deaths
from vapora.testing.soundness import order
from vapora.testing.wire.script import Behaviour, Received

SEED = int(os.environ.get("VAPORA_WORK_SEED", "0")) or random.randrange(1, 1_000_000)
ROUNDS = rounds.LANDING


@pytest.fixture(autouse=True)
def namespaces() -> None:
    require("bubblewrap")


def answer(received: Received) -> Behaviour:
    turns = ([call("run_command", command="echo line >> all.txt")], [call("finish", summary="Done.")])
    number = turns_of(received)
    return behaviour(turns[min(number, 1)], number)


async def test_whatever_dies_while_work_lands_it_is_landed_once(tmp_path: Path) -> None:
    print(f"VAPORA_WORK_SEED={SEED}")
    rng, deaths = random.Random(SEED), Deaths()
    async with Site(tmp_path, runtime=deaths.made, resend_s=0.1, health_interval_s=0.1) as site:
        site.theirs.commit({"all.txt": "begin\n"}, "Begin")
        site.vendors.default(answer)
        # The base branch moves under each card, so that its checks run again before it lands.
        project = await site.project(
            Check(name="there", command="sleep 0.1; test -s all.txt"), merge_policy=MergePolicy.WHEN_APPROVED
        )
        for number in range(1, ROUNDS + 1):
            after = await site.log.head()
            await site.task(project, review="none", title=f"Add line {number}")
            await site.seen(SetupRan, after=after)
            site.theirs.commit({f"{number}.txt": "theirs\n"}, "Theirs")
            await site.seen(TaskCompleted, after=after)
            asyncio.get_running_loop().call_later(rng.uniform(0, 0.6), deaths.strike, "landing", "repositories")
            await site.seen(TaskLanded, after=after)
        landed = await site.told(TaskLanded)
        assert len(landed) == len({one.task_id for one in landed}) == ROUNDS, deaths.died
        assert await site.told(LandingRefused) == []
        assert site.theirs.show("all.txt", "main").split() == ["begin", *["line"] * ROUNDS]
        assert site.theirs.git("rev-list", "--count", "main") == f"{1 + 2 * ROUNDS}"
        assert site.theirs.git("status", "--porcelain") == ""
        assert order(await site.everything()) == []
        assert deaths.died
