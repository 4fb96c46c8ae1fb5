"""The Ray transport: objects live in `Host` actors, found by name, restarted by Ray after a crash.

A host is async, so Ray runs `__init__` in the actor's event loop: residents start by themselves after a restart,
with nobody calling. Ray repeats no call by itself (`max_task_retries=0`); `RayRef` repeats what is safe to.
One packed argument instead of several saves 0.1 ms each.
"""

from __future__ import annotations

import asyncio
import os
import pickle
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from itertools import groupby
from typing import Any

import ray
import structlog
from ray.exceptions import ActorDiedError, ActorUnavailableError, RayActorError

from actors import kinds
from actors.kinds import Placement
from actors.runtime.base import Actor, Address, Builder, host_of, residents
from actors.runtime.local import ClosedError, LocalRuntime
from vapora.backoff import Backoff
from vapora.errors import StoppingError, UnavailableError

NAMESPACE = "vapora"
_PATIENCE_S = 30.0
_DROPS_WITHIN_S = 2.0
_BACKOFF = Backoff(0.05, longest_s=1.0)
# Waiting polls occupy a slot each; Ray's default of 1,000 would let many followers starve an append.
_MAX_CONCURRENCY = 100_000
# What a host answers that is ending: the call did nothing there, and is for the next host of that name.
_LEAVING = b""


@dataclass(frozen=True, slots=True)
class HostConfig:
    """What a host needs to build its objects anywhere in the cluster. `builder`: `module:function`, called with
    `settings`, which returns the `Builder`."""

    builder: str
    settings: Any
    placement: Placement


class RayRuntime:
    """References to actors by address; inside a host, objects of the same host are reached directly."""

    def __init__(self, config: HostConfig, host: Host | None = None) -> None:
        self._config = config
        self._host = host
        # Of each host, `call` under the name that its process is to bear.
        self._calls: dict[str, Any] = {}
        self._journal = structlog.get_logger("runtime")

    def ref(self, address: Address) -> Any:
        name = host_of(address, self._config.placement)
        if self._host is not None and name == self._host.name:
            return self._host.local.ref(address)
        return RayRef(self, address, name)

    async def connect(self, name: str) -> Any:
        """The host's remote method `call`; starts the host if there is none."""
        call = self._calls.get(name)
        if call is None:
            # Looking a name up blocks on the cluster's controller: not in the event loop.
            handle = await asyncio.to_thread(self._find_or_start, name)
            # Ray names a process after the task that it began last.
            call = self._calls[name] = handle.call.options(name=title_of(name))
        return call

    def _find_or_start(self, name: str) -> Any:
        return (
            _actor_class(role_of(name))
            .options(
                name=name,
                namespace=NAMESPACE,
                lifetime="detached",
                get_if_exists=True,
                num_cpus=0,
                max_restarts=-1,
                max_task_retries=0,
                max_concurrency=_MAX_CONCURRENCY,
            )
            .remote(name, self._config)
        )

    def forget(self, name: str) -> None:
        self._calls.pop(name, None)

    async def stop(self, address: Address) -> None:
        name = host_of(address, self._config.placement)
        if self._host is not None and name == self._host.name:
            await self._host.local.stop(address)
            return
        handle = await asyncio.to_thread(find, name)
        if handle is None:
            return
        await handle.stop.remote(str(address))
        if name == str(address):
            ray.kill(handle)
            self.forget(name)

    async def discard(self, address: Address) -> None:
        name = host_of(address, self._config.placement)
        handle = await asyncio.to_thread(find, name)
        if handle is None:
            return
        if name != str(address) and await _answers(handle.drop.remote(str(address))):
            return
        self.forget(name)
        await asyncio.to_thread(ray.kill, handle)

    async def close_cell(self, workspace: str, only: Collection[str] | None = None) -> None:
        for kind in kinds.of_cells(only):
            host = host_of(Address(kind.name, workspace), self._config.placement)
            if kind.resident and host != str(Address(kind.name, workspace)):
                # In one host with others, that go on for now.
                await self._stop_in(host, Address(kind.name, workspace))
            elif kind.resident or self._config.placement == "packed":
                await self._end_anyhow(host)
            else:
                found = await asyncio.to_thread(hosts)
                await asyncio.gather(*map(self._end_anyhow, [one for one in found if one.startswith(f"{host}/")]))
        if only is None and self._config.placement == "packed":
            await self._end_anyhow(f"cell/{workspace}")

    async def _stop_in(self, host: str, address: Address) -> None:
        handle = await asyncio.to_thread(find, host)
        if handle is not None:
            try:
                await handle.stop.remote(str(address))
            except Exception:
                self._journal.exception("did not stop well", actor=str(address))

    async def _end_anyhow(self, name: str) -> None:
        try:
            await self._end(name)
        except Exception:
            self._journal.exception("did not end well", host=name)

    async def shutdown(self) -> None:
        """End every host, one kind after the other, in the table's order."""
        for _, names in groupby(sorted(await asyncio.to_thread(hosts), key=_rank), key=_rank):
            await asyncio.gather(*(self._end(name) for name in names))

    async def _end(self, name: str) -> None:
        handle = await asyncio.to_thread(find, name)
        if handle is None:
            return
        try:
            await handle.shutdown.remote()
        except RayActorError:
            self._journal.warning("was gone before it could stop", host=name)
        ray.kill(handle)
        self.forget(name)


