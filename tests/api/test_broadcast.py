"""What many sockets are sent: encoded once, merged where too much is due, and in turns that leave room for requests."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from vapora.api.broadcast import Broadcast, Subscription, merged


def frame(position: int, **row: Any) -> dict[str, Any]:
    row = {"id": "task-1", "position": position, **row}
    return {"position": position, "rows": [{"view": "task", "key": row["id"], "row": row}]}


def broadcast_to(count: int, kept: int = 1_000) -> tuple[Broadcast, list[Subscription]]:
    broadcast = Broadcast(kept)
    subscribers = [Subscription(broadcast) for _ in range(count)]
    broadcast.subscribers.update(subscribers)
    return broadcast, subscribers


async def test_each_seat_is_given_each_frame_and_all_of_them_the_same_text() -> None:
    broadcast, (one, other) = broadcast_to(2)
    for position in (3, 4, 4, 7):
        broadcast.add(frame(position))
    told = [await one.next() for _ in range(3)]
    assert [position for position, _ in told] == [3, 4, 7]
    for position, text in told:
        assert json.loads(text) == frame(position)
        assert (await other.next())[1] is text


async def test_a_seat_that_waits_is_given_what_comes() -> None:
    broadcast, (subscription,) = broadcast_to(1)
    waiting = asyncio.create_task(subscription.next())
    await asyncio.sleep(0)
    broadcast.add(frame(1))
    broadcast.add(frame(2))
    assert (await waiting)[0] == 1
    assert (await subscription.next())[0] == 2


async def test_where_too_much_is_due_a_seat_is_given_all_it_missed_in_one_frame() -> None:
    broadcast, subscribers = broadcast_to(400)
    for position in range(1, 11):
        broadcast.add(frame(position, id=f"task-{position % 3}"))
    told = [await subscription.next() for subscription in subscribers]
    assert {position for position, _ in told} == {10}
    assert len({id(text) for _, text in told}) == 1
    rows = [one["row"] for one in json.loads(told[0][1])["rows"]]
    assert [(row["id"], row["position"]) for row in rows] == [("task-2", 8), ("task-0", 9), ("task-1", 10)]


async def test_rows_of_different_things_are_not_merged() -> None:
    rows = [
        {"view": "task", "key": "a", "row": {"id": "a"}},
        {"view": "project", "key": "a", "row": {"id": "a"}},
        {"view": "budget", "key": "role/a/0", "row": {"id": "a", "scope": "role", "simulated": False}},
        {"view": "budget", "key": "role/a/1", "row": {"id": "a", "scope": "role", "simulated": True}},
    ]
    frames = [{"position": position, "rows": [one]} for position, one in enumerate(rows)]
    assert merged(frames) == {"position": 3, "rows": rows}


async def test_what_else_there_is_to_do_waits_for_a_few_sends_only() -> None:
    broadcast, subscribers = broadcast_to(200)
    given = 0

    async def send(subscription: Subscription) -> None:
        nonlocal given
        while True:
            await subscription.next()
            given += 1

    sending = [asyncio.create_task(send(subscription)) for subscription in subscribers]
    await asyncio.sleep(0)
    for position in (1, 2):
        broadcast.add(frame(position))
    most = 0
    while given < 400:
        before = given
        await asyncio.sleep(0)
        most = max(most, given - before)
    assert most <= 8
    await broadcast.sent()
    for task in sending:
        task.cancel()


async def test_a_seat_that_takes_nothing_is_told_to_come_again_and_holds_up_nobody() -> None:
    broadcast, (stuck, subscription) = broadcast_to(2, kept=2)
    for position in (1, 2, 3):
        broadcast.add(frame(position))
        assert (await subscription.next())[0] == position
        await broadcast.sent()
    assert await stuck.over() == (1013, "Too slow: connect again with after=<the last position you have>.")
    assert broadcast.subscribers == {subscription}
