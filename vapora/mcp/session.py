"""One session with one server of tools, in a task of its own: it is begun, looked after, and begun again.

Whatever the server does ends at this task: one that dies, hangs, floods or lies harms nobody else.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import replace
from typing import Any, Protocol, TypeVar

import structlog
from mcp import Client, MCPError
from mcp_types import CONNECTION_CLOSED, Implementation
from mcp_types.version import LATEST_MODERN_VERSION, MODERN_PROTOCOL_VERSIONS
from pydantic import JsonValue, ValidationError

from vapora.backoff import Backoff
from vapora.errors import VaporaError
from vapora.mcp.prompts import GET_PROMPT
from vapora.mcp.reading import Reading, own_tools
from vapora.mcp.resources import READ_RESOURCE
from vapora.mcp.results import bounded, result_text
from vapora.mcp.schemas import found_tools
from vapora.mcp.values import MOST_PAGES, MOST_TOOLS, NeverAskedError, ServerGoneError, Told
from vapora.tools.values import ToolResult
from vapora.unicode import mended, one_line

# A package may have to be fetched with the first start.
START_S = 60.0
_PAUSES = Backoff(0.5, longest_s=60.0)
# One that held so long was well; what ends it then begins with the first pause again.
_WELL_S = 60.0
# How long a call waits for a session that is just being begun. For one that failed it waits only where the pause before
# the next beginning is short, and not past a second failure.
_READY_S = 20.0
_SHORT_PAUSE_S = 5.0
_LAST_WORDS_S = 3.0
_MOST_AT_ONCE = 8
# A list that changes all the time is looked at so often, and one of which no change is told too.
_LEAST_BETWEEN_S = 1.0
_FRESH_S = 60.0
_LONGEST_PROBLEM = 600

# After these its list is looked at again.
_CHANGES = frozenset(f"notifications/{what}/list_changed" for what in ("tools", "resources", "prompts"))
_READERS = {one.name: one for one in (READ_RESOURCE, GET_PROMPT)}

T = TypeVar("T")


class Connection(Protocol):
    """One connection to a server. `gone` is done where it ends by itself, with the reason."""

    gone: asyncio.Future[str]

    def streams(self) -> AbstractAsyncContextManager[Any]: ...

    def said(self) -> str:
        """What the server wrote beside the protocol, for who has to find out what is wrong."""
        ...


class Session:
    """`connect`: a new connection each time; what it raises is shown and tried again. `protocol`: `auto`, `legacy` or
    `modern`. `expected`: tools whose absence is a fault. `hide`: takes secrets out of what the server says."""

    def __init__(
        self,
        name: str,
        connect: Callable[[], Awaitable[Connection]],
        *,
        protocol: str = "auto",
        expected: Sequence[str] = (),
        pauses: Backoff = _PAUSES,
        hide: Callable[[str], str] = str,
    ) -> None:
        self._connect = connect
        self._mode = {"modern": LATEST_MODERN_VERSION}.get(protocol, protocol)
        self._expected = tuple(expected)
        self._pauses = pauses
        self._hide = hide
        self._connection: Connection | None = None
        self._client: Client | None = None
        self._gone = asyncio.Event()
        self._moved = asyncio.Condition()
        self._changed = asyncio.Event()
        self._listed_at = 0.0
        self._pause_s = 0.0
        self.reading = Reading(self._ask, self._cut)
        self._at_once = asyncio.Semaphore(_MOST_AT_ONCE)
        self._journal = structlog.get_logger("tool-server").bind(server=name)
        self.used_at = time.monotonic()
        self.told = Told("starting")
        self._task = asyncio.create_task(self._run(), name=f"tool-server {name}")

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._tell(replace(self.told, state="stopped"))

    # What it is asked.

    async def ready(self, within_s: float = _READY_S) -> Told:
        """As soon as it is ready, or has failed to begin; as it stands, after that time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s), self._moved:
                await self._moved.wait_for(lambda: self.told.state != "starting")
        return self.told

    async def _back(self) -> None:
        """Until one that has just ended has been begun once more, well or not."""
        if self.told.state != "waiting" or self._pause_s > _SHORT_PAUSE_S:
            return
        before = self.told.restarts
        with suppress(TimeoutError):
            async with asyncio.timeout(_READY_S), self._moved:
                await self._moved.wait_for(
                    lambda: self.told.state in ("ready", "stopped") or self.told.restarts > before
                )

    async def tools(self, within_s: float = _READY_S) -> Told:
        """With its tools as they are now: looked at again where the last look is older than a minute."""
        self.used_at = time.monotonic()
        told = await self.ready(within_s)
        if told.state == "ready" and time.monotonic() - self._listed_at > _FRESH_S:
            with suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    await self._list_again()
        return self.told

    async def call(self, tool: str, arguments: Mapping[str, JsonValue], limit_s: float, most_bytes: int) -> ToolResult:
        """Raises `ServerGoneError` where the server is not there, or ends before it has answered, and `TimeoutError`
        after `limit_s`. What the server refuses is a result that is not `ok`."""
        async with asyncio.timeout(limit_s):
            if tool in _READERS and await self._is_ours(tool):
                return await self.reading.by_tool(tool, arguments, most_bytes)
            found = await self._ask(lambda client: client.call_tool(tool, dict(arguments)))
        if isinstance(found, ToolResult):
            return found
        return self._cut(result_text(found), most_bytes, ok=not found.is_error)

    async def _is_ours(self, tool: str) -> bool:
        """Which is known as soon as the session is ready."""
        await self.ready()
        await self._back()
        if self.told.state != "ready":
            raise self._not_there()
        return _READERS[tool] in self.told.tools

    def _not_there(self) -> NeverAskedError:
        return NeverAskedError(self.told.problem or "The server is not there yet.", remedy="It is tried again.")

    def _cut(self, text: str, most_bytes: int, *, ok: bool = True) -> ToolResult:
        """Secrets are taken out first: the cut may go through one."""
        return bounded(self._hide(text), most_bytes, ok=ok)

    async def _ask(self, ask: Callable[[Client], Awaitable[T]]) -> T | ToolResult:
        """In a task of its own beside the session's: it has no answer where that ends first."""
        self.used_at = time.monotonic()
        async with self._at_once:
            await self.ready()
            await self._back()
            client, gone = self._client, self._gone
            if client is None:
                raise self._not_there()
            asking, ending = asyncio.ensure_future(ask(client)), asyncio.ensure_future(gone.wait())
            try:
                await asyncio.wait((asking, ending), return_when=asyncio.FIRST_COMPLETED)
                if not asking.done() or gone.is_set():
                    await self._is_told()
                    raise _unknown(self.told.problem)
                return asking.result()
            except (MCPError, ValidationError, RuntimeError, OSError) as error:
                if isinstance(error, MCPError) and error.code == CONNECTION_CLOSED:
                    await asyncio.wait((ending,), timeout=_LAST_WORDS_S)
                    self._broke(gone)
                    await self._is_told()
                    raise _unknown(self.told.problem) from error
                return ToolResult(False, f"The server refused: {_words(error)}")
            finally:
                asking.cancel()
                ending.cancel()

    def _broke(self, gone: asyncio.Event) -> None:
        """A connection that is closed and has not ended by itself, as over HTTP, is ended, and another one begun."""
        if self._gone is gone and self._connection is not None and not self._connection.gone.done():
            self._connection.gone.set_result("The connection broke.")

    # Its life.

    async def _run(self) -> None:
        failures = 0
        while True:
            begun = time.monotonic()
            # A task for each connection: what the SDK cancels when a connection breaks ends there.
            once = asyncio.create_task(self._once())
            try:
                await asyncio.wait((once,))
            finally:
                once.cancel()
                await asyncio.gather(once, return_exceptions=True)
            why = _why(once)
            failures = 1 if time.monotonic() - begun > _WELL_S else failures + 1
            self._journal.warning("tool server ended", why=why, failures=failures)
            self._pause_s = self._pauses.after(failures)
            told = replace(self.told, state="waiting", problem=why, restarts=self.told.restarts + 1)
            await self._tell(told)
            await asyncio.sleep(self._pause_s)
            await self._tell(replace(self.told, state="starting"))

    async def _once(self) -> None:
        """One connection to its end, which is always an error."""
        connection = self._connection = await self._connect()
        gone = self._gone = asyncio.Event()
        try:
            async with self._client_of(connection) as client:
                await self._look_after(connection, client)
        except (Exception, asyncio.CancelledError) as error:
            said = connection.gone.result() if connection.gone.done() else ""
            if isinstance(error, asyncio.CancelledError) and not said:
                raise
            raise ServerGoneError(said or _words(error) or connection.said()) from error
        finally:
            self._client = None
            gone.set()

    @asynccontextmanager
    async def _client_of(self, connection: Connection) -> AsyncIterator[Client]:
        client = Client(
            connection.streams(),
            mode=self._mode,
            cache=None,
            message_handler=self._heard,
            client_info=Implementation(name="vapora", version="1"),
        )
        try:
            async with asyncio.timeout(START_S) as limit:
                async with client:
                    await self._list(client)
                    limit.reschedule(None)
                    yield client
        except TimeoutError:
            raise ServerGoneError(f"It did not begin within {START_S:.0f} s. {connection.said()}".strip()) from None

    async def _look_after(self, connection: Connection, client: Client) -> None:
        following = asyncio.create_task(self._follow(client))
        try:
            while True:
                changed = asyncio.ensure_future(self._changed.wait())
                try:
                    await asyncio.wait((changed, connection.gone), return_when=asyncio.FIRST_COMPLETED)
                finally:
                    changed.cancel()
                if connection.gone.done():
                    raise ServerGoneError(connection.gone.result())
                await asyncio.wait((connection.gone,), timeout=_LEAST_BETWEEN_S)
                self._changed.clear()
                async with asyncio.timeout(START_S):
                    await self._list(client)
        finally:
            following.cancel()

    async def _follow(self, client: Client) -> None:
        """The modern generation tells of changes to those alone who listen. Where it does not, its list is looked at
        again now and then."""
        if client.protocol_version not in MODERN_PROTOCOL_VERSIONS:
            return
        with suppress(Exception):
            async with client.listen(
                tools_list_changed=True, resources_list_changed=True, prompts_list_changed=True
            ) as changes:
                async for _ in changes:
                    self._changed.set()

    async def _heard(self, message: Any) -> None:
        if getattr(message, "method", "") in _CHANGES:
            self._changed.set()

    async def _list_again(self) -> None:
        client = self._client
        if client is not None:
            try:
                await self._list(client)
            except MCPError as error:
                await self._tell(replace(self.told, problem=f"Its tools cannot be listed: {_words(error)}"))

    async def _list(self, client: Client) -> None:
        listed: list[Any] = []
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            page = await client.list_tools(cursor=cursor)
            listed += page.tools
            cursor = page.next_cursor
            if cursor is None or len(listed) > MOST_TOOLS:
                break
        found, left_out = found_tools(listed)
        tools = tuple(replace(one, description=self._hide(one.description)) for one in found)
        tools += await own_tools(client, frozenset(one.name for one in tools))
        missing = tuple(one for one in self._expected if all(one != tool.name for tool in tools))
        server = client.server_info
        self._client, self._listed_at = client, time.monotonic()
        problem = f"It lacks tools that were expected of it: {', '.join(missing)}." if missing else ""
        await self._tell(
            Told(
                "ready",
                problem,
                tools,
                missing,
                left_out,
                client.protocol_version,
                "" if server is None else one_line(mended(f"{server.name} {server.version}"))[:200],
                self.told.restarts,
            )
        )

    async def _is_told(self) -> None:
        """Until the end of a connection, which has come, is told with its reason."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORDS_S), self._moved:
                await self._moved.wait_for(lambda: self.told.state != "ready")

    async def _tell(self, told: Told) -> None:
        async with self._moved:
            self.told = told
            self._moved.notify_all()


def _unknown(problem: str) -> ServerGoneError:
    return ServerGoneError(
        f"The server ended before it had answered. {problem}".strip(),
        remedy="It is started again; whether the call took effect is not known.",
    )


def _why(task: asyncio.Task[None]) -> str:
    if task.cancelled():
        return "The connection broke."
    error = task.exception()
    return _words(error)[:_LONGEST_PROBLEM] if error is not None else "It ended."


def _words(error: BaseException) -> str:
    """Of the first of a group; what a server said is one line, and not too long."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    text = error.message if isinstance(error, VaporaError) else str(error)
    return one_line(mended(text))[:_LONGEST_PROBLEM] or type(error).__name__
