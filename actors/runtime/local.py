"""The local transport: every object in this process, every call an ordinary await."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from actors.runtime.base import Actor, Address, Builder, Runtime


class LocalRef:
    """Looks like the actor; starts it with the first call."""

    def __init__(self, runtime: LocalRuntime, address: Address) -> None:
        self._runtime = runtime
        self._address = address

    def __getattr__(self, method: str) -> Callable[..., Awaitable[Any]]:
        async def call(*args: Any, **kwargs: Any) -> Any:
            actor = await self._runtime.activate(self._address)
            return await getattr(actor, method)(*args, **kwargs)

        return call


class LocalRuntime:
    """Actors in one process and one event loop: unit tests, simulation, tiny installations."""

    def __init__(self, build: Builder) -> None:
        self._build = build
        self._actors: dict[Address, asyncio.Task[Actor]] = {}
        # Inside a Ray host, objects look for others in the whole cluster.
        self.seen_by_actors: Runtime = self

    def ref(self, address: Address) -> Any:
        return LocalRef(self, address)

    async def activate(self, address: Address) -> Actor:
        """The running actor. Callers that come while it starts wait for the same start."""
        task = self._actors.get(address)
        if task is None:
            task = asyncio.ensure_future(self._start(address))
            self._actors[address] = task
        return await asyncio.shield(task)

    async def _start(self, address: Address) -> Actor:
        try:
            actor = self._build(address, self.seen_by_actors)
            await actor.start()
        except BaseException:
            # A start that failed must not stand in the way of the next try.
            self._actors.pop(address, None)
            raise
        return actor

    def running(self) -> list[Address]:
        return list(self._actors)

    async def stop(self, address: Address) -> None:
        task = self._actors.pop(address, None)
        if task is not None:
            await (await task).stop()

    async def shutdown(self) -> None:
        # Writers last: what the others still have to say must find them there.
        order = ("supervisor", "coordinator", "agent", "router", "budget", "projector", "log")
        for address in sorted(self._actors, key=lambda one: order.index(one.kind)):
            await self.stop(address)
