"""Many cards on one repository at once, with the whole actor system and a real SDK."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from events.ids import MergePolicy
from events.task import LandingRefused, TaskLanded, TaskRejected
from events.work import Check
from tests.sandbox.conftest import require
from tests.work.site import Site, behaviour, call, turns_of
from vapora.testing.wire.script import Behaviour, Received

CARDS = 12
# These append to the same file, each at its end.
QUARREL = ("card-0", "card-1", "card-2")


@pytest.fixture(autouse=True)
def namespaces() -> None:
    require("bubblewrap")


def answer(received: Received) -> Behaviour:
    """Writes the file that the card's title names; and where git left its markers, keeps both sides."""
    found = re.search(r"card-\d+", str(received.body))
    assert found is not None
    name, number = found[0], turns_of(received)
    commands = [f"echo {name} > {name}.txt"]
    if name in QUARREL:
        commands += [
            r"sed -i '/^\(<<<<<<<\|=======\|>>>>>>>\)/d' all.txt",
            f"grep -qx {name} all.txt || echo {name} >> all.txt",
        ]
    turns = ([call("run_command", command=" && ".join(commands))], [call("finish", summary="Done.")])
    return behaviour(turns[min(number, 1)], number)


async def test_twelve_cards_at_once_land_and_those_that_change_one_place_are_brought_together(tmp_path: Path) -> None:
    async with Site(tmp_path) as site:
        site.theirs.commit({"all.txt": "begin\n"}, "Begin")
        site.vendors.default(answer)
        check = Check(name="whole", command="! grep -rl '^<<<<<<<' *.txt")
        project = await site.project(check, merge_policy=MergePolicy.WHEN_APPROVED)
        for number in range(CARDS):
            await site.task(project, title=f"Write card-{number}", review="none")
        await site.seen(TaskLanded, count=CARDS)
        assert {site.theirs.show(f"card-{number}.txt", "main") for number in range(CARDS)} == {
            f"card-{number}" for number in range(CARDS)
        }
        assert sorted(site.theirs.show("all.txt", "main").split()) == ["begin", *QUARREL]
        assert site.theirs.git("status", "--porcelain") == ""
        refused = await site.told(LandingRefused)
        assert len(refused) == len(await site.told(TaskRejected))
        assert {(one.kind, one.paths) for one in refused} <= {("merge-conflict", ("all.txt",))}
