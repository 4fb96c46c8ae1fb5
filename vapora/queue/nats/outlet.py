"""What the relay writes into NATS: offers, and the mirror of the log. Each stream itself says how far it has come.

Offers: after them, a message on a subject of its own says up to which position the log was offered. It is replaced by
the next one, and no consumer takes it. The mirror: its last message is the checkpoint. Each message names the sequence
that it expects before it, so that a mirror has no gap and nothing twice, however late a try is repeated and whoever
else writes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

from nats.aio.client import Client
from nats.js.api import Header, RawStreamMsg, StreamInfo
from nats.js.errors import NotFoundError as NotInStreamError

from events import Recorded
from vapora.domain.offers import Offer
from vapora.errors import UnavailableError
from vapora.observability import live
from vapora.queue.nats.link import NatsLink
from vapora.queue.nats.messages import Letter, letter_of, publish
from vapora.queue.nats.names import Names, make_mirror, make_queue
from vapora.queue.nats.options import NatsOptions
from vapora.views import EventView

POSITION = "Vapora-Position"
# What a message needs beside its content; servers take 1 MiB in all unless told otherwise.
_HEADERS_BYTES = 4_096

_NO_TRACES: Mapping[int, str] = {}


class NatsOutlet:
    """One workspace's. `connection` changes when what was known of the streams must be read again."""

    def __init__(self, options: NatsOptions, workspace: str) -> None:
        self._names = Names(workspace)
        self._link = NatsLink(options, f"vapora relay {workspace}", self._begin)

    @property
    def connection(self) -> int:
        return self._link.number if self._link.connected else 0

    @property
    def mirror_name(self) -> str:
        return self._names.events

    @property
    def problem(self) -> str | None:
        return self._link.problem

    async def start(self) -> None:
        await self._link.start()

    async def stop(self) -> None:
        await self._link.stop()

    async def wait(self, timeout_s: float) -> bool:
        return await self._link.wait(timeout_s)

    async def offered(self) -> int:
        """Up to which position tasks were offered; 0 where the stream is new."""
        last = await self._last(self._names.tasks, self._names.checkpoint)
        return int(last.data or b"0") if last else 0

    async def offer(self, offers: Sequence[Offer], position: int, traces: Mapping[int, str] = _NO_TRACES) -> None:
        """Offers up to `position`, and then the word that it is so. `traces`: the header `traceparent` of offers, by
        their positions, where it is known."""
        letters = [letter_of(one) for one in offers]
        for one, letter in zip(offers, letters, strict=True):
            if one.position in traces:
                letter.headers[live.TRACEPARENT] = traces[one.position]
        await publish(self._link, letters)
        checkpoint = Letter(
            self._names.checkpoint, str(position).encode(), f"offered:{position}", {"Nats-Rollup": "sub"}
        )
        await publish(self._link, [checkpoint])

    async def mirrored(self) -> tuple[int, int]:
        """The position of the last event in the mirror, and the sequence of its message; zeros where it is new."""
        sequence = (await self._info()).state.last_seq
        last = await self._last(self._names.events, self._names.event(">"))
        return (int((last.headers or {})[POSITION]) if last else 0), sequence

    async def mirror(self, events: Sequence[Recorded], sequence: int) -> int:
        """Append events behind the message `sequence`; the sequence of the last one."""
        most = self._link.client.max_payload - _HEADERS_BYTES
        letters = [self._letter(recorded, sequence + number, most) for number, recorded in enumerate(events)]
        await publish(self._link, letters)
        return sequence + len(letters)

    def forget(self) -> None:
        """Something is not as it should be: begin with another connection, which makes the streams where they are
        gone."""
        with suppress(UnavailableError):
            self._link.drop(self._link.client)

    # --- parts ---

    async def _begin(self, client: Client) -> None:
        js = client.jetstream()
        await make_queue(js, self._names)
        await make_mirror(js, self._names)

    def _letter(self, recorded: Recorded, after: int, most: int) -> Letter:
        data = EventView.of(recorded).model_dump_json().encode()
        headers = {POSITION: str(recorded.position), Header.EXPECTED_LAST_SEQUENCE.value: str(after)}
        if (trace := live.traceparent_of(recorded.correlation, recorded.request_id)) is not None:
            headers[live.TRACEPARENT] = trace
        if len(data) > most:
            # The envelope alone: who needs the content reads it from the log, by its position.
            data = EventView.of(recorded, whole=False).model_dump_json().encode()
            headers["Vapora-Too-Large"] = "true"
        id_ = f"{recorded.stream}:{recorded.version}"
        return Letter(self._names.event(recorded.topic), data, id_, headers)

    async def _last(self, stream: str, subject: str) -> RawStreamMsg | None:
        try:
            return await self._link.call(lambda js: js.get_last_msg(stream, subject))
        except NotInStreamError:
            return None

    async def _info(self) -> StreamInfo:
        try:
            return await self._link.call(lambda js: js.stream_info(self._names.events))
        except NotInStreamError as error:
            self.forget()
            raise UnavailableError("The mirror is gone.", remedy="It is made again by itself.") from error
