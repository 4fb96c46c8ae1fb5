"""`/live`: what changes, as it changes."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import APIRouter, WebSocket
from pydantic import ValidationError
from starlette.websockets import WebSocketDisconnect, WebSocketState

from events.ids import DEFAULT_WORKSPACE, is_workspace
from vapora.api.broadcast import TRY_AGAIN_LATER, Subscription
from vapora.errors import BadInputError, NotFoundError, UnavailableError, VaporaError
from vapora.views import Frame, LiveRequest

if TYPE_CHECKING:
    from vapora.api.cells import Cell, Cells
    from vapora.api.request_metrics import RequestMetrics

router = APIRouter()

REFUSED = 1008
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
            code, reason = await _serve(socket, request)
        except (BadInputError, NotFoundError) as refusal:
            code, reason = REFUSED, str(refusal)
        except VaporaError as error:
            code, reason = TRY_AGAIN_LATER, str(error)
        except WebSocketDisconnect:
            return
    await _close(socket, code, reason)


@dataclass(frozen=True, slots=True)
class _Asked:
    """`after`: the position that the client has seen; None: it wants what changes from now on. `heartbeat_s`: as in
    `LiveRequest`. `said`: whether it has asked for anything at all."""

    cell: Cell
    after: int | None
    heartbeat_s: float | None = None
    said: bool = True


async def _request(socket: WebSocket) -> _Asked:
    """Of the address, else of the client's first frame."""
    cell = await _cell(socket, None)
    if (asked := socket.query_params.get("after")) is not None:
        return _Asked(cell, await _reached(cell, _position(asked)))
    # Who sends no first frame hears of all that happened while it was waited for.
    now = (await cell.projector.status())["position"]
    try:
        async with asyncio.timeout(FIRST_FRAME_S):
            text = await _next_text(socket)
    except TimeoutError:
        return _Asked(cell, now, said=False)
    request = _parse(text)
    if request.workspace is not None:
        cell, now = await _cell(socket, request.workspace), None
    after = now if request.after is None else await _reached(cell, request.after)
    return _Asked(cell, after, request.heartbeat_s)


def _parse(text: str) -> LiveRequest:
    try:
        return LiveRequest.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "all of it"
        raise BadInputError(
            f"The first frame is {{token?, workspace?, after?, heartbeat_s?}}; {where}: {first['msg']}."
        ) from None


async def _cell(socket: WebSocket, asked: str | None) -> Cell:
    # A browser cannot set headers on a socket.
    asked = asked or socket.headers.get("vapora-workspace") or socket.query_params.get("workspace") or DEFAULT_WORKSPACE
    if not is_workspace(asked):
        raise BadInputError(f"{asked!r} is not the name of a workspace.")
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


async def _serve(socket: WebSocket, request: _Asked) -> tuple[int, str]:
    """Sends until the client goes, or the socket has to: then with which code, and why."""
    cell, after = request.cell, request.after
    if after is not None:
        # Before it subscribes: a long way back must not fill its queue.
        async with aclosing(cell.feed.catch_up(after)) as messages:
            async for position, text in messages:
                await socket.send_text(text)
                after = position
    subscription = await cell.feed.join()
    tasks = [
        asyncio.create_task(_send(socket, cell, subscription, after)),
        asyncio.create_task(_receive(socket, request.said)),
        asyncio.create_task(subscription.over()),
    ]
    if request.heartbeat_s is not None:
        tasks.append(asyncio.create_task(_beat(socket, request.heartbeat_s, subscription.since)))
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if tasks[2] in done:
            return await subscription.over()
        await next(iter(done))  # raises what ended it
        raise WebSocketDisconnect
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await cell.feed.leave(subscription)


async def _send(socket: WebSocket, cell: Cell, subscription: Subscription, after: int | None) -> None:
    reached = subscription.since if after is None else after
    if reached < subscription.since:
        async with aclosing(cell.feed.catch_up(reached, subscription.since)) as messages:
            async for position, text in messages:
                await socket.send_text(text)
                reached = position
    while True:
        position, text = await subscription.next()
        # What the catching up already told, in a state at least as new.
        if position > reached:
            reached = position
            await socket.send_text(text)


async def _beat(socket: WebSocket, every_s: float, position: int) -> None:
    """At once too: what opened may have been opened by somebody in between. Its position is one that the client has
    seen, so that it never goes backwards by what follows."""
    text = Frame(position=position, rows=()).model_dump_json()
    while True:
        await socket.send_text(text)
        await asyncio.sleep(every_s)


async def _receive(socket: WebSocket, asked: bool) -> None:
    """Notices that the client goes. A first frame that comes too late must not seem to be heeded."""
    while True:
        await _next_text(socket)
        if not asked:
            raise UnavailableError(f"The first frame did not come within {FIRST_FRAME_S:.0f} s.")


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
