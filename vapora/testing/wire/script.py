"""What a fake vendor is told to do, what it was asked, and what it would have billed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import TracebackType
from typing import Any, Literal, Self

from events.money import MicroUsd
from vapora.domain import pricing
from vapora.llm.protocol import Provider, ToolCall, Usage
from vapora.testing.wire.images import input_tokens

GATE_TIMEOUT_S = 20.0


class Fault(StrEnum):
    """How a call can go wrong. The first group is refused before any work, so it is not billed."""

    RATE_LIMITED = "rate-limited"
    OVERLOADED = "overloaded"
    SERVER_ERROR = "server-error"
    AUTHENTICATION = "authentication"
    FORBIDDEN = "forbidden"
    OUT_OF_CREDIT = "out-of-credit"
    CONTEXT_TOO_LONG = "context-too-long"
    INVALID_REQUEST = "invalid-request"
    DROP = "drop"  # the connection closes before any byte of the answer

    DROP_BILLED = "drop-billed"  # the same, but the work was done
    DROP_MIDWAY = "drop-midway"  # half of the answer, then the connection closes
    GARBAGE = "garbage"  # 200, and a body that is not the vendor's

    @property
    def billed(self) -> bool:
        return self in (Fault.DROP_BILLED, Fault.DROP_MIDWAY, Fault.GARBAGE)


@dataclass(frozen=True)
class Raw:
    """A response as it is to be sent: `body` as JSON, a string as it is. The ledger does not know what it costs."""

    body: Any
    status: int = 200
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Behaviour:
    """One answer. `text` None: the fake's own words. `usage` None: bytes / 4, both ways, and an
    image as its vendor counts it at most. `raw` instead of all of it.
    `thoughts`: what the model thought first, in its vendor's form.

    Output tokens never exceed the limit that the request carries, whatever stands here.
    """

    text: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    thoughts: str = ""
    usage: Usage | None = None
    fault: Fault | None = None
    retry_after_s: float | None = None
    delay_s: float = 0.0
    raw: Raw | None = None


@dataclass(frozen=True)
class Received:
    """A request as it came in. `body` is decoded; `body_bytes` is its length; headers are lower-case."""

    provider: Provider
    path: str
    model: str
    stream: bool
    max_output_tokens: int | None
    body: dict[str, Any]
    body_bytes: int
    headers: Mapping[str, str] = field(repr=False)


Script = Behaviour | Callable[[Received], Behaviour]


@dataclass(frozen=True)
class Answer:
    """A successful answer, before a dialect puts it in its vendor's shape. `request`: the body that it answers."""

    call_id: str
    model: str
    text: str
    tool_calls: tuple[ToolCall, ...]
    usage: Usage
    finish: Literal["stop", "length", "tool"]
    thoughts: str
    request: Mapping[str, Any]

    def words(self) -> list[str]:
        """The text in pieces for a stream; joined they are the text."""
        pieces = self.text.split(" ")
        return [piece + " " for piece in pieces[:-1]] + [piece for piece in pieces[-1:] if piece]


