"""A cell in one process for the tests of its actors: a real log with its writer, a clock that goes where it is put,
a model that answers as it is told, and a log that does not answer, or not any more."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, TypeVar

from actors.budget_manager import BudgetManager
from actors.log_writer import LogWriter
from events import DomainEvent, Recorded
from events.budget import Charge
from events.ids import LEDGER, Provider
from tests.waiting import DEADLINE_S
from vapora.clock import Clock
from vapora.domain import budget
from vapora.domain.budget import Ledger, ReserveSpend
from vapora.errors import UnavailableError
from vapora.llm.protocol import Capabilities, Frame, ModelAnswer, ModelRequest, TextDelta, Usage
from vapora.llm.rehearsal import RehearsalClient
from vapora.log.client import LogClient
from vapora.log.memory import MemoryLog
from vapora.ports import LogWriterPort, Origin
from vapora.records import Append, AppendResult, Batch, StoredRecord
from vapora.testing.clock import NOON as NOON
from vapora.testing.clock import VirtualClock

MovableClock = VirtualClock

WORKSPACE = "acme"
ORIGIN = Origin(WORKSPACE, "tester", "cor-1")
_TURNS = 1_000
MANY = Usage(input_tokens=1_000, output_tokens=500)

Event = TypeVar("Event", bound=DomainEvent)


class Line:
    """The way to a log writer. It can be cut for some appends, before or after they take effect, or while they are on
    their way (`arrive` brings them), or go dead for good after a number of them, as it looks to somebody who is killed.
    """

    def __init__(self, writer: LogWriterPort) -> None:
        self._writer = writer
        # For each of the next appends: "before", "after", "late" (while it is on its way), or "" to let it through.
        self.cut: deque[str] = deque()
        self.late: list[Sequence[Append]] = []
        self.appends = 0
        self.dies_after: int | None = None
        self.dead = asyncio.Event()

    async def append(self, requests: Sequence[Append]) -> list[AppendResult]:
        how = self.cut.popleft() if self.cut else ""
        if self.dead.is_set():
            await asyncio.get_running_loop().create_future()
        if how == "late":
            self.late.append(requests)
        if how in ("before", "late"):
            raise UnavailableError("cut")
        results = await self._writer.append(requests)
        self.appends += 1
        if self.dies_after is not None and self.appends >= self.dies_after:
            self.dead.set()
            await asyncio.get_running_loop().create_future()
        if how == "after":
            raise UnavailableError("cut")
        return results

    async def arrive(self) -> None:
        """What is late comes to the writer, which answers nobody any more."""
        for requests in self.late:
            await self._writer.append(requests)

    async def read(self, stream: str, after: int = 0, limit: int = 10_000) -> list[StoredRecord]:
        return await self._writer.read(stream, after, limit)

    async def pick(self, positions: Sequence[int]) -> list[StoredRecord]:
        return await self._writer.pick(positions)

    async def poll(self, after: int, limit: int = 1_000, timeout_s: float = 10, topics: Sequence[str] = ()) -> Batch:
        return await self._writer.poll(after, limit, timeout_s, topics)

    async def head(self) -> int:
        return await self._writer.head()

    async def health(self) -> dict[str, Any]:
        return await self._writer.health()


@asynccontextmanager
async def log_writer(clock: Clock) -> AsyncIterator[LogWriter]:
    memory = MemoryLog(WORKSPACE, clock)
    writer = LogWriter(lambda: memory)
    await writer.start()
    yield writer
    await writer.stop()


async def everything(log: LogClient) -> list[Recorded]:
    polled = await log.poll(0, 10_000, 0)
    return list(polled.events)


async def of_kind(log: LogClient, kind: type[Event]) -> list[Event]:
    return [one.event for one in await everything(log) if isinstance(one.event, kind)]


async def seen(
    log: LogClient, kind: type[DomainEvent], count: int = 1, timeout_s: float = DEADLINE_S
) -> list[Recorded]:
    """Wait until the log holds so many events of a kind."""
    found: list[Recorded] = []
    position = 0
    async with asyncio.timeout(timeout_s):
        while len(found) < count:
            polled = await log.poll(position, 1_000, 5, (kind.TOPIC,))
            found += polled.events
            position = polled.position
    return found


async def passed(condition: Callable[[], bool], timeout_s: float = DEADLINE_S) -> None:
    """Give others their turn until it holds."""
    async with asyncio.timeout(timeout_s):
        for turn in itertools.count():
            if condition():
                return
            # Whatever takes longer waits for something outside, which needs the processor as well.
            await asyncio.sleep(0 if turn < _TURNS else 0.005)


async def ledger_of(log: LogClient) -> Ledger:
    """What a fresh fold of the log makes of the ledger."""
    ledger = budget.initial()
    for recorded in await log.read(LEDGER):
        budget.evolve(ledger, recorded.event)
    return ledger


def charge(number: int = 0, role: str = "developer", task: str | None = None) -> Charge:
    task_id = task or f"t{number}"
    return Charge(
        project_id="p", task_id=task_id, run_id=f"{task_id}.1", agent_id=role, role=role, task_type="code-generation"
    )


def wish(call_id: str, amount: int, *, attempt: int = 1, at: datetime = NOON, **fields: Any) -> ReserveSpend:
    values: dict[str, Any] = {
        "call_id": call_id,
        "attempt": attempt,
        "charge": charge(),
        "provider": Provider.OPENAI,
        "model": "gpt-6.1-terra",
        "amount_microusd": amount,
        "cheap_chain": False,
        "simulated": False,
        "expires_at": at + timedelta(minutes=3),
    }
    return ReserveSpend(**{**values, **fields})


def manager(log: LogClient, clock: Clock, patience_s: float = 20) -> BudgetManager:
    return BudgetManager(log, WORKSPACE, clock, patience_s=patience_s)


Script = ModelAnswer | Exception


class ScriptedClient:
    """A model that keeps what it is asked, and answers what it is told to: next an answer or an error, else `usage`.

    While `gate` is closed its answers wait. It sizes requests as the rehearsal does.
    """

    simulated = False

    def __init__(self, provider: Provider, usage: Usage = MANY) -> None:
        self.provider = provider
        self.usage = usage
        self.requests: list[ModelRequest] = []
        self.script: deque[Script] = deque()
        self.gate = asyncio.Event()
        self.gate.set()
        self.answers: int | None = None  # how many it gives before it falls silent; None: no end
        self.closed = False
        self._sizes = RehearsalClient(provider)
        self.measured: list[ModelRequest] = []

    async def complete(self, request: ModelRequest) -> ModelAnswer:
        self.requests.append(request)
        if self.answers is not None and len(self.requests) > self.answers:
            await asyncio.get_running_loop().create_future()
        await self.gate.wait()
        said = self.script.popleft() if self.script else self.answer(f"answer {len(self.requests)}")
        if isinstance(said, Exception):
            raise said
        return said

    async def asked(self, times: int) -> None:
        await passed(lambda: len(self.requests) >= times)

    def answer(self, text: str) -> ModelAnswer:
        return ModelAnswer(text=text, usage=self.usage, finish="stop", model="any")

    async def stream(self, request: ModelRequest) -> AsyncIterator[TextDelta | ModelAnswer]:
        yield await self.complete(request)

    def request_bytes(self, request: ModelRequest) -> int:
        return self._sizes.request_bytes(request)

    def wire(self, model: str) -> str:
        return self._sizes.wire(model)

    def said_bytes(self, request: ModelRequest) -> int:
        self.measured.append(request)
        return self._sizes.said_bytes(request)

    def frame_bytes(self, frame: Frame) -> int:
        return self._sizes.frame_bytes(frame)

    async def ping(self) -> None:
        return None

    async def capabilities(self, model: str) -> Capabilities:
        return Capabilities(tools=True)

    async def aclose(self) -> None:
        self.closed = True
