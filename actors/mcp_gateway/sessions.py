"""The sessions with servers from outside, one for each server of a workspace: begun when they are needed, ended when
nobody uses them, and begun anew when what they were begun with has changed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from actors.follower import Ticker
from actors.reach import Reach, RefusedAddressError
from actors.secrets import SecretReader
from events.tool_server import HttpTransport, StdioTransport, ToolServerSet
from vapora.errors import ConfigurationError
from vapora.mcp.values import Told
from vapora.private_dirs import make_private
from vapora.sandbox.choice import Wish, choose
from vapora.sandbox.sandbox import Sandbox
from vapora.sandbox.values import Command, Limits, Room

if TYPE_CHECKING:
    from vapora.mcp.session import Connection, Session

_IDLE_S = 600.0
_SWEEP_S = 30.0
_SECRETS_S = 30.0
# What is shorter may be a word that stands anywhere.
_LEAST_HIDDEN = 6
# No output bound: what is written is read by the session, which has its own.
_LIMITS = Limits()

Key = tuple[str, str]


@dataclass(slots=True)
class _Open:
    """`values`: the secrets that it was begun with, by name; `versions`: which ones."""

    server: ToolServerSet
    session: Session
    values: dict[str, str] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    looked_at: float = 0.0


class Sessions:
    """`folder(workspace, server)`: where a process has its home. `hidden`: folders that no server may be given.
    `reach`: which addresses a server may have; without it those of the world outside, by https. `secrets_s`: how often
    it is looked whether a secret has another value."""

    def __init__(
        self,
        secrets: SecretReader,
        folder: Callable[[str, str], Path],
        sandbox: Wish,
        hidden: tuple[Path, ...] = (),
        secrets_s: float = _SECRETS_S,
        reach: Reach | None = None,
    ) -> None:
        self._reach = reach or Reach(())
        self._secrets = secrets
        self._folder = folder
        self._wish = sandbox
        self._secrets_s = secrets_s
        self._hidden = tuple(one.resolve() for one in hidden)
        self._open: dict[Key, _Open] = {}
        self._sandbox: Sandbox | None = None
        self._choosing = asyncio.Lock()
        self._ticker = Ticker("mcp_gateway", self._sweep, _SWEEP_S)

    def start(self) -> None:
        self._ticker.start()

    async def stop(self) -> None:
        await self._ticker.stop()
        await asyncio.gather(*(one.session.stop() for one in self._open.values()))
        self._open.clear()
        await self._secrets.close()

    def told(self) -> dict[str, Told]:
        return {"/".join(key): one.session.told for key, one in self._open.items()}

    async def of(self, workspace: str, server: ToolServerSet) -> Session:
        """The session of an enabled server, as it is defined now."""
        key = (workspace, server.server_id)
        known = self._open.get(key)
        if known is not None and (not _alike(known.server, server) or await self._has_new_secret(workspace, known)):
            await self.end(workspace, server.server_id)
            known = self._open.get(key)
        if known is None:
            # The SDK is imported with the first session, and not by those who only call the gateway.
            from vapora.mcp.session import Session

            opened = _Open(server, None)  # type: ignore[arg-type]
            opened.session = Session(
                "/".join(key),
                lambda: self._connect(workspace, opened),
                protocol=server.protocol,
                expected=server.expected_tools,
                hide=lambda text: self.without_secrets(workspace, server.server_id, text),
            )
            self._open[key] = known = opened
        known.server = server
        return known.session

    async def keep(self, workspace: str, servers: Mapping[str, ToolServerSet]) -> None:
        """Ends those of servers that are gone, or are not enabled any more."""
        gone = [one for at, one in self._open if at == workspace and (one not in servers or not servers[one].enabled)]
        for server_id in gone:
            await self.end(workspace, server_id)

    async def end(self, workspace: str, server_id: str) -> None:
        known = self._open.pop((workspace, server_id), None)
        if known is not None:
            await known.session.stop()

    def without_secrets(self, workspace: str, server_id: str, text: str) -> str:
        """What a server says of the secrets that it was given stands in no log."""
        known = self._open.get((workspace, server_id))
        for name, value in known.values.items() if known is not None else ():
            if len(value) >= _LEAST_HIDDEN:
                text = text.replace(value, f"[secret {name}]")
        return text

    async def _sweep(self) -> None:
        now = time.monotonic()
        for (workspace, server_id), one in list(self._open.items()):
            if now - one.session.used_at > _IDLE_S:
                await self.end(workspace, server_id)

    # Connecting.

    async def _connect(self, workspace: str, opened: _Open) -> Connection:
        transport = opened.server.transport
        if isinstance(transport, StdioTransport):
            return await self._process(workspace, opened, transport)
        if not isinstance(transport, HttpTransport):
            raise ConfigurationError("A server that is built in is not connected to.")
        url = urlsplit(transport.url)
        # Before a secret is read for it; and again before each request.
        await self._pinned(url.scheme, url.hostname or "", url.port)
        names = dict(transport.secrets)
        headers = dict(transport.headers) | await self._values(workspace, opened, names)
        if transport.bearer:
            found = await self._values(workspace, opened, {"Authorization": transport.bearer})
            headers["Authorization"] = f"Bearer {found['Authorization']}"
        from vapora.mcp.http import Remote

        return Remote(transport.url, headers, self._pinned)

    async def _pinned(self, scheme: str, host: str, port: int | None) -> str:
        try:
            return await self._reach.checked(scheme, host, port)
        except RefusedAddressError as error:
            raise ConnectionError(
                f"No server of tools can be reached there: {error}. "
                "Name a public https address, or have the operator allow its network in VAPORA_TOOL_SERVER_ALLOW."
            ) from None

    async def _process(self, workspace: str, opened: _Open, transport: StdioTransport) -> Connection:
        from vapora.mcp.pipe import Process

        sandbox = await self._chosen()
        home = self._folder(workspace, opened.server.server_id)
        work = home / "work"
        await asyncio.to_thread(make_private, work)
        variables = dict(transport.variables) | await self._values(workspace, opened, transport.secrets)
        room = Room(work, home, read_only=self._shared(transport.read), writable=self._shared(transport.write))
        return Process(sandbox, room, Command(transport.command, transport.network, variables), _LIMITS)

    def _shared(self, folders: tuple[str, ...]) -> tuple[Path, ...]:
        """Raises `ConfigurationError` for one that is not there, and one that holds what is VAPORA's own."""
        found = []
        for name in folders:
            place = Path(name).resolve()
            if not place.exists():
                raise ConfigurationError(f"There is no {name} for it to see.", remedy="Make it, or leave it out.")
            for hidden in self._hidden:
                if place.is_relative_to(hidden) or hidden.is_relative_to(place):
                    raise ConfigurationError(
                        f"{name} cannot be shown to a server of tools: VAPORA's own data are there.",
                        remedy="Name folders beside the data folder.",
                    )
            found.append(place)
        return tuple(found)

    async def _chosen(self) -> Sandbox:
        async with self._choosing:
            if self._sandbox is None:
                self._sandbox = await choose(self._wish)
            return self._sandbox

    async def _values(self, workspace: str, opened: _Open, names: Mapping[str, str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for variable, name in names.items():
            read = await self._secrets.read(workspace, name, f"server of tools {opened.server.server_id}")
            if read is None:
                raise ConfigurationError(
                    f"The secret '{name}' is not there.", remedy=f"Store it: `vapora secrets set {name}`."
                )
            value, stored = read
            found[variable] = value.get_secret_value()
            opened.values[name], opened.versions[name] = found[variable], stored.version
        opened.looked_at = time.monotonic()
        return found

    async def _has_new_secret(self, workspace: str, known: _Open) -> bool:
        if not known.versions or time.monotonic() - known.looked_at < self._secrets_s:
            return False
        known.looked_at = time.monotonic()
        stored = {one.name: one.version for one in await self._secrets.list(workspace)}
        return any(stored.get(name) != version for name, version in known.versions.items())


def _alike(one: ToolServerSet, other: ToolServerSet) -> bool:
    """Whether a session that was begun with the one serves the other."""
    return (one.transport, one.protocol, one.expected_tools) == (
        other.transport,
        other.protocol,
        other.expected_tools,
    )
