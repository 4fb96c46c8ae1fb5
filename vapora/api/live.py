"""`/live`: what changes, as it changes."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect, WebSocketState

from events.ids import DEFAULT_WORKSPACE, is_workspace
from vapora.api.broadcast import TRY_AGAIN_LATER, Subscription
from vapora.errors import BadInputError, NotFoundError, VaporaError

if TYPE_CHECKING:
    from vapora.api.cells import Cell, Cells
    from vapora.api.request_metrics import RequestMetrics

router = APIRouter()

REFUSED = 1008
_LONGEST_REASON_BYTES = 120  # RFC 6455 leaves 123 for it
_CLOSING_S = 2.0
_LARGEST = 2**63 - 1


@router.websocket("/live")
async def live(socket: WebSocket) -> None:
    """One frame `{position, rows: [{view, row}]}` for each position that changed something."""
    # Accepted first: a browser sees no reason on a refused handshake, only on a closed socket.
    await socket.accept()
    request_metrics: RequestMetrics = socket.app.state.request_metrics
    with request_metrics.sockets.track_inprogress():
        try:
            cell = await _cell(socket)
            after = await _after(socket, cell)
            code, reason = await _serve(socket, cell, after)
        except (BadInputError, NotFoundError) as refusal:
            code, reason = REFUSED, str(refusal)
        except VaporaError as error:
            code, reason = TRY_AGAIN_LATER, str(error)
        except WebSocketDisconnect:
            return
    await _close(socket, code, reason)


async def _cell(socket: WebSocket) -> Cell:
    # A browser cannot set headers on a socket.
    asked = socket.headers.get("vapora-workspace") or socket.query_params.get("workspace") or DEFAULT_WORKSPACE
    if not is_workspace(asked):
        raise BadInputError(f"{asked!r} is not the name of a workspace.")
    cells: Cells = socket.app.state.cells
    return await cells.open(asked)


async def _after(socket: WebSocket, cell: Cell) -> int | None:
    asked = socket.query_params.get("after")
    if asked is None:
        return None
    if not (asked.isascii() and asked.isdigit() and int(asked[:20]) <= _LARGEST):
        raise BadInputError("after is a position: a whole number from 0 on.")
    head = await cell.log.head()
    if int(asked) > head:
        # A log that was started anew: waiting for its numbers to come round again would be silence for ever.
        raise BadInputError(f"The log ends at {head}.", remedy="Connect without after.")
    return int(asked)


async def _serve(socket: WebSocket, cell: Cell, after: int | None) -> tuple[int, str]:
    """Sends until the client goes, or the socket has to: then with which code, and why."""
    if after is not None:
        # Before it subscribes: a long way back must not fill its queue.
        async with aclosing(cell.feed.catch_up(after)) as messages:
            async for position, text in messages:
                await socket.send_text(text)
                after = position
    subscription = await cell.feed.join()
    tasks = [
        asyncio.create_task(_send(socket, cell, subscription, after)),
        asyncio.create_task(_receive(socket)),
        asyncio.create_task(subscription.over()),
    ]
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


async def _receive(socket: WebSocket) -> None:
    """Nothing that a client says matters yet, not even its token; but only so is it noticed that it goes."""
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1000))


async def _close(socket: WebSocket, code: int, reason: str) -> None:
    """A client that does not read may not answer the closing either."""
    if socket.client_state is not WebSocketState.CONNECTED:
        return
    short = reason.encode()[:_LONGEST_REASON_BYTES].decode(errors="ignore")
    with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
        async with asyncio.timeout(_CLOSING_S):
            await socket.close(code, short)
