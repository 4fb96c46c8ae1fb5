"""A real collector of traces in this process: what was sent to it by OTLP."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from oteltap import OtelTapHttpProtobufReceiver, OtelTapHttpProtobufReceiverSettings

from tests.ports import free_port


@dataclass(frozen=True, slots=True)
class Got:
    """A span as it arrived; ids in hexadecimal, `parent` empty where it has none."""

    name: str
    trace: str
    id: str
    parent: str
    kind: int
    failed: bool
    attributes: dict[str, Any]
    links: tuple[tuple[str, str], ...]


def ancestors(trace: dict[str, Got], one: Got) -> list[str]:
    """Names of what a span hangs on, up to what is not in the trace."""
    found = [one.name]
    while one.parent in trace:
        one = trace[one.parent]
        found.append(one.name)
    return found


class Collector:
    """`spans`: all that came, in order, as often as it came."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.spans: list[Got] = []
        self._loop = asyncio.new_event_loop()
        self._up = threading.Event()
        self._over: asyncio.Event | None = None
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._serve()))

    async def _serve(self) -> None:
        self._over = asyncio.Event()
        receiver = OtelTapHttpProtobufReceiver(OtelTapHttpProtobufReceiverSettings(http_port=self.port))
        async with receiver:
            taking = asyncio.ensure_future(self._take(receiver))
            # Whoever streams hears from here on.
            await asyncio.sleep(0)
            self._up.set()
            await self._over.wait()
            taking.cancel()

    async def _take(self, receiver: OtelTapHttpProtobufReceiver) -> None:
        async for span in receiver.stream_traces():
            self.spans.append(_got(span))

    def start(self) -> None:
        self._thread.start()
        assert self._up.wait(60)

    def stop(self) -> None:
        over = self._over
        if over is not None:
            self._loop.call_soon_threadsafe(over.set)
        self._thread.join()
        self._loop.close()

    def trace(self, trace: str) -> dict[str, Got]:
        """The spans of a trace, by their ids."""
        return {one.id: one for one in list(self.spans) if one.trace == trace}


def _got(span: Any) -> Got:
    return Got(
        span.name,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        span.kind,
        span.status.code == 2,
        {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes},
        tuple((one.trace_id.hex(), one.span_id.hex()) for one in span.links),
    )


@contextmanager
def collecting() -> Iterator[Collector]:
    collector = Collector()
    collector.start()
    try:
        yield collector
    finally:
        collector.stop()
