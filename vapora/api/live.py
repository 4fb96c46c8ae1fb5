"""`/live`: what changes, as it changes."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, WebSocket
from pydantic import ValidationError
from starlette.websockets import WebSocketDisconnect, WebSocketState

from events.ids import DEFAULT_WORKSPACE, is_workspace
from vapora.api.broadcast import TRY_AGAIN_LATER, Subscription
from vapora.api.caller import Caller, Callers, caller_of
from vapora.api.readable_rows import readable_frame
from vapora.clock import new_id
from vapora.errors import (
    BadInputError,
    ForbiddenError,
    NotFoundError,
    UnauthenticatedError,
    UnavailableError,
    VaporaError,
    no_such_workspace,
)
from vapora.views import Frame, LiveRequest

if TYPE_CHECKING:
    from vapora.api.cells import Cell, Cells
    from vapora.api.gate import Gate
    from vapora.api.people import People
    from vapora.api.request_metrics import RequestMetrics

router = APIRouter()

# As the policies know it.
_ACTION = "follow_live"

REFUSED = 1008
# Of those that the standard leaves to applications; the last digits are those of HTTP.
SIGN_IN = 4401
GONE = 4404
# How long the first frame is waited for where nothing is told without it.
TOKEN_S = 10.0
# Tokens expire without an event.
_LOOK_EVERY_S = 5.0
_LONGEST_REASON_BYTES = 120  # RFC 6455 leaves 123 for it
_CLOSING_S = 2.0
_LARGEST = 2**63 - 1
# How long a first frame is waited for where the address does not name a position.
FIRST_FRAME_S = 2.0


@router.websocket("/live")
async def live(socket: WebSocket) -> None:
    """One `vapora.views.Frame` for each position that changed something, after the client's `LiveRequest`, which may
    stand in the address instead: `?after=&workspace=`."""
    # Accepted first: a browser sees no reason on a refused handshake, only on a closed socket.
    await socket.accept()
    request_metrics: RequestMetrics = socket.app.state.request_metrics
    with request_metrics.sockets.track_inprogress():
        try:
            request = await _request(socket)
            with request.cell.held():
                code, reason = await _serve(socket, request)
        except UnauthenticatedError as refusal:
            code, reason = SIGN_IN, str(refusal)
        except (BadInputError, NotFoundError, ForbiddenError) as refusal:
            code, reason = REFUSED, str(refusal)
        except VaporaError as error:
            code, reason = TRY_AGAIN_LATER, str(error)
        except WebSocketDisconnect:
            return
    await _close(socket, code, reason)


@dataclass(slots=True)
class _Request:
    """`caller` is replaced when a fresh token comes. `after`: the position that the client has seen; None: it wants
    what changes from now on. `heartbeat_s`: as in `LiveRequest`. `said`: whether it has asked for anything at all."""

    caller: Caller
    cell: Cell
    after: int | None
    heartbeat_s: float | None = None
    said: bool = True


async def _request(socket: WebSocket) -> _Request:
    """Who asks, for which workspace and from where on: of the handshake, else of the client's first frame."""
    address = socket.query_params.get("after")
    try:
        caller = await caller_of(socket)
    except UnauthenticatedError:
        return await _signed_in(socket, address)
    cell = await _cell(socket, caller, None)
    if address is not None:
        return _Request(caller, cell, await _reached(cell, _position(address)))
    # Who sends no first frame hears of all that happened while it was waited for.
    now = (await cell.projector.status())["position"]
    try:
        async with asyncio.timeout(FIRST_FRAME_S):
            text = await _next_text(socket)
    except TimeoutError:
        return _Request(caller, cell, now, said=False)
    request = _parse(text)
    if request.workspace is not None:
        cell, now = await _cell(socket, caller, request.workspace), None
    after = now if request.after is None else await _reached(cell, request.after)
    return _Request(caller, cell, after, request.heartbeat_s)


async def _signed_in(socket: WebSocket, address: str | None) -> _Request:
    """A browser cannot set headers on a socket: the first frame says who asks. Until then nothing is told."""
    try:
        async with asyncio.timeout(TOKEN_S):
            request = _parse(await _next_text(socket))
    except TimeoutError:
        raise UnauthenticatedError("No first frame with a token came.", remedy="Send {token}.") from None
    caller = await _known(socket, request.token)
    cell = await _cell(socket, caller, request.workspace)
    after = _position(address) if request.after is None and address is not None else request.after
    return _Request(caller, cell, None if after is None else await _reached(cell, after), request.heartbeat_s)


async def _known(socket: WebSocket, token: str | None) -> Caller:
    callers: Callers = socket.app.state.callers
    return await callers.of(f"Bearer {token}" if token else None)


def _parse(text: str) -> LiveRequest:
    try:
        return LiveRequest.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "all of it"
        form = "{token?, workspace?, after?, heartbeat_s?}"
        raise BadInputError(f"The first frame is {form}; {where}: {first['msg']}.") from None


