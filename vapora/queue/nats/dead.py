"""Dead letters in NATS: the server notes in a stream what it gave up, and the offer itself stays in the queue's stream.

So nothing is lost if nobody is there when it happens.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError as NotInStreamError
from pydantic_core import from_json

from vapora.errors import UnavailableError
from vapora.queue.base import DeadLetter, TaskOffer
from vapora.queue.nats.link import NatsLink
from vapora.queue.nats.names import Names

# More of them than anybody reads; the oldest are shown, and after them the next.
_MOST = 1_000


@dataclass(frozen=True, slots=True)
class _Found:
    """`note`: where the server's note of it stands, `sequence`: where the offer itself does."""

    note: int
    sequence: int
    deliveries: int
    offer: TaskOffer


class DeadLetters:
    def __init__(self, link: NatsLink, names: Names) -> None:
        self._link = link
        self._names = names

    async def all(self) -> list[DeadLetter]:
        """The oldest first, one for each task."""
        letters: dict[str, DeadLetter] = {}
        async for one in self._find():
            letters[one.offer.task_id] = _letter(one)
        return list(letters.values())

    async def discard(self, task_id: str) -> None:
        async for one in self._find():
            if one.offer.task_id == task_id:
                await self._remove(one)

    async def _find(self) -> AsyncIterator[_Found]:
        note = 0
        for _ in range(_MOST):
            told = await self._message(self._names.dead, note + 1, following=True)
            if told is None or told.seq is None:
                return
            note = told.seq
            body = from_json(told.data or b"{}")
            sequence = int(body["stream_seq"])
            kept = await self._message(self._names.tasks, sequence)
            if kept is None:
                # Answered after all, or forgotten: the note is of no more use.
                await self._delete(self._names.dead, note)
                continue
            yield _Found(note, sequence, int(body["deliveries"]), TaskOffer(**from_json(kept.data or b"{}")))

    async def _remove(self, one: _Found) -> None:
        await self._delete(self._names.tasks, one.sequence)
        await self._delete(self._names.dead, one.note)

    async def _message(self, stream: str, sequence: int, following: bool = False) -> RawStreamMsg | None:
        """The message there, or if `following` the first one from there on."""
        try:
            if following:
                return await self._link.call(lambda js: js.get_msg(stream, sequence, subject=">", next=True))
            return await self._link.call(lambda js: js.get_msg(stream, sequence))
        except NotInStreamError:
            return None

    async def _delete(self, stream: str, sequence: int) -> None:
        try:
            await self._link.call(lambda js: js.delete_msg(stream, sequence))
        except NotInStreamError:
            return
        except UnavailableError:
            # Deleted by somebody else meanwhile: the server calls that a failure too.
            if await self._message(stream, sequence) is not None:
                raise


def _letter(one: _Found) -> DeadLetter:
    return DeadLetter(one.offer.task_id, one.offer.subject, one.offer.position, one.deliveries)
