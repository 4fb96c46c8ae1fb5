"""What is to be sent, and what came of it: a SQLite file beside the log. It holds positions of events, no event.

A channel is a webhook to it, under a name that no webhook has (`channel_key`), with its definition beside.

How far the log was looked through stands in the same transaction as what was found there to send, so that after a crash
nothing is left out.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from actors.kept_rows import REACH, KeptRows
from events.channel import ChannelSet
from vapora.domain.channel import Channel
from vapora.domain.webhook import Webhook
from vapora.objects import Objects
from vapora.views import DeliveryState, WebhookDelivery

# Of one webhook: more that wait are dead at once, and of what is over the newest are kept.
MOST_WAITING = 10_000
MOST_OVER = 1_000

_TABLES = """
CREATE TABLE IF NOT EXISTS hooks (
  id TEXT PRIMARY KEY, url TEXT NOT NULL, topics TEXT NOT NULL, enabled INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS deliveries (
  webhook_id TEXT NOT NULL, position INTEGER NOT NULL, topic TEXT NOT NULL, state TEXT NOT NULL,
  attempts INTEGER NOT NULL, status INTEGER, error TEXT NOT NULL, next_at REAL,
  created_at REAL NOT NULL, updated_at REAL NOT NULL, PRIMARY KEY (webhook_id, position)
);
CREATE TABLE IF NOT EXISTS channels (id TEXT PRIMARY KEY, definition TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (state, next_at);
"""


_AGAIN = """
UPDATE deliveries SET state = 'pending', attempts = 0, error = '', next_at = ?, updated_at = ?
WHERE webhook_id = ? AND state = 'dead'"""
_CHANNEL = "channel:"


def channel_key(channel_id: str) -> str:
    return f"{_CHANNEL}{channel_id}"


@dataclass(frozen=True, slots=True)
class Due:
    """A message that is to be sent now. `attempts`: how often it was tried."""

    webhook: Webhook
    position: int
    topic: str
    attempts: int

    @property
    def channel_id(self) -> str | None:
        """None: it is for a webhook."""
        return self.webhook.id.removeprefix(_CHANNEL) if self.webhook.id.startswith(_CHANNEL) else None


@dataclass(frozen=True, slots=True)
class Resend:
    """Dead letters of a webhook or channel that are to be sent again; all of them where no position is named."""

    key: str
    positions: tuple[int, ...]


class Outbox(KeptRows):
    """Instants are passed in."""

    def __init__(self, file: Path, copies: Objects | None = None) -> None:
        super().__init__(file, _TABLES, copies)

    def begin(self, position: int, hooks: Sequence[Webhook], channels: Sequence[ChannelSet] = ()) -> None:
        """With what happens after `position`. What waits of another past is forgotten."""
        with self._writing() as cursor:
            cursor.execute("DELETE FROM hooks")
            cursor.execute("DELETE FROM channels")
            cursor.execute("DELETE FROM deliveries WHERE position > ?", (position,))
            for hook in hooks:
                self._change(cursor, hook)
            for channel in channels:
                self._set_channel(cursor, channel)
            cursor.execute(REACH, (position,))

    def hooks(self) -> tuple[Webhook, ...]:
        """As they were at `position`."""
        found = self._rows("SELECT id, url, topics, enabled FROM hooks WHERE id NOT LIKE 'channel:%' ORDER BY id")
        return tuple(Webhook(id_, url, tuple(topics.split()), "", bool(enabled)) for id_, url, topics, enabled in found)

    def channels(self) -> tuple[ChannelSet, ...]:
        """As they were at `position`."""
        found = self._rows("SELECT definition FROM channels ORDER BY id")
        return tuple(ChannelSet.model_validate_json(definition) for (definition,) in found)

    def take(
        self,
        position: int,
        found: Iterable[tuple[str, int, str]],
        changed: Iterable[Webhook | Channel | Resend],
        now: datetime,
    ) -> None:
        """The log was looked through up to `position`. `found`: webhook, position and topic of what is to be sent;
        `changed`: webhooks and channels as they are from now on, and what is to be sent again."""
        at = now.timestamp()
        with self._writing() as cursor:
            self._add(cursor, found, at)
            for one in changed:
                self._take_in(cursor, one, at)
            cursor.execute(REACH, (position,))

    def due(self, now: datetime, each: int) -> list[Due]:
        """The longest due first, at most so many of each webhook."""
        found = self._rows(
            "SELECT id, position, topic, attempts, url, topics FROM (SELECT h.id, d.position, d.topic, d.attempts, "
            "h.url, h.topics, d.next_at, row_number() OVER (PARTITION BY h.id ORDER BY d.next_at, d.position) AS place "
            "FROM deliveries d JOIN hooks h ON h.id = d.webhook_id "
            "WHERE d.state = 'pending' AND d.next_at <= ? AND h.enabled = 1) "
            "WHERE place <= ? ORDER BY next_at, position",
            (now.timestamp(), each),
        )
        return [
            Due(Webhook(id_, url, tuple(topics.split())), position, topic, attempts)
            for id_, position, topic, attempts, url, topics in found
        ]

    def next_at(self, now: datetime) -> datetime | None:
        """When another one becomes due than those that are by now; None: none waits for that."""
        found = self._rows(
            "SELECT min(d.next_at) FROM deliveries d JOIN hooks h ON h.id = d.webhook_id "
            "WHERE d.state = 'pending' AND d.next_at > ? AND h.enabled = 1",
            (now.timestamp(),),
        )
        return None if found[0][0] is None else _instant(found[0][0])

    def waiting(self) -> int:
        return int(self._rows("SELECT count(*) FROM deliveries WHERE state = 'pending'")[0][0])

    def conclude(
        self,
        one: Due,
        state: DeliveryState,
        now: datetime,
        *,
        status: int | None = None,
        error: str = "",
        next_at: datetime | None = None,
    ) -> None:
        """What came of an attempt."""
        at = now.timestamp()
        with self._writing() as cursor:
            cursor.execute(
                "UPDATE deliveries SET state = ?, attempts = attempts + 1, status = ?, error = ?, next_at = ?, "
                "updated_at = ? WHERE webhook_id = ? AND position = ?",
                (state, status, error, next_at and next_at.timestamp(), at, one.webhook.id, one.position),
            )
            if state != "pending":
                cursor.execute(
                    "DELETE FROM deliveries WHERE webhook_id = ? AND state = ? AND position <= (SELECT position FROM "
                    "deliveries WHERE webhook_id = ? AND state = ? ORDER BY position DESC LIMIT 1 OFFSET ?)",
                    (one.webhook.id, state, one.webhook.id, state, MOST_OVER),
                )

    def deliveries(
        self, webhook_id: str, state: DeliveryState | None, before: int | None, limit: int
    ) -> list[WebhookDelivery]:
        """The newest first, those of positions below `before`."""
        found = self._rows(
            "SELECT position, topic, state, attempts, status, error, next_at, created_at, updated_at FROM deliveries "
            "WHERE webhook_id = ? AND (? IS NULL OR state = ?) AND (? IS NULL OR position < ?) "
            "ORDER BY position DESC LIMIT ?",
            (webhook_id, state, state, before, before, limit),
        )
        return [_delivery(webhook_id, row) for row in found]

    def _add(self, cursor: sqlite3.Cursor, found: Iterable[tuple[str, int, str]], at: float) -> None:
        waiting: dict[str, int] = {}
        for webhook_id, position, topic in found:
            if webhook_id not in waiting:
                query = "SELECT count(*) FROM deliveries WHERE webhook_id = ? AND state = 'pending'"
                waiting[webhook_id] = cursor.execute(query, (webhook_id,)).fetchone()[0]
            waiting[webhook_id] += 1
            full = waiting[webhook_id] > MOST_WAITING
            state, next_at = ("dead", None) if full else ("pending", at)
            error = f"{MOST_WAITING} others were waiting already" if full else ""
            cursor.execute(
                "INSERT OR IGNORE INTO deliveries VALUES (?, ?, ?, ?, 0, NULL, ?, ?, ?, ?)",
                (webhook_id, position, topic, state, error, next_at, at, at),
            )

    def hold(self, key: str, until: datetime) -> None:
        """What waits for this one waits at least so long."""
        with self._writing() as cursor:
            cursor.execute(
                "UPDATE deliveries SET next_at = ? WHERE webhook_id = ? AND state = 'pending' AND next_at < ?",
                (until.timestamp(), key, until.timestamp()),
            )

    def _take_in(self, cursor: sqlite3.Cursor, one: Webhook | Channel | Resend, at: float) -> None:
        match one:
            case Webhook():
                self._change(cursor, one)
            case Channel(set=event, removed=removed):
                if removed:
                    cursor.execute("DELETE FROM channels WHERE id = ?", (event.channel_id,))
                    self._change(cursor, Webhook(channel_key(event.channel_id), "", (), removed=True))
                else:
                    self._set_channel(cursor, event)
            case Resend(key=key, positions=positions):
                if not positions:
                    cursor.execute(_AGAIN, (at, at, key))
                for position in positions:
                    cursor.execute(f"{_AGAIN} AND position = ?", (at, at, key, position))

    def _set_channel(self, cursor: sqlite3.Cursor, event: ChannelSet) -> None:
        topics = Channel(event).topics
        self._change(cursor, Webhook(channel_key(event.channel_id), event.url, topics, enabled=event.enabled))
        definition = event.model_dump_json()
        cursor.execute("INSERT OR REPLACE INTO channels VALUES (?, ?)", (event.channel_id, definition))

    def _change(self, cursor: sqlite3.Cursor, hook: Webhook) -> None:
        if hook.removed:
            cursor.execute("DELETE FROM hooks WHERE id = ?", (hook.id,))
            cursor.execute("DELETE FROM deliveries WHERE webhook_id = ?", (hook.id,))
            return
        cursor.execute(
            "INSERT INTO hooks VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET url = excluded.url, "
            "topics = excluded.topics, enabled = excluded.enabled",
            (hook.id, hook.url, " ".join(hook.topics), int(hook.enabled)),
        )


def _delivery(webhook_id: str, row: Sequence[Any]) -> WebhookDelivery:
    position, topic, state, attempts, status, error, next_at, created_at, updated_at = row
    return WebhookDelivery(
        id=f"{webhook_id}.{position}",
        webhook_id=webhook_id,
        position=position,
        topic=topic,
        state=state,
        attempts=attempts,
        status=status,
        error=error,
        next_at=None if next_at is None else _instant(next_at),
        created_at=_instant(created_at),
        updated_at=_instant(updated_at),
    )


def _instant(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
