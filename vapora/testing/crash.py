"""Actors in one process that die as if by kill -9, for tests of what a crash leaves.

A killed actor loses what it held in memory, its tasks end wherever they stand, its `stop` is not called, and calls
that are in flight to it get no answer. What it sent out before goes on elsewhere, as it would between processes. A
transaction that one of its threads is in may still commit, as one would just before the kill; what the dead object
tries after that, the log's epoch refuses. The next call to the address starts a new actor from the log; without one
it is started all the same a moment later, as Ray starts its hosts again.
"""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Awaitable, Callable, Collection
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass, field
from typing import Any, Literal

from actors.kinds import may_repeat
from actors.runtime.base import Actor, Address, Builder
from actors.runtime.local import LocalRuntime
from vapora.backoff import Backoff
from vapora.errors import UnavailableError

# As Ray's references have it, but for the first pause: nothing has to be forked here.
_PATIENCE_S = 30.0
_BACKOFF = Backoff(0.01, longest_s=1.0)
_REVIVED_AFTER_S = 0.01

# `arrived`: not carried out yet; `done`: carried out, but the caller does not know; `answered`: on its way back.
Stage = Literal["arrived", "done", "answered"]


@dataclass(frozen=True, slots=True)
class KillPoint:
    """A point in a call at which somebody may be killed. `answer` is None before the call is done, or if it failed."""

    address: Address
    method: str
    stage: Stage
    args: tuple[Any, ...]
    answer: Any = None


class GoneError(Exception):
    """The actor died, or did not come up, before it answered."""


@dataclass(eq=False, slots=True)
class _Life:
    """One actor from its start to its end, and everything that ends with it."""

    address: Address
    context: Context = field(default_factory=Context)
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    calls: set[asyncio.Future[Any]] = field(default_factory=set)
    starting: asyncio.Task[Actor] | None = None
    dead: bool = False


_LIFE: ContextVar[_Life | None] = ContextVar("life", default=None)