def role_of(host: str) -> str:
    """What a host is, as people know it: `SwarmCoordinator` for `coordinator/default`."""
    return kinds.role_of(host.partition("/")[0])


def title_of(host: str) -> str:
    """Role and name: `Agent default/tester`, `LLMRouter`."""
    return f"{role_of(host)} {host.partition('/')[2]}".strip()


def _rank(name: str) -> int:
    return kinds.stop_rank(name.partition("/")[0])


def find(name: str) -> Any:
    """The running host of that name, or None."""
    try:
        return ray.get_actor(name, namespace=NAMESPACE)
    except ValueError:
        return None


async def _answers(call: Awaitable[Any]) -> bool:
    """Whether a host does so that others live in; where it does not, all of them are as dead."""
    try:
        async with asyncio.timeout(_DROPS_WITHIN_S):
            await call
    except (TimeoutError, RayActorError):
        return False
    return True


def hosts() -> list[str]:
    """Names of the hosts that run now."""
    return [one["name"] for one in ray.util.list_named_actors(all_namespaces=True) if one["namespace"] == NAMESPACE]


class RayRef:
    """Looks like the actor. A call that is safe to repeat outlives a crash of the other side; one that reaches a
    provider does not, and raises `UnavailableError`."""

    def __init__(self, runtime: RayRuntime, address: Address, host: str) -> None:
        self._runtime = runtime
        self._address = address
        self._host_name = host

    def __getattr__(self, method: str) -> Callable[..., Awaitable[Any]]:
        if method.startswith("__"):
            raise AttributeError(method)

        async def call(*args: Any, **kwargs: Any) -> Any:
            packed = pickle.dumps((str(self._address), method, args, kwargs))
            return _unpack(await self._send(packed, repeat=kinds.may_repeat(self._address.kind, method)))

        return call

    async def _send(self, packed: bytes, *, repeat: bool) -> bytes:
        deadline = asyncio.get_running_loop().time() + _PATIENCE_S
        pauses = iter(_BACKOFF)
        while True:
            pause = next(pauses)
            try:
                call = await self._runtime.connect(self._host_name)
                answer: bytes = await call.remote(packed)
                if answer != _LEAVING:
                    return answer
                self._runtime.forget(self._host_name)
                cause, may_repeat = None, True
            except (ActorUnavailableError, ActorDiedError) as error:
                if isinstance(error, ActorDiedError):
                    self._runtime.forget(self._host_name)
                cause, may_repeat = error, repeat
            if not may_repeat or asyncio.get_running_loop().time() + pause > deadline:
                raise UnavailableError(
                    f"{self._address} does not answer.", remedy="It is being restarted; try again."
                ) from cause
            await asyncio.sleep(pause)


def _unpack(answer: bytes) -> Any:
    good, value = pickle.loads(answer)  # noqa: S301 - from our own actors, behind Ray's token
    if not good:
        raise value
    return value


class Host:
    """A process that holds one object or several, as the placement map says.

    In `ps` it is `ray::SwarmCoordinator default`; in Ray's dashboard the class is the role, and the name the address.
    """

    def __init__(self, name: str, config: HostConfig) -> None:
        self.name = name
        # While it has nothing to do, Ray names its process after its class, of which this process has only this one.
        type(self).__name__ = title_of(name)
        module, _, function = config.builder.partition(":")
        make: Callable[[Any], Builder] = getattr(import_module(module), function)
        self.local = LocalRuntime(make(config.settings))
        # Objects see the runtime of the cluster, which comes back to this host for its own residents.
        runtime = RayRuntime(config, host=self)
        self.local.seen_by_actors = runtime
        self._journal = structlog.get_logger(name)
        self._leaving = False
        self._starting = asyncio.ensure_future(self._start_residents())

    async def _start_residents(self) -> None:
        for address in residents(self.name):
            try:
                await self.local.activate(address)
            except Exception:
                # Raised again to whoever calls; an error here would make Ray give the actor up for good.
                self._journal.exception("did not start", actor=str(address))

    async def call(self, packed: bytes) -> bytes:
        name, method, args, kwargs = pickle.loads(packed)  # noqa: S301 - from our own actors, behind Ray's token
        try:
            return pickle.dumps((True, await self.local.call(Address.parse(name), method, args, kwargs)))
        except ClosedError:
            return _LEAVING
        except Exception as error:
            if self._leaving and isinstance(error, StoppingError):
                return _LEAVING
            return _pack_error(error)

    async def stop(self, name: str) -> None:
        await self.local.stop(Address.parse(name))

    async def drop(self, name: str) -> None:
        await self.local.discard(Address.parse(name))

    async def shutdown(self) -> None:
        self._leaving = True
        await self.local.shutdown()

    async def health(self) -> dict[str, Any]:
        return {"pid": os.getpid(), "residents": [str(one) for one in self.local.running()]}

    def __repr__(self) -> str:
        return title_of(self.name)


@cache
def _actor_class(role: str) -> Any:
    return ray.remote(type(role, (Host,), {}))


def _pack_error(error: Exception) -> bytes:
    try:
        packed = pickle.dumps((False, error))
        pickle.loads(packed)  # noqa: S301 - our own bytes: an error that cannot be rebuilt must not fail over there
        return packed
    except Exception:
        return pickle.dumps((False, RuntimeError(f"{type(error).__name__}: {error}")))


__all__ = ["NAMESPACE", "Actor", "Host", "HostConfig", "RayRef", "RayRuntime", "find", "hosts", "role_of", "title_of"]
