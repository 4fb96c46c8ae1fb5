"""Webhooks: where a workspace's events are sent to."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, status

from events.ids import webhook_stream
from projections import webhooks as model
from projections.engine.transaction import ReadSnapshot
from vapora.api.cells import Cell
from vapora.api.context import Cursor, Editing, FreshCell, Limit, PostKey, Writing
from vapora.api.etags import Reading, Versioned, versioned_if_there
from vapora.api.forms import PositionCursor
from vapora.api.pages import page_of
from vapora.commands import RemoveWebhook, SetWebhook
from vapora.domain.webhook import require_room
from vapora.errors import NotFoundError
from vapora.views import (
    Accepted,
    DeliveryState,
    Page,
    WebhookDelivery,
    WebhookMade,
    WebhookOutcome,
    WebhookView,
)

router = APIRouter(prefix="/webhooks", tags=["webhooks"])


@router.get("", summary="List the webhooks")
async def list_webhooks(cell: FreshCell, limit: Limit = 500, cursor: Cursor = None) -> Page[WebhookView]:
    """In the order in which they were made."""
    return page_of(await cell.read(model.webhooks), lambda one: one.id, limit, cursor)


@router.post("", status_code=status.HTTP_201_CREATED, summary="Make a webhook")
async def create_webhook(body: SetWebhook, writing: Writing, key: PostKey) -> WebhookMade:
    """From now on each event of these topics is sent to the address, at least once. The answer holds the secret that
    signs the messages, and is the only one that does."""
    if await writing.answered(key) is None:
        require_room(len(await writing.cell.read(model.webhooks)))
        await writing.cell.webhooks.check(body.url)
    accepted = await writing.dispatch(body, key=key)
    shown = await _as_written(writing.cell, accepted)
    secret = await writing.cell.webhooks.secret(accepted.id)
    return WebhookMade(**shown.model_dump(), secret=secret)


@router.get("/{webhook_id}", summary="Show a webhook")
async def get_webhook(webhook_id: str, cell: FreshCell, reading: Reading) -> WebhookView:
    stream = webhook_stream(webhook_id)

    def question(rows: ReadSnapshot) -> Versioned[WebhookView] | None:
        return versioned_if_there(rows, model.webhook_of(rows, webhook_id), model.Webhooks.NAME, stream)

    found = await cell.find(stream, question)
    if found is None:
        raise _no_webhook(webhook_id)
    return reading.tagged(found)


@router.put("/{webhook_id}", summary="Replace a webhook")
async def set_webhook(webhook_id: str, body: SetWebhook, writing: Editing) -> WebhookView:
    """All of it anew; its secret stays. What waits to be sent goes to the new address."""
    if await writing.answered() is None:
        await writing.cell.webhooks.check(body.url)
    return await _as_written(writing.cell, await writing.dispatch(body, webhook_id))


@router.delete("/{webhook_id}", summary="Remove a webhook")
async def remove_webhook(webhook_id: str, writing: Editing) -> Accepted:
    """With its secret, and with what was not sent yet."""
    return await writing.dispatch(RemoveWebhook(), webhook_id)


@router.post("/{webhook_id}/test", summary="Send a sample to a webhook")
async def test_webhook(webhook_id: str, writing: Writing, key: PostKey) -> WebhookOutcome:
    """Now and once, signed as any message is. The answer says what came of it."""
    outcome = await writing.cell.webhooks.test(writing.origin, webhook_id, key)
    writing.wrote(outcome.position)
    return outcome


@router.get("/{webhook_id}/deliveries", summary="List what was sent to a webhook")
async def list_deliveries(
    webhook_id: str,
    cell: FreshCell,
    state: Annotated[
        DeliveryState | None, Query(description="`dead`: those that were given up after many attempts.")
    ] = None,
    limit: Limit = 100,
    cursor: PositionCursor = None,
) -> Page[WebhookDelivery]:
    """The newest first: what waits, and the last 1,000 each of what arrived and of what was given up."""
    stream = webhook_stream(webhook_id)
    if await cell.find(stream, lambda rows: model.webhook_of(rows, webhook_id)) is None:
        raise _no_webhook(webhook_id)
    return await cell.webhooks.deliveries(webhook_id, state, None if cursor is None else int(cursor), limit)


async def _as_written(cell: Cell, accepted: Accepted) -> WebhookView:
    """From the log, as it stood with this write: a request that comes again is given the same answer."""
    stream = webhook_stream(accepted.id)
    hook, first = await cell.dispatcher.webhooks.as_of(stream, accepted.position), await cell.log.first(stream)
    if hook is None or first is None:
        raise _no_webhook(accepted.id)
    return WebhookView(
        id=hook.id,
        url=hook.url,
        topics=hook.topics,
        description=hook.description,
        enabled=hook.enabled,
        created_at=first.recorded_at,
        position=accepted.position,
    )


def _no_webhook(webhook_id: str) -> NotFoundError:
    return NotFoundError(f"There is no webhook '{webhook_id}'.", remedy="List the webhooks.")
