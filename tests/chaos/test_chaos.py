"""Actors die at random points while a backlog is worked off: log, board, budgets and queue agree after each round.

`VAPORA_CHAOS_SEED` repeats a plan, `VAPORA_CHAOS_ROUNDS` makes the run longer.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from pathlib import Path

import pytest

from tests.chaos.office import KINDS, Office

SEED = int(os.environ.get("VAPORA_CHAOS_SEED", "0")) or random.randrange(1, 1_000_000)
ROUNDS = int(os.environ.get("VAPORA_CHAOS_ROUNDS", "100"))
# Small logs: each round rebuilds all read models of its installation from the first event.
ROUNDS_EACH = 10
AT_ONCE = 5


async def _installation(folder: Path, number: int, turn: asyncio.Semaphore) -> Counter[str]:
    """Ten rounds on one log; how often which kind died."""
    async with turn, Office(folder, random.Random(f"{SEED}.{number}")) as office:
        for index in range(ROUNDS_EACH):
            killed = len(office.runtime.killed)
            found = await office.round()
            died = [str(one) for one in office.runtime.killed[killed:]]
            assert not found, f"seed {SEED}, {number}.{index}, killed {died}:\n" + "\n".join(map(str, found))
        return Counter(one.kind for one in office.runtime.killed)


@pytest.mark.timeout(300)
async def test_after_a_hundred_rounds_of_kills_log_board_budgets_and_queue_agree(tmp_path: Path) -> None:
    print(f"VAPORA_CHAOS_SEED={SEED}")
    turn = asyncio.Semaphore(AT_ONCE)
    runs = [_installation(tmp_path / str(number), number, turn) for number in range(-(-ROUNDS // ROUNDS_EACH))]
    killed: Counter[str] = sum(await asyncio.gather(*runs), Counter())
    print(f"killed: {dict(killed)}")
    assert killed.total() >= ROUNDS
    assert set(killed) == set(KINDS)
