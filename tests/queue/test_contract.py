"""What every task queue promises: one suite over the log's own and the one in NATS (C10, M16.4)."""

from __future__ import annotations

import asyncio

from events.ids import task_stream
from tests.queue.conftest import ACK_WAIT_S, MAX_DELIVER, Bench, up
from vapora.queue import TaskOffer

HIGH = "acme.tasks.unit-test.high"
MEDIUM = "acme.tasks.unit-test.medium"


def _now() -> float:
    return asyncio.get_running_loop().time()


async def test_what_is_to_be_done_is_delivered_with_its_subject_and_its_place_in_the_log(bench: Bench) -> None:
    [task_id] = await bench.submit(80)
    [offer] = await bench.take(1)
    [recorded] = await bench.log.read(task_stream(task_id))
    assert (offer.task_id, offer.subject, offer.priority) == (task_id, HIGH, 80)
    assert (offer.position, offer.version, offer.deliveries) == (recorded.position, 1, 1)


async def test_high_priority_comes_first_and_in_one_subject_who_came_first(bench: Bench) -> None:
    low, medium, high, other = await bench.submit(5, 50, 90, 70)
    await bench.depth({HIGH: 2, MEDIUM: 1, "acme.tasks.unit-test.low": 1})
    # Nothing is asked for, but all of it has time to arrive.
    assert await bench.queue.fetch(0, ACK_WAIT_S / 2) == []
    assert [one.task_id for one in await bench.take(4)] == [high, other, medium, low]


async def test_a_fetch_waits_for_the_first_offer(bench: Bench) -> None:
    waiting = asyncio.create_task(bench.queue.fetch(10, 10))
    await asyncio.sleep(0)
    [task_id] = await bench.submit(50)
    assert [one.task_id for one in await waiting] == [task_id]


async def test_a_fetch_of_an_empty_queue_ends_in_time(bench: Bench) -> None:
    began = _now()
    assert await bench.queue.fetch(10, 0.2) == []
    assert 0.15 < _now() - began < 5


async def test_what_was_acknowledged_is_never_delivered_again(bench: Bench) -> None:
    await bench.submit(50, 50)
    first, second = await bench.take(2)
    await bench.queue.ack(first)
    await bench.depth({MEDIUM: 1})
    # The other one comes again, and alone.
    assert [one.task_id for one in await bench.take(1)] == [second.task_id]
    await bench.queue.ack(second)
    await bench.depth({})
    assert await bench.queue.fetch(10, ACK_WAIT_S * 2) == []


async def test_without_an_answer_it_is_delivered_again_and_says_so(bench: Bench) -> None:
    await bench.submit(50)
    [first] = await bench.take(1)
    [second] = await bench.take(1)
    assert (first.deliveries, second.deliveries) == (1, 2)
    assert first.task_id == second.task_id


async def test_not_now_means_later_and_not_before(bench: Bench) -> None:
    await bench.submit(50)
    [offer] = await bench.take(1)
    began = _now()
    await bench.queue.nak(offer, 0.8)
    await bench.take(1)
    assert 0.7 < _now() - began < 5


async def test_saying_not_now_again_and_again_makes_no_dead_letter(bench: Bench) -> None:
    [task_id] = await bench.submit(50)
    for _ in range(MAX_DELIVER * 3):
        [offer] = await bench.take(1)
        assert offer.task_id == task_id
        await bench.queue.nak(offer, 0.01)
    assert await bench.queue.dead_letters() == []


async def test_a_heartbeat_keeps_an_offer_from_being_delivered_again(bench: Bench) -> None:
    await bench.submit(50)
    [offer] = await bench.take(1)
    for _ in range(6):
        await bench.queue.heartbeat(offer)
        assert await bench.queue.fetch(1, ACK_WAIT_S / 2) == []
    await bench.queue.ack(offer)
    await bench.depth({})


async def test_takers_share_the_offers_and_none_is_delivered_to_two(bench: Bench) -> None:
    others = [bench.another() for _ in range(2)]
    for other in others:
        await up(other)
    takers = [bench.queue, *others]
    got: list[list[TaskOffer]] = [[] for _ in takers]

    everybody = asyncio.Barrier(len(takers))

    async def work(number: int) -> None:
        while sum(map(len, got)) < 60:
            for offer in await takers[number].fetch(1, 0.1):
                got[number].append(offer)
                if len(got[number]) == 1:
                    # Each has one in hand at the same time.
                    await everybody.wait()
                await takers[number].ack(offer)

    await asyncio.gather(bench.submit(*[50] * 60), *(work(number) for number in range(len(takers))))
    taken = [offer.task_id for one in got for offer in one]
    assert len(taken) == len(set(taken)) == 60
    assert all(got)
    await bench.depth({})
    for other in others:
        if other is not bench.queue:
            await other.stop()


async def test_what_nobody_answers_for_ends_as_a_dead_letter_and_the_others_go_on(bench: Bench) -> None:
    [task_id] = await bench.submit(90)
    assert await bench.buried() == [task_id]
    [letter] = await bench.queue.dead_letters()
    assert (letter.id, letter.subject, letter.deliveries) == (task_id, HIGH, MAX_DELIVER)
    assert await bench.queue.fetch(10, ACK_WAIT_S * 2) == []

    [other] = await bench.submit(50)
    [offer] = await bench.take(1)
    assert offer.task_id == other
    status = await bench.queue.status()
    assert status.depth == {MEDIUM: 1}
    assert [one.id for one in status.dead_letters] == [task_id]


async def test_a_dead_letter_whose_task_is_put_back_is_delivered_as_if_for_the_first_time(bench: Bench) -> None:
    [task_id] = await bench.submit(50)
    await bench.buried()
    await bench.put_back(task_id)
    [offer] = await bench.take(1)
    assert (offer.task_id, offer.version, offer.deliveries) == (task_id, 2, 1)
    await bench.queue.ack(offer)
    # The old one is over; the coordinator's consumer forgets it.
    await bench.queue.discard(task_id)
    assert await bench.queue.dead_letters() == []
    await bench.depth({})


async def test_a_taker_that_dies_with_what_was_often_put_off_makes_no_dead_letter_of_it(bench: Bench) -> None:
    for times in range(MAX_DELIVER + 2):
        await bench.submit(50)
        for _ in range(times):
            [offer] = await bench.take(1)
            await bench.queue.nak(offer, 0.01)
        await bench.take(1)  # and never answers
        [offer] = await bench.take(1)
        await bench.queue.ack(offer)
    assert await bench.queue.dead_letters() == []


async def test_a_dead_letter_can_be_forgotten(bench: Bench) -> None:
    [task_id] = await bench.submit(50)
    await bench.buried()
    await bench.queue.discard(task_id)
    await bench.queue.discard(task_id)
    assert await bench.queue.dead_letters() == []
    await bench.depth({})


async def test_each_type_and_level_waits_under_its_own_subject(bench: Bench) -> None:
    await bench.submit(50, task_type="code-generation")
    await bench.submit(50, 90)
    await bench.depth({"acme.tasks.code-generation.medium": 1, HIGH: 1, MEDIUM: 1})


async def test_an_offer_that_was_put_off_may_still_be_acknowledged(bench: Bench) -> None:
    await bench.submit(50)
    [offer] = await bench.take(1)
    await bench.queue.nak(offer, 0.5)
    await bench.queue.ack(offer)
    await bench.depth({})
    assert await bench.queue.fetch(10, 0.8) == []