async def _cell(socket: WebSocket, caller: Caller, asked: str | None) -> Cell:
    # A browser cannot set headers on a socket.
    asked = asked or socket.headers.get("vapora-workspace") or socket.query_params.get("workspace") or DEFAULT_WORKSPACE
    if not is_workspace(asked):
        raise BadInputError(f"{asked!r} is not the name of a workspace.")
    gate: Gate = socket.app.state.gate
    await gate.require(await gate.place(caller, _ACTION, asked, new_id("cor")))
    cells: Cells = socket.app.state.cells
    return await cells.open(asked)


def _position(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:20]) <= _LARGEST):
        raise BadInputError("after is a position: a whole number from 0 on.")
    return int(text)


async def _reached(cell: Cell, after: int) -> int:
    head = await cell.log.head()
    if after > head:
        # A log that was started anew: waiting for its numbers to come round again would be silence for ever.
        raise BadInputError(f"The log ends at {head}.", remedy="Connect without after.")
    return after


async def _serve(socket: WebSocket, request: _Request) -> tuple[int, str]:
    """Sends until the client goes, or the socket has to: then with which code, and why."""
    cell, after = request.cell, request.after
    if after is not None:
        # Before it subscribes: a long way back must not fill its queue.
        async with aclosing(cell.feed.catch_up(after)) as messages:
            async for position, text in messages:
                await _tell(socket, request, text)
                after = position
    subscription = await cell.feed.join()
    over = asyncio.create_task(subscription.over())
    watching = asyncio.create_task(_watch(socket, request))
    tasks: list[asyncio.Task[Any]] = [
        asyncio.create_task(_send(socket, request, subscription, after)),
        asyncio.create_task(_receive(socket, request)),
        over,
        watching,
    ]
    if request.heartbeat_s is not None:
        tasks.append(asyncio.create_task(_beat(socket, request.heartbeat_s, subscription.since)))
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for telling in (over, watching):
            if telling in done:
                return telling.result()
        await next(iter(done))  # raises what ended it
        raise WebSocketDisconnect
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await cell.feed.leave(subscription)


async def _tell(socket: WebSocket, request: _Request, text: str) -> None:
    """What of it may be read."""
    gate: Gate = socket.app.state.gate
    admitted = await gate.place(request.caller, _ACTION, request.cell.workspace, "")
    await socket.send_text(await readable_frame(admitted, request.cell, text))


async def _send(socket: WebSocket, request: _Request, subscription: Subscription, after: int | None) -> None:
    cell = request.cell
    reached = subscription.since if after is None else after
    if reached < subscription.since:
        async with aclosing(cell.feed.catch_up(reached, subscription.since)) as messages:
            async for position, text in messages:
                await _tell(socket, request, text)
                reached = position
    while True:
        position, text = await subscription.next()
        # What the catching up already told, in a state at least as new.
        if position > reached:
            reached = position
            await _tell(socket, request, text)


async def _beat(socket: WebSocket, every_s: float, position: int) -> None:
    """At once too: what opened may have been opened by somebody in between. Its position is one that the client has
    seen, so that it never goes backwards by what follows."""
    text = Frame(position=position, rows=()).model_dump_json()
    while True:
        await socket.send_text(text)
        await asyncio.sleep(every_s)


async def _receive(socket: WebSocket, request: _Request) -> None:
    """Notices that the client goes, and takes fresh tokens. A first frame that comes too late must not seem to be
    heeded."""
    while True:
        text = await _next_text(socket)
        if not request.said:
            raise UnavailableError(f"The first frame did not come within {FIRST_FRAME_S:.0f} s.")
        if request.caller.is_anybody:
            fresh = await _known(socket, _parse(text).token)
            if fresh.name != request.caller.name:
                raise BadInputError("The token is somebody else's.", remedy="Open another socket for it.")
            request.caller = fresh


async def _watch(socket: WebSocket, request: _Request) -> tuple[int, str]:
    """Waits until who asked may not hear any more: the code and the reason."""
    callers: Callers = socket.app.state.callers
    people: People = socket.app.state.people
    gate: Gate = socket.app.state.gate
    while True:
        news = people.news  # taken before looking: what happens in between is not missed
        if not await callers.still(request.caller):
            return SIGN_IN, "The session or token is over: sign in, and connect again."
        if not await gate.still(request.caller, _ACTION, request.cell.workspace):
            return GONE, str(no_such_workspace(request.cell.workspace))
        await people.moved(news, _LOOK_EVERY_S)


async def _next_text(socket: WebSocket) -> str:
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1000))
    text: str = message.get("text") or (message.get("bytes") or b"").decode(errors="replace")
    return text


async def _close(socket: WebSocket, code: int, reason: str) -> None:
    """A client that does not read may not answer the closing either."""
    if socket.client_state is not WebSocketState.CONNECTED:
        return
    short = reason.encode()[:_LONGEST_REASON_BYTES].decode(errors="ignore")
    with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
        async with asyncio.timeout(_CLOSING_S):
            await socket.close(code, short)
