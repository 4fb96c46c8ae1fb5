from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from actors.log_writer.writer_thread import WriterThread
from tests.waiting import DEADLINE_S


@pytest.fixture
async def thread() -> AsyncIterator[WriterThread]:
    started = WriterThread()
    started.start()
    yield started
    started.stop()


async def test_jobs_are_done_in_order_beside_the_loop(thread: WriterThread) -> None:
    done: list[tuple[int, int]] = []
    for number in range(50):
        thread.hand(lambda number=number: done.append((number, threading.get_ident())), lambda *_: None)  # type: ignore[misc]
    await thread.call(lambda: None)
    assert [number for number, _ in done] == list(range(50))
    assert {ident for _, ident in done}.isdisjoint({threading.get_ident()})


async def test_the_outcome_is_told_in_the_loop(thread: WriterThread) -> None:
    told: asyncio.Future[tuple[object, object, int]] = asyncio.get_running_loop().create_future()
    thread.hand(lambda: 7, lambda answer, error: told.set_result((answer, error, threading.get_ident())))
    assert await told == (7, None, threading.get_ident())


async def test_an_error_goes_to_who_asked_and_the_next_job_is_done(thread: WriterThread) -> None:
    with pytest.raises(ZeroDivisionError):
        await thread.call(lambda: 1 // 0)
    assert await thread.call(lambda: 1) == 1


async def test_who_goes_away_meanwhile_harms_nobody(thread: WriterThread) -> None:
    gate = threading.Event()
    asking = asyncio.create_task(thread.call(gate.wait))
    await asyncio.sleep(0)
    asking.cancel()
    gate.set()
    assert await thread.call(lambda: 2) == 2
    assert asking.cancelled()


async def test_it_ends_with_its_jobs_done_and_starts_again() -> None:
    thread = WriterThread()
    done: list[int] = []
    for start in (0, 1):
        thread.start()
        thread.start()
        thread.hand(lambda start=start: done.append(start), lambda *_: None)  # type: ignore[misc]
        thread.stop()
        thread.stop()
    assert done == [0, 1]


def test_a_loop_that_is_gone_is_told_nothing() -> None:
    thread = WriterThread()
    gate = threading.Event()
    done: list[bool] = []

    async def hand_in() -> None:
        thread.start()
        thread.hand(lambda: done.append(gate.wait(DEADLINE_S)), lambda *_: None)

    asyncio.run(hand_in())
    gate.set()
    thread.stop()
    assert done == [True]
