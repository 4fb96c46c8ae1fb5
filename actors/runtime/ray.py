"""The Ray transport: objects live in `Host` actors, found by name, restarted by Ray after a crash.

A host is async, so Ray runs `__init__` in the actor's event loop: residents start by themselves after a restart,
with nobody calling. Ray repeats no call by itself (`max_task_retries=0`); a `FarRef` repeats what is safe to.
Ray tells where a host's door is, and from then on calls go there directly (`direct.py`); between nodes Ray carries
them unless there is a secret for it, and one packed argument instead of several saves 0.1 ms each.
"""

from __future__ import annotations

import asyncio
import os
import pickle
from collections.abc import Awaitable, Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from itertools import groupby
from pathlib import Path
from typing import Any

import ray
import structlog
from ray.exceptions import RayActorError, RayError

from actors import kinds
from actors.kinds import Placement
from actors.runtime.base import SHARED, Actor, Address, Builder, host_of, process_of, residents
from actors.runtime.direct import DirectLine, Door, DoorAddress
from actors.runtime.lines import Answering, CutError, FarRef, Line
from actors.runtime.local import LocalRuntime
from vapora.errors import ConfigurationError
from vapora.observability import live
from vapora.settings import Settings
from vapora.translation import translated

NAMESPACE = "vapora"
# A host that does not answer is ended with all that is in it: a shard is given more time, for it holds more.
_DROPS_WITHIN_S = 2.0
_SHARD_DROPS_WITHIN_S = 15.0
# Cells that a shard opens at once after a crash.
_CELLS_AT_ONCE = 8
# Waiting polls occupy a slot each; Ray's default of 1,000 would let many followers starve an append.
_MAX_CONCURRENCY = 100_000


@dataclass(frozen=True, slots=True)
class HostConfig:
    """What a host needs to build its objects anywhere in the cluster. `builder`: `module:function`, called in the
    host's process, which returns the `Builder`. `direct`: calls go over a socket where both ends are on one node, or
    know a secret.
    `shards`: how many there are, and `holds`: what each of them holds of the cluster, by the placement of that name.

    Ray keeps all of it in its control store, and may write that to a disk. So it holds no setting, of which some are
    secrets: each host reads its own process's environment, and the files that this names."""

    builder: str
    placement: Placement
    direct: bool = False
    shards: int = 1
    holds: tuple[str, float] | None = None

    @classmethod
    def of(cls, builder: str, settings: Any) -> HostConfig:
        """As the installation's settings say."""
        direct = settings.transport == "direct"
        return cls(builder, settings.placement, direct, settings.shards, settings.shard_holds)

    def host_of(self, address: Address) -> str:
        return host_of(address, self.placement, self.shards)

    def secret(self) -> bytes:
        """That of the direct transport between nodes, as this process has it; empty: there is none."""
        return Settings().transport_secret.get_secret_value().encode() if self.direct else b""

    def demands(self) -> dict[str, Any]:
        """What each process holds for as long as it lives, as Ray's options say it."""
        name, much = (self.holds if self.placement == "shards" else None) or ("num_cpus", 0)
        return {"num_cpus": much} if name == "num_cpus" else {"num_cpus": 0, "resources": {name: much}}


