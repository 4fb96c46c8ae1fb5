"""kill -9 of random actors and of NATS at random moments on real Ray, ten rounds: log, board, money, rows and queue
agree after each.

`VAPORA_CHAOS_SEED` repeats a plan, `VAPORA_RAY_CHAOS_ROUNDS` makes it longer or shorter. What only the actors
themselves hold is compared in `tests/chaos`.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Sequence
from functools import partial

import pytest
from ray.exceptions import RayActorError

from events.run import RunStarted
from projections.board import board
from projections.engine.store import StoreReader
from tests import rounds
from tests.cluster.site import Site
from tests.waiting import wait_for
from vapora.blobs import BlobStore
from vapora.catalog import task_types
from vapora.commands import EditAgent
from vapora.testing import Behaviour
from vapora.testing.agreement import cards, read_models, rows_of
from vapora.testing.delivery import delivery
from vapora.testing.soundness import Discrepancy, answers, billed, contents, money, order, runs_ended, tasks_ended

pytestmark = [pytest.mark.ray, pytest.mark.timeout(900)]

SEED = int(os.environ.get("VAPORA_CHAOS_SEED", "0")) or random.randrange(1, 1_000_000)
ROUNDS = rounds.RAY_CHAOS
TASKS = 6
CELL = ("log/default", "budget/default", "projector/default", "coordinator/default", "relay/default", "router")
NATS = "nats"
# One death in so many is that of NATS, and one in so many of these takes its store too.
NATS_DIES = 3
NATS_LOSES = 4
# About how many events the tasks of one round leave; deaths are planned within the first two thirds.
EVENTS = 75
QUIET_WITHIN_S = 120
TYPES = [one for one in task_types() if one != "presentation"]


def test_after_ten_rounds_of_kill_9_at_random_log_board_money_and_queue_agree(site: Site) -> None:
    print(f"VAPORA_CHAOS_SEED={SEED}")
    dice = random.Random(SEED)
    # Answers take a while, so that calls are out when somebody dies.
    site.vendors.default(Behaviour(delay_s=0.1))
    project = site.project("Chaos")
    start = len(site.log())
    # Nobody is there to do this: it is on offer all the time.
    site.client.edit_agent("presenter", EditAgent(enabled=False))
    waiting = [site.submit(project, f"Later {one}", task_type="presentation") for one in range(2)]
    dead: list[str] = []
    for number in range(ROUNDS):
        killed = _round(site, dice, project)
        dead += killed
        found = _findings_when_quiet(site, start, waiting)
        print(f"round {number}: killed {killed}")
        assert not found, f"seed {SEED}, round {number}, killed {killed}:\n" + "\n".join(map(str, found))
    # A sample may spare it.
    assert NATS in dead or ROUNDS < 10
    site.client.edit_agent("presenter", EditAgent(enabled=True))
    site.wait_until_done(waiting)
    assert not (found := _findings_when_quiet(site, start, [])), found


def _round(site: Site, dice: random.Random, project: str) -> list[str]:
    """A few tasks, and one to three deaths at them; who died. NATS is back at the next one, or when all is done."""
    start, nats = len(site.log()), site.nats
    assert nats is not None
    moments = sorted(dice.randint(1, EVENTS * 2 // 3) for _ in range(dice.randint(1, 3)))
    tasks = [
        site.submit(project, f"Task {one}", task_type=dice.choice(TYPES), priority=dice.randint(0, 100))
        for one in range(TASKS)
    ]
    killed: list[str] = []
    for moment in moments:
        wait_for(f"{moment} events", partial(site.holds, start + moment))
        if not nats.running:
            asyncio.run(nats.start())
        if dice.randrange(NATS_DIES) == 0:
            nats.strike()
            if dice.randrange(NATS_LOSES) == 0:
                nats.lose()
            killed.append(NATS)
            continue
        killed.append(_victim(site, dice, start))
        wait_for(f"{killed[-1]} to be killed", lambda: _kill(site, killed[-1]))
    site.wait_until_done(tasks)
    if not nats.running:
        asyncio.run(nats.start())
    return killed


def _kill(site: Site, actor: str) -> bool:
    """False while it is being started again, killed by the moment before."""
    try:
        site.kill(actor)
    except RayActorError:
        return False
    return True


def _victim(site: Site, dice: random.Random, start: int) -> str:
    """One of the cell, or an agent that has work in this round."""
    at_work = {one.event.agent_id for one in site.log()[start:] if isinstance(one.event, RunStarted)}
    return dice.choice([*CELL, *(f"agent/default/{agent_id}" for agent_id in sorted(at_work))])


def _findings_when_quiet(site: Site, start: int, waiting: Sequence[str]) -> list[Discrepancy]:
    """The cards are done before the last money is booked and the last row is written: it may take a moment."""
    deadline = time.monotonic() + QUIET_WITHIN_S
    while (found := _findings(site, start, waiting)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def _findings(site: Site, start: int, waiting: Sequence[str]) -> list[Discrepancy]:
    """`start`: how long the log was before; other tests leave work that people moved by hand."""
    reader = StoreReader(site.settings.read_file("default"))
    with reader.snapshot() as rows:
        held, position = rows_of(rows), rows.position
        shown = board(rows, None, position)
    reader.close()
    log = site.log()
    ours = log[start:]
    if position < log[-1].position:
        return [Discrepancy("read models", "position", f"{position} of {log[-1].position}")]
    on_board = {card.id: card for column in shown.columns.values() for card in column}
    return [
        *order(log),
        *money(log, "default"),
        *tasks_ended(ours, waiting),
        *runs_ended(ours),
        *answers(ours),
        *billed(ours, site.vendors.ledger.billed_microusd),
        *contents(ours, BlobStore(site.settings.blob_folder("default")).text),
        *read_models(held, log),
        *cards(on_board, log),
        *delivery(site.streams(), log, "default"),
    ]