class CrashableRuntime(LocalRuntime):
    """`kill` ends an actor; `watch` (if set) is told every moment of every call, and may kill from within.

    Takes the running event loop's task factory, to know whose each task is: one such runtime or several in a loop,
    and no other user of the factory.
    """

    def __init__(self, build: Builder, watch: Callable[[KillPoint], None] | None = None) -> None:
        super().__init__(lambda address, _: build(address, _View(self, _LIFE.get())))
        self.watch = watch
        self.killed: list[Address] = []
        self._lives: dict[Address, _Life] = {}
        self._graves: set[asyncio.Task[Any]] = set()

    def ref(self, address: Address) -> Any:
        return CrashableRef(self, address, None)

    def kill(self, address: Address) -> Actor | None:
        """End the actor at once; what is left of the object, or None where it had not started."""
        life = self._lives.pop(address, None)
        if life is None:
            return None
        self._actors.pop(address, None)
        self.killed.append(address)
        life.dead = True
        asyncio.get_running_loop().call_later(_REVIVED_AFTER_S, self._revive, address, context=Context())
        for answer in list(life.calls):
            if not answer.done():
                answer.set_exception(GoneError(f"{address} was killed."))
        for task in list(life.tasks):
            self._bury(task)
        _hang_up(life)
        starting = life.starting
        well = starting is not None and starting.done() and not starting.cancelled() and not starting.exception()
        return starting.result() if well and starting is not None else None

    async def discard(self, address: Address) -> None:
        self.kill(address)

    async def activate(self, address: Address) -> Actor:
        return await self._started(self._enter(address))

    async def stop(self, address: Address) -> None:
        # In nobody's name: what was asked for is done, even if the one who asked dies meanwhile.
        self._lives.pop(address, None)
        await asyncio.shield(asyncio.get_running_loop().create_task(super().stop(address), context=Context()))

    async def shutdown(self) -> None:
        await super().shutdown()
        if self._graves:
            await asyncio.wait(list(self._graves))

    async def send(self, address: Address, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """One call, carried out in the life of the actor, so that it goes on if its caller dies. Values are copied,
        as they are between processes."""
        life = self._enter(address)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(_retrieve)
        life.calls.add(answer)
        serving = self._serve(life, method, pickle.dumps((args, kwargs)), answer)
        asyncio.get_running_loop().create_task(serving, context=life.context.copy())
        try:
            return await asyncio.shield(answer)
        finally:
            life.calls.discard(answer)

    @property
    def closed(self) -> bool:
        return self._closed

    def _revive(self, address: Address) -> None:
        if not self._closed:
            self._enter(address)

    def _enter(self, address: Address) -> _Life:
        life = self._lives.get(address)
        if life is None:
            loop = asyncio.get_running_loop()
            loop.set_task_factory(_note_owner)
            life = self._lives[address] = _Life(address)
            life.context.run(_LIFE.set, life)
            life.starting = loop.create_task(super().activate(address), context=life.context.copy())
        return life

    async def _started(self, life: _Life) -> Actor:
        assert life.starting is not None
        await asyncio.wait([life.starting])
        if life.starting.cancelled():
            raise GoneError(f"{life.address} was killed while it started.")
        if life.starting.exception() is not None and self._lives.get(life.address) is life:
            del self._lives[life.address]  # the next call tries again
        return life.starting.result()

    async def _serve(self, life: _Life, method: str, packed: bytes, answer: asyncio.Future[Any]) -> None:
        args, kwargs = pickle.loads(packed)  # noqa: S301 - our own bytes
        try:
            actor = await self._started(life)
            self._tell(KillPoint(life.address, method, "arrived", args))
            await asyncio.sleep(0)  # where it was killed at that moment, it does nothing any more
            value = await getattr(actor, method)(*args, **kwargs)
            self._tell(KillPoint(life.address, method, "done", args, value))
            if not answer.done():
                answer.set_result(pickle.loads(pickle.dumps(value)))  # noqa: S301 - our own bytes
                self._tell(KillPoint(life.address, method, "answered", args, value))
        except Exception as error:  # the caller's, whatever it is
            if not answer.done():
                answer.set_exception(error)

    def _tell(self, moment: KillPoint) -> None:
        if self.watch is not None:
            self.watch(moment)

    def _bury(self, task: asyncio.Task[Any]) -> None:
        task.cancel()
        self._graves.add(task)
        task.add_done_callback(self._graves.discard)


class CrashableRef:
    """Looks like the actor. Calls that are safe to repeat outlive its crash, as `FarRef` has it. `holder` calls."""

    def __init__(self, runtime: CrashableRuntime, address: Address, holder: _Life | None) -> None:
        self._runtime = runtime
        self._address = address
        self._holder = holder

    def __getattr__(self, method: str) -> Callable[..., Awaitable[Any]]:
        if method.startswith("__"):
            raise AttributeError(method)

        async def call(*args: Any, **kwargs: Any) -> Any:
            return await self._send(method, args, kwargs)

        return call

    async def _send(self, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _PATIENCE_S
        repeat = may_repeat(self._address.kind, method)
        pauses = iter(_BACKOFF)
        while True:
            pause = next(pauses)
            if self._holder is not None and self._holder.dead:
                raise asyncio.CancelledError  # the dead say nothing
            try:
                return await self._runtime.send(self._address, method, args, kwargs)
            except GoneError as error:
                if not repeat or self._runtime.closed or loop.time() + pause > deadline:
                    raise UnavailableError(
                        f"{self._address} does not answer.", remedy="It is being restarted; try again."
                    ) from error
            await asyncio.sleep(pause)


class _View:
    """The runtime as one actor sees it."""

    def __init__(self, runtime: CrashableRuntime, holder: _Life | None) -> None:
        self._runtime: CrashableRuntime = runtime
        self._holder = holder

    def ref(self, address: Address) -> Any:
        return CrashableRef(self._runtime, address, self._holder)

    async def stop(self, address: Address) -> None:
        await self._runtime.stop(address)

    async def discard(self, address: Address) -> None:
        await self._runtime.discard(address)

    async def close_cell(self, workspace: str, only: Collection[str] | None = None, *, for_good: bool = False) -> None:
        await self._runtime.close_cell(workspace, only, for_good=for_good)

    async def shutdown(self) -> None:
        await self._runtime.shutdown()


def _note_owner(loop: asyncio.AbstractEventLoop, work: Any, **how: Any) -> asyncio.Task[Any]:
    """Every task belongs to the life in whose context it was made; the dead begin nothing."""
    given = how.get("context")
    # An empty context, which is nobody's, is false too.
    life = (copy_context() if given is None else given).get(_LIFE)
    task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **how)
    if life is not None:
        life.tasks.add(task)
        task.add_done_callback(life.tasks.discard)
        if life.dead:
            task.cancel()
    return task


def _hang_up(life: _Life) -> None:
    """A process that ends closes its sockets, and whoever is at their other end notices at once.

    A socket is somebody's in whose context it was opened. asyncio keeps that for itself, and so does its loop with the
    sockets: this needs the loop that is its default on Unix.
    """
    selector: Any = asyncio.get_running_loop()._selector  # type: ignore[attr-defined]
    for key in list(selector.get_map().values()):
        for handle in filter(None, key.data):
            transport = getattr(handle._callback, "__self__", None)
            if handle._context.get(_LIFE) is life and isinstance(transport, asyncio.Transport):
                transport.abort()


def _retrieve(answer: asyncio.Future[Any]) -> None:
    """Whoever asked may be dead: an error that nobody hears is no fault."""
    if not answer.cancelled():
        answer.exception()


__all__ = ["CrashableRef", "CrashableRuntime", "GoneError", "KillPoint", "Stage"]
