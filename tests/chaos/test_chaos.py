"""Actors and the NATS server die at random points while a backlog is worked off: log, board, budgets and queue agree
after each round.

`VAPORA_CHAOS_SEED` repeats a plan, `VAPORA_CHAOS_ROUNDS` makes the run longer or shorter.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from pathlib import Path

import pytest

from tests import rounds
from tests.chaos.office import KINDS, WITH_NATS, Office

SEED = int(os.environ.get("VAPORA_CHAOS_SEED", "0")) or random.randrange(1, 1_000_000)
ROUNDS = rounds.CHAOS
# Where the log itself is the queue, less can go wrong.
ROUNDS_WITHOUT_NATS = ROUNDS // 5
# Small logs: each round rebuilds all read models of its installation from the first event.
ROUNDS_EACH = 10
AT_ONCE = 6
# What a hundred rounds surely hold, a sample may lack.
SURELY = ROUNDS >= 100
# A hundred take two minutes on two cores that have nothing else to do.
LIMIT_S = 200 + 6 * ROUNDS


async def _installation(folder: Path, name: str, turn: asyncio.Semaphore, nats: bool) -> Counter[str]:
    """Ten rounds on one log; how often what died."""
    async with turn, Office(folder / name, random.Random(f"{SEED}.{name}"), nats) as office:
        for index in range(ROUNDS_EACH):
            before = len(office.struck)
            found = await office.round()
            died = office.struck[before:]
            assert not found, f"seed {SEED}, {name}.{index}, killed {died}:\n" + "\n".join(map(str, found))
        return Counter(one.split("/")[0] for one in office.struck)


async def _installations(folder: Path, count: int, nats: bool) -> Counter[str]:
    print(f"VAPORA_CHAOS_SEED={SEED}")
    turn = asyncio.Semaphore(AT_ONCE)
    names = [f"{'nats' if nats else 'log'}-{number}" for number in range(-(-count // ROUNDS_EACH))]
    async with asyncio.TaskGroup() as group:
        runs = [group.create_task(_installation(folder, name, turn, nats)) for name in names]
    killed = sum((run.result() for run in runs), Counter[str]())
    print(f"killed: {dict(killed)}")
    assert killed.total() >= count
    return killed


@pytest.mark.timeout(LIMIT_S)
async def test_after_a_hundred_rounds_of_kills_log_board_budgets_and_queue_agree(tmp_path: Path) -> None:
    killed = await _installations(tmp_path, ROUNDS, nats=True)
    assert not SURELY or set(killed) >= set(WITH_NATS)
    assert not SURELY or (killed["nats"] >= ROUNDS // 5 and killed["nats, its store too"] > 0)


@pytest.mark.timeout(LIMIT_S)
async def test_without_nats_they_agree_as_well(tmp_path: Path) -> None:
    killed = await _installations(tmp_path, ROUNDS_WITHOUT_NATS, nats=False)
    assert set(killed) <= set(KINDS)
