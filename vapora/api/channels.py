"""Channels: by which people are told of what happens."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from events.channel import ChannelSet
from events.ids import channel_stream
from projections import channels as model
from projections.engine.transaction import ReadSnapshot
from vapora.api.cells import Cell
from vapora.api.context import Cursor, Editing, FreshCell, Limit, PostKey, Writing
from vapora.api.etags import Reading, Versioned, versioned_if_there
from vapora.api.forms import PositionCursor
from vapora.api.pages import page_of
from vapora.commands import RemoveChannel, ResendDeliveries, SetChannel
from vapora.domain import channel as rules
from vapora.errors import NotFoundError
from vapora.views import Accepted, ChannelDelivery, ChannelOutcome, ChannelView, DeliveryState, Page

router = APIRouter(prefix="/channels", tags=["channels"])

# As it is chosen by whoever makes it.
NewId = Annotated[str, Path(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", min_length=1, max_length=60)]


@router.get("", summary="List the channels")
async def list_channels(cell: FreshCell, limit: Limit = 500, cursor: Cursor = None) -> Page[ChannelView]:
    """In the order in which they were made."""
    return page_of(await cell.read(model.channels), lambda one: one.id, limit, cursor)


@router.get("/{channel_id}", summary="Show a channel")
async def get_channel(channel_id: str, cell: FreshCell, reading: Reading) -> ChannelView:
    """With the name of its secret, never the secret."""
    stream = channel_stream(channel_id)

    def question(rows: ReadSnapshot) -> Versioned[ChannelView] | None:
        return versioned_if_there(rows, model.channel_of(rows, channel_id), model.Channels.NAME, stream)

    found = await cell.find(stream, question)
    if found is None:
        raise _no_channel(channel_id)
    return reading.tagged(found)


@router.put("/{channel_id}", summary="Make or replace a channel")
async def set_channel(channel_id: NewId, body: SetChannel, writing: Editing) -> ChannelView:
    """All of it, under an id of your choice. Its secret is stored beside, by `PUT /secrets/{name}`. What waits to be
    sent goes to the new address."""
    if await writing.answered() is None:
        known = await writing.cell.read(model.channels)
        if all(one.id != channel_id for one in known):
            rules.require_room(len(known))
        for event in rules.decide(None, body, channel_id):
            if isinstance(event, ChannelSet):
                await writing.cell.channels.check_channel(event)
    return await _as_written(writing.cell, await writing.dispatch(body, channel_id))


@router.delete("/{channel_id}", summary="Remove a channel")
async def remove_channel(channel_id: str, writing: Editing) -> Accepted:
    """With what was not sent yet. Its secret stays in the vault until it is deleted there."""
    return await writing.dispatch(RemoveChannel(), channel_id)


@router.post("/{channel_id}/test", summary="Send a sample to a channel")
async def test_channel(channel_id: str, writing: Writing, key: PostKey) -> ChannelOutcome:
    """Now and once. The answer says what came of it."""
    outcome = await writing.cell.channels.test_channel(writing.origin, channel_id, key)
    writing.wrote(outcome.position)
    return outcome


@router.get("/{channel_id}/deliveries", summary="List what was sent to a channel")
async def list_channel_deliveries(
    channel_id: str,
    cell: FreshCell,
    state: Annotated[
        DeliveryState | None, Query(description="`dead`: those that were given up after many attempts.")
    ] = None,
    limit: Limit = 100,
    cursor: PositionCursor = None,
) -> Page[ChannelDelivery]:
    """The newest first: what waits, and the last 1,000 each of what arrived and of what was given up."""
    stream = channel_stream(channel_id)
    if await cell.find(stream, lambda rows: model.channel_of(rows, channel_id)) is None:
        raise _no_channel(channel_id)
    return await cell.channels.channel_deliveries(channel_id, state, None if cursor is None else int(cursor), limit)


@router.post("/{channel_id}/resend", summary="Send dead letters of a channel again")
async def resend_deliveries(
    channel_id: str, writing: Writing, key: PostKey, body: ResendDeliveries | None = None
) -> Accepted:
    """Those that are named, or all of them, as often as if they were new."""
    return await writing.dispatch(body or ResendDeliveries(), channel_id, key)


async def _as_written(cell: Cell, accepted: Accepted) -> ChannelView:
    """From the log, as it stood with this write: a request that comes again is given the same answer."""
    stream = channel_stream(accepted.id)
    state, first = await cell.dispatcher.channels.as_of(stream, accepted.position), await cell.log.first(stream)
    if state is None or first is None:
        raise _no_channel(accepted.id)
    said = state.set.model_dump(mode="json", exclude={"channel_id"})
    empty = {name: said[name] or None for name in ("secret", "url", "chat_id")}
    more = {"id": state.id, "created_at": first.recorded_at, "position": accepted.position}
    return ChannelView.model_validate({**said, **empty, **more})


def _no_channel(channel_id: str) -> NotFoundError:
    return NotFoundError(f"There is no channel '{channel_id}'.", remedy="List the channels.")
