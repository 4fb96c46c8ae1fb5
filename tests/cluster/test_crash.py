"""kill -9 in mid-work on real Ray: every accepted task still ends, and log, board and money agree."""

from __future__ import annotations

import pytest

from events import Recorded
from events.budget import SpendReserved, SpendSettled, SpendUnknown
from events.run import ModelCalled, ModelCallLost, RunSucceeded
from events.task import TaskCompleted
from tests.cluster.site import Site, assert_sound, rebuilt_cards

pytestmark = [pytest.mark.ray, pytest.mark.timeout(900)]

TASKS = 12


@pytest.mark.parametrize(
    "victim",
    ["agent/default/developer", "budget/default", "log/default", "coordinator/default", "projector/default", "router"],
)
def test_a_kill_in_mid_work_loses_nothing_and_doubles_nothing(site: Site, victim: str) -> None:
    project = site.project(f"Kill {victim}")
    start = len(site.log())
    with site.vendors.hold() as gate:
        task_ids = [
            site.submit(project, f"Survive {number}", task_type="code-generation", role="developer")
            for number in range(TASKS)
        ]
        gate.wait_for(2)  # calls are out
        gate.release(1)  # one answer comes while the other calls are still out
        site.kill(victim)
    cards = site.wait_until_done(task_ids)

    log = site.log()
    assert_sound(log)
    ours = log[start:]
    completed = [one.event.task_id for one in ours if isinstance(one.event, TaskCompleted)]
    assert sorted(completed) == sorted(task_ids)
    succeeded = [one.event.task_id for one in ours if isinstance(one.event, RunSucceeded)]
    assert sorted(succeeded) == sorted(task_ids)
    _assert_no_answer_asked_again(site, ours)
    rebuilt = rebuilt_cards(log)
    assert {card.id: rebuilt[card.id] for card in cards} == {card.id: card for card in cards}


def _assert_no_answer_asked_again(site: Site, log: list[Recorded]) -> None:
    """What the vendors billed is what was recorded, and beside it only calls whose answer a crash took."""
    reserved = {(one.event.call_id, one.event.attempt) for one in log if isinstance(one.event, SpendReserved)}
    settled = [one.event for one in log if isinstance(one.event, SpendSettled)]
    unknown = [one.event for one in log if isinstance(one.event, SpendUnknown)]
    answers = [one.event.call_id for one in log if isinstance(one.event, ModelCalled)]
    lost = [one.event for one in log if isinstance(one.event, ModelCallLost)]
    assert len(answers) == len(set(answers))
    closed: list[SpendSettled | SpendUnknown] = [*settled, *unknown]
    assert {(one.call_id, one.attempt) for one in closed} <= reserved
    assert len(site.vendors.ledger.bills) <= len(answers) + len(unknown)
    assert len(lost) <= len(unknown)
    billed = site.vendors.ledger.billed_microusd
    assert billed <= sum(one.cost_microusd for one in settled) + sum(one.amount_microusd for one in unknown)
