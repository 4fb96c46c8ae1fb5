"""What is sent when, without a server."""

from __future__ import annotations

import asyncio

from actors.webhooks.outbox import Due
from actors.webhooks.post import Post
from tests.waiting import until
from vapora.domain.webhook import Webhook

ONE = Due(Webhook("webhook-1", "http://127.0.0.1:9", ("task.*",)), 7, "task.completed", 0)


class Messages:
    """Its second look finds one due that ends while it looks."""

    def __init__(self) -> None:
        self.looks = 0
        self.sent = 0
        self.may_end = asyncio.Event()

    async def look(self, each: int) -> tuple[list[Due], float]:
        self.looks += 1
        if self.looks > 2:
            return [], 60.0
        if self.looks == 2:
            self.may_end.set()
            [sending] = (task for task in asyncio.all_tasks() if task.get_name() == "webhooks:webhook-1:7")
            await asyncio.wait([sending])
        return [ONE], 60.0

    async def deliver(self, one: Due) -> None:
        self.sent += 1
        await self.may_end.wait()


async def test_what_ends_while_it_is_looked_what_is_due_is_not_sent_twice() -> None:
    messages = Messages()
    post = Post(messages)
    post.start()
    await until(lambda: messages.sent == 1)
    post.wake()
    await until(lambda: messages.looks == 3 and not post.is_busy)
    await post.stop()
    assert messages.sent == 1