class RayRuntime:
    """References to actors by address; inside a host, objects of the same host are reached directly."""

    def __init__(self, config: HostConfig, host: Host | None = None) -> None:
        self._config = config
        self._host = host
        self._lines: dict[str, asyncio.Task[Line]] = {}
        self._journal = structlog.get_logger("runtime")

    def ref(self, address: Address) -> Any:
        name = self._config.host_of(address)
        if self._host is not None and name == self._host.name:
            return self._host.local.ref(address)
        return FarRef(self, address, name)

    async def connect(self, host: str) -> Line:
        """The line to the host; starts the host if there is none. Callers that come meanwhile share it."""
        loop = asyncio.get_running_loop()
        known = self._lines.get(host)
        # A line belongs to the event loop that made it.
        if known is None or known.get_loop() is not loop:
            known = self._lines[host] = loop.create_task(self._connect(host), name=f"connect {host}")
        if known.done() and not known.cancelled() and known.exception() is None:
            return known.result()
        try:
            return await asyncio.shield(known)
        except BaseException:
            if known.done() and self._lines.get(host) is known:
                del self._lines[host]
            raise

    async def _connect(self, host: str) -> Line:
        # Looking a name up blocks on the cluster's controller: not in the event loop.
        with carrying(sent=False):
            handle = await asyncio.to_thread(self._find_or_start, host)
        # Ray names a process after the task that it began last.
        over_ray = RayLine(handle.call.options(name=title_of(host)))
        if not self._config.direct:
            return over_ray
        with carrying(sent=False):
            door: DoorAddress | None = await handle.door.options(name=title_of(host)).remote()
        if door is None or door.kind != "unix":
            return over_ray
        is_here, secret = door.node == ray.get_runtime_context().get_node_id(), self._config.secret()
        if not is_here and not (door.far and secret):
            return over_ray
        try:
            return await (DirectLine.open(door.path) if is_here else DirectLine.open_far(door.far, secret))
        except ConnectionError as error:
            # Its process has just ended; Ray starts another one.
            raise CutError(str(error), sent=False) from error
        except (OSError, ConfigurationError) as error:
            # One of us sees other files, or knows another secret; or the network lets nothing through there.
            self._journal.info("called over Ray", host=host, why=repr(error))
            return over_ray

    def begin(self, address: Address, method: str, *args: object) -> None:
        """Have it called, in a host that is started where there is none, and wait for nothing of it."""
        packed = pickle.dumps((str(address), method, args, {}, live.carry()), pickle.HIGHEST_PROTOCOL)
        self._find_or_start(self._config.host_of(address)).call.remote(packed)

    def forget(self, host: str, line: Line | None = None) -> None:
        known = self._lines.get(host)
        if known is None or not known.done():
            return
        if line is None or known.cancelled() or known.exception() is not None or known.result() is line:
            del self._lines[host]

    def _find_or_start(self, name: str) -> Any:
        return (
            _actor_class(role_of(name))
            .options(
                name=name,
                namespace=NAMESPACE,
                lifetime="detached",
                get_if_exists=True,
                **self._config.demands(),
                max_restarts=-1,
                max_task_retries=0,
                max_concurrency=_MAX_CONCURRENCY,
            )
            .remote(name, self._config)
        )

    async def stop(self, address: Address) -> None:
        name = self._config.host_of(address)
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
        name = self._config.host_of(address)
        handle = await asyncio.to_thread(find, name)
        if handle is None:
            return
        within_s = _SHARD_DROPS_WITHIN_S if self._config.placement == "shards" else _DROPS_WITHIN_S
        if name != str(address) and await _answers(handle.drop.remote(str(address)), within_s):
            return
        self.forget(name)
        await asyncio.to_thread(ray.kill, handle)

    async def close_cell(self, workspace: str, only: Collection[str] | None = None, *, for_good: bool = False) -> None:
        if self._config.placement == "shards":
            await self._close_in_shard(workspace, only, for_good)
            return
        await self._close_hosts(workspace, only)
        if for_good:
            # With a process for each, no one of them can refuse for the others: who was called while they stopped has
            # begun anew. Without the log nobody begins any more.
            await self._close_hosts(workspace, only)

    async def _close_hosts(self, workspace: str, only: Collection[str] | None) -> None:
        cell, addresses = f"cell/{workspace}", [Address(kind.name, workspace) for kind in kinds.of_cells(only)]
        turns = [(host, list(some)) for host, some in groupby(addresses, key=self._config.host_of)]
        for at, (host, some) in enumerate(turns, 1):
            if host == cell and only is None and at == len(turns):
                # With what is in it still, in order. Polls of who has ended are there for a while, and would start a
                # log again that was stopped alone.
                await self._end_anyhow(cell)
            elif host in (cell, SHARED):
                # In one host with others, that go on for now.
                for address in some:
                    await self._stop_in(host, address)
            else:
                # One host of its kind, or one for each.
                found = [one for one in await asyncio.to_thread(hosts) if f"{one}/".startswith(f"{host}/")]
                await asyncio.gather(*map(self._end_anyhow, found))

    async def _close_in_shard(self, workspace: str, only: Collection[str] | None, for_good: bool) -> None:
        shard = self._config.host_of(Address("log", workspace))
        handle = await asyncio.to_thread(find, shard)
        if handle is not None:
            try:
                await handle.close_cell.remote(workspace, only, for_good)
            except RayActorError:
                self._journal.warning("was gone before its cell could close", host=shard, workspace=workspace)

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
        """End every actor, one kind after the other, in the table's order, and then the hosts."""
        placement = self._config.placement
        # Kinds of several processes stop in turn: agents, then the router, then the budgets that it settles with.
        turns = [
            (process, [kind.name for kind in some])
            for process, some in groupby(kinds.in_stop_order(), key=lambda kind: process_of(kind, placement))
        ]
        # The last ones end with their hosts: polls of who has ended would start a log again that was stopped alone.
        for process, names in turns[:-1]:
            found = [one for one in await asyncio.to_thread(hosts) if one.partition("/")[0] == process]
            await asyncio.gather(*(self._stop_kinds(one, names) for one in found))
        for _, ending in groupby(sorted(await asyncio.to_thread(hosts), key=_rank), key=_rank):
            await asyncio.gather(*(self._end(name) for name in ending))

    async def _stop_kinds(self, name: str, names: Collection[str]) -> None:
        handle = await asyncio.to_thread(find, name)
        if handle is not None:
            try:
                await handle.stop_kinds.remote(names)
            except RayActorError:
                self._journal.warning("was gone before it could stop", host=name)

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


async def _answers(call: Awaitable[Any], within_s: float) -> bool:
    """Whether a host does so that others live in; where it does not, all of them are as dead."""
    try:
        async with asyncio.timeout(within_s):
            await call
    except (TimeoutError, RayActorError):
        return False
    return True


def hosts() -> list[str]:
    """Names of the hosts that run now."""
    return [one["name"] for one in ray.util.list_named_actors(all_namespaces=True) if one["namespace"] == NAMESPACE]


