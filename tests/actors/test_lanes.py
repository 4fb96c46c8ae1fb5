"""Blocking work on a few shared threads: in order within a lane, side by side between lanes, and bounded in all."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import Any

import pytest

from actors.lanes import Crew, Lane

LONG_S = 60


def test_a_lane_does_one_job_after_the_other_in_order() -> None:
    lane, done, at_work = Lane(Crew("test", 8)), [], threading.Lock()

    def job(number: int) -> None:
        assert at_work.acquire(blocking=False), "two jobs of one lane at once"
        done.append(number)
        at_work.release()

    futures = [lane.submit(job, number) for number in range(500)]
    for future in futures:
        future.result(LONG_S)
    assert done == list(range(500))


def test_a_lane_that_blocks_holds_up_no_other() -> None:
    crew = Crew("test", 2)
    gate, held, free = threading.Event(), Lane(crew), Lane(crew)
    blocked = held.submit(gate.wait, LONG_S)
    assert [free.submit(lambda n=n: n).result(LONG_S) for n in range(40)] == list(range(40))  # type: ignore[misc]
    gate.set()
    assert blocked.result(LONG_S)


def test_there_are_never_more_threads_than_the_crew_has() -> None:
    crew = Crew("test", 3)
    lanes = [Lane(crew) for _ in range(40)]
    used: set[int] = set()
    together = threading.Barrier(3)
    # Three at once, or this breaks.
    first: list[Future[Any]] = [lane.submit(together.wait, LONG_S) for lane in lanes[:3]]
    rest = [lane.submit(lambda: used.add(threading.get_ident())) for lane in lanes for _ in range(20)]
    for future in (*first, *rest):
        future.result(LONG_S)
    assert crew.threads == 3 and len(used) <= 3


def test_a_lane_with_much_to_do_lets_the_others_have_the_thread() -> None:
    crew = Crew("test", 1)
    greedy, modest = Lane(crew), Lane(crew)
    order: list[str] = []
    gate = threading.Event()
    greedy.submit(gate.wait, LONG_S)
    last = [greedy.submit(order.append, "greedy") for _ in range(100)][-1]
    modest.submit(order.append, "modest")
    gate.set()
    last.result(LONG_S)
    assert order.index("modest") < 50


def test_several_of_a_lane_that_allows_it_work_at_once() -> None:
    lane, together = Lane(Crew("test", 8), at_once=4), threading.Barrier(4)
    for future in [lane.submit(together.wait, LONG_S) for _ in range(8)]:
        future.result(LONG_S)


def test_an_error_goes_to_who_asked_and_the_next_job_is_done() -> None:
    lane = Lane(Crew("test", 1))
    with pytest.raises(ZeroDivisionError):
        lane.submit(lambda: 1 // 0).result(LONG_S)
    assert lane.submit(lambda: 1).result(LONG_S) == 1


def test_a_lane_that_is_shut_down_has_done_all_and_begins_nothing_more() -> None:
    lane, done = Lane(Crew("test", 1)), list[int]()
    for number in range(50):
        lane.submit(done.append, number)
    lane.shutdown()
    assert done == list(range(50))
    with pytest.raises(RuntimeError, match="nothing is begun"):
        lane.submit(done.append, 50)