def prepare(behaviour: Behaviour, received: Received, call_id: str) -> Answer:
    """Carries out a behaviour within the request's limit on output tokens."""
    limit = received.max_output_tokens or 1_000_000
    text = behaviour.text
    if text is None:
        text = "" if behaviour.tool_calls else f"A fake answer of {received.provider} for {received.model}."
    # Half of a character is text here as well: vendors send it.
    encoded = text.encode(errors="surrogatepass")
    size = len(encoded) + sum(len(call.model_dump_json()) for call in behaviour.tool_calls)
    wanted = behaviour.usage.output_tokens if behaviour.usage else -(-size // 4)
    finish: Literal["stop", "length", "tool"] = "tool" if behaviour.tool_calls else "stop"
    if wanted > limit:
        finish = "length"
        if behaviour.usage is None:
            text = encoded[: limit * 4].decode(errors="ignore")
    counted = input_tokens(received.provider, received.body, received.body_bytes)
    usage = behaviour.usage or Usage(input_tokens=counted, output_tokens=0)
    output = min(limit, wanted)
    usage = usage.model_copy(update={"output_tokens": output, "reasoning_tokens": min(output, usage.reasoning_tokens)})
    return Answer(
        call_id,
        received.model,
        text,
        behaviour.tool_calls,
        usage,
        finish,
        behaviour.thoughts,
        received.body,
    )


@dataclass(frozen=True)
class Bill:
    """One line of the ledger. `answered`: the whole answer was handed to the connection."""

    call_id: str
    provider: Provider
    model: str
    usage: Usage
    microusd: MicroUsd
    answered: bool = False


class Ledger:
    """What the vendors would charge: the truth that a spend cap is checked against. Thread-safe.

    A bill says `answered` when its whole answer is sent, which a caller may notice earlier than the ledger does: wait
    for `deliveries`.
    """

    def __init__(self) -> None:
        self.deliveries = Tally()
        self._lock = threading.Lock()
        self._bills: dict[str, Bill] = {}

    @property
    def bills(self) -> tuple[Bill, ...]:
        with self._lock:
            return tuple(self._bills.values())

    @property
    def billed_microusd(self) -> MicroUsd:
        return MicroUsd(sum(bill.microusd for bill in self.bills))

    def charge(self, provider: Provider, answer: Answer) -> None:
        price = pricing.cost(provider, answer.model, answer.usage)
        with self._lock:
            self._bills[answer.call_id] = Bill(answer.call_id, provider, answer.model, answer.usage, price)

    def charge_texts(self, provider: Provider, model: str, tokens: int, call_id: str) -> None:
        price = pricing.PriceBook().text_rate(provider, model).of_text(tokens)
        usage = Usage(input_tokens=tokens, output_tokens=0)
        with self._lock:
            self._bills[call_id] = Bill(call_id, provider, model, usage, price)

    def delivered(self, call_id: str) -> None:
        with self._lock:
            self._bills[call_id] = replace(self._bills[call_id], answered=True)
        self.deliveries.add()


class Tally:
    """A count that rises in the fake's thread and that a test can wait for."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._count = 0

    @property
    def count(self) -> int:
        return self._count

    def add(self) -> None:
        with self._changed:
            self._count += 1
            self._changed.notify_all()

    def wait_for(self, count: int, timeout_s: float = GATE_TIMEOUT_S) -> None:
        """Blocks until the count is reached; `TimeoutError` if it is not."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._count >= count, timeout_s):
                raise TimeoutError(f"{self._count} of {count} came within {timeout_s} s")

    async def reached(self, count: int, timeout_s: float = GATE_TIMEOUT_S) -> None:
        """`wait_for` without blocking the event loop."""
        await asyncio.to_thread(self.wait_for, count, timeout_s)


class Gate:
    """Holds answers back, so that a test can have N calls in flight and know it. A context manager."""

    def __init__(self, loop: asyncio.AbstractEventLoop, providers: frozenset[Provider]) -> None:
        self.providers = providers
        self._loop = loop
        self._tally = Tally()
        self._permits = asyncio.Semaphore(0)
        self._open = False

    @property
    def arrived(self) -> int:
        """How many calls have come to the gate so far."""
        return self._tally.count

    def wait_for(self, count: int, timeout_s: float = GATE_TIMEOUT_S) -> None:
        """Blocks until `count` calls have arrived; `TimeoutError` if they do not."""
        self._tally.wait_for(count, timeout_s)

    async def arrivals(self, count: int, timeout_s: float = GATE_TIMEOUT_S) -> None:
        """`wait_for` without blocking the event loop."""
        await self._tally.reached(count, timeout_s)

    def release(self, count: int | None = None) -> None:
        """Lets `count` calls through, or from now on every one."""
        self._loop.call_soon_threadsafe(self._let, count)

    def _let(self, count: int | None) -> None:
        if count is None:
            self._open = True
        for _ in range(self.arrived if count is None else count):
            self._permits.release()

    async def passing(self) -> None:
        """Called by the fake in its own loop, once for each call."""
        self._tally.add()
        if not self._open:
            await self._permits.acquire()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