def carrying(*, sent: bool) -> AbstractContextManager[None]:
    """Whatever Ray raises while it looks a host up, starts it or carries a call there is a line that broke, and passes:
    a control store that is just coming back, a worker or a node that has just gone. What an actor itself raises comes
    packed, as an answer."""

    def cut(error: Exception) -> CutError:
        return CutError(f"{type(error).__name__}: {error}", sent=sent)

    # Its core says some of this as a RuntimeError.
    return translated((RayError, RuntimeError, ConnectionError), cut)


class RayLine:
    """A host's remote method `call`, which one argument reaches cheapest."""

    def __init__(self, method: Any) -> None:
        self._method = method

    async def call(self, packed: bytes) -> bytes:
        with carrying(sent=True):
            answer: bytes = await self._method.remote(packed)
        return answer


class Host:
    """A process that holds one object or several, as the placement map says.

    In `ps` it is `ray::SwarmCoordinator default`; in Ray's dashboard the class is the role, and the name the address.
    """

    def __init__(self, name: str, config: HostConfig) -> None:
        self.name = name
        # While it has nothing to do, Ray names its process after its class, of which this process has only this one.
        type(self).__name__ = title_of(name)
        module, _, function = config.builder.partition(":")
        make: Callable[[], Builder] = getattr(import_module(module), function)
        self.local = LocalRuntime(make())
        # Objects see the runtime of the cluster, which comes back to this host for its own residents.
        self._config = config
        self._runtime = RayRuntime(config, host=self)
        self.local.seen_by_actors = self._runtime
        self._journal = structlog.get_logger(name)
        self._answering = Answering(self.local)
        self._door = Door(self._answering.answer)
        self._opening = asyncio.ensure_future(self._open_door())
        self._starting = asyncio.ensure_future(self._start_residents())

    async def _start_residents(self) -> None:
        if self.name.startswith("shard/") and ray.get_runtime_context().was_current_actor_reconstructed:
            await self._resume()
        for address in residents(self.name, self._config.placement):
            await self._start(address)

    async def _start(self, address: Address) -> None:
        try:
            await self.local.activate(address)
        except Exception:
            # Raised again to whoever calls; an error here would make Ray give the actor up for good.
            self._journal.exception("did not start", actor=str(address))

    async def _resume(self) -> None:
        """After a crash: the cells that were open here, as the supervisor knows them. What it did not know yet as open
        it is just opening, or a call of somebody opens it."""
        try:
            known = await self._runtime.ref(Address("supervisor")).parts()
        except Exception:
            # The supervisor asks how each of them is, which starts them as well.
            self._journal.exception("does not know what was open here")
            return
        cells = [parts for parts in known.values() if parts and self._config.host_of(parts[0]) == self.name]
        few = asyncio.Semaphore(_CELLS_AT_ONCE)

        async def resume(parts: list[Address]) -> None:
            async with few:
                for address in parts:
                    await self._start(address)

        await asyncio.gather(*map(resume, cells))

    async def call(self, packed: bytes) -> bytes:
        return await self._answering.answer(packed)

    async def door(self) -> DoorAddress | None:
        """Where this process is called without Ray; None where that does not work here, and Ray carries every call."""
        return await asyncio.shield(self._opening)

    async def _open_door(self) -> DoorAddress | None:
        try:
            path = await self._door.open(Path(_session_folder()) / "v")
        except (OSError, ConfigurationError) as error:
            self._journal.warning("calls go over Ray, which costs more", why=str(error))
            return None
        far = ""
        if secret := self._config.secret():
            try:
                far = await self._door.open_far(ray.util.get_node_ip_address(), secret)
            except (OSError, ConfigurationError) as error:
                self._journal.warning("calls of other nodes go over Ray", why=str(error))
        return DoorAddress("unix", ray.get_runtime_context().get_node_id(), path, far)

    async def stop(self, name: str) -> None:
        await self.local.stop(Address.parse(name))

    async def drop(self, name: str) -> None:
        await self.local.discard(Address.parse(name))

    async def close_cell(self, workspace: str, only: Collection[str] | None, for_good: bool) -> None:
        await self.local.close_cell(workspace, only, for_good=for_good)

    async def stop_kinds(self, names: Collection[str]) -> None:
        await self.local.stop_kinds(names)

    async def shutdown(self) -> None:
        self._answering.leaving = True
        await self.local.shutdown()
        await asyncio.to_thread(live.flush)

    async def health(self) -> dict[str, Any]:
        return {"pid": os.getpid(), "residents": [str(one) for one in self.local.running()]}

    def __repr__(self) -> str:
        return title_of(self.name)


@cache
def _actor_class(role: str) -> Any:
    return ray.remote(type(role, (Host,), {}))


def _session_folder() -> str:
    """Where Ray has its own sockets on this node: removed with the session, and its path is short."""
    node = ray._private.worker._global_node
    return str(node.get_session_dir_path())


__all__ = ["NAMESPACE", "Actor", "Host", "HostConfig", "RayRuntime", "find", "hosts", "role_of", "title_of"]
