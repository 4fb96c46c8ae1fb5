"""Room is made by dropping what old runs made: only what nothing else names, and whoever asks for it is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from events.content import Content
from vapora.blobs import Blobs, prove, prune
from vapora.errors import NotFoundError, PrunedError
from vapora.records import StoredRecord

NOW = datetime(2026, 11, 28, tzinfo=UTC)
OLD, NEW = NOW - timedelta(days=100), NOW - timedelta(days=10)
Open = Callable[[], Blobs]


@pytest.fixture
def blobs(open_store: Open) -> Blobs:
    return open_store()


class Log:
    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self.records: list[StoredRecord] = []
        self.ended: dict[int, datetime] = {}

    def add(self, stream: str, topic: str, text: str = "", at: datetime = OLD) -> str:
        content = self._blobs.content(text) if text else Content(text="", size=0)
        position = len(self.records) + 1
        state = content.model_dump_json(exclude_none=True).encode()
        self.records.append(StoredRecord(position, stream, position, topic, state))
        self.ended[position] = at
        return content.digest or ""

    def prune(self, drop: bool = True, before: datetime = NOW - timedelta(days=90)):  # type: ignore[no-untyped-def]
        ended_at = lambda one: self.ended[one.position]  # noqa: E731
        return prune(self._blobs, lambda: self.records, before, NOW, ended_at, drop=drop)


def large(name: str) -> str:
    return f"{name} " * 3_000


def test_only_what_old_runs_alone_name_is_dropped_and_who_asks_is_told(blobs: Blobs, open_store: Open) -> None:
    log = Log(blobs)
    own = log.add("run:old", "run.tool-used", large("own"))
    shared = log.add("run:old", "run.artifact-recorded", large("shared"))
    log.add("run:old", "run.succeeded")
    log.add("document:d", "document.written", large("shared"))
    young = log.add("run:new", "run.tool-used", large("young"))
    log.add("run:new", "run.failed", at=NEW)
    running = log.add("run:open", "run.tool-used", large("running"))

    counted = log.prune(drop=False)
    assert (counted.runs, counted.digests, counted.dropped) == (1, (own,), None)
    assert blobs.get(own) == large("own").encode()

    done = log.prune()
    assert (done.dropped, done.bytes) == (1, len(large("own")))
    for store in (blobs, open_store()):
        with pytest.raises(PrunedError, match="was dropped at 2026-11-28") as told:
            store.get(own)
        assert "Its digest and size stand in the event" in told.value.remedy
    for kept in (shared, young, running):
        blobs.get(kept)
    assert list(blobs.dropped()) == [(own, NOW)]
    assert own not in set(blobs.digests())
    # It is not lost, and the second time there is nothing to do.
    proof = prove(blobs, log.records)
    assert (proof.texts, proof.lost, proof.pruned) == (4, (), 1)
    assert log.prune().digests == ()


def test_a_text_that_comes_again_is_there_again(blobs: Blobs) -> None:
    log = Log(blobs)
    digest = log.add("run:old", "run.tool-used", large("again"))
    log.add("run:old", "run.cancelled")
    log.prune()
    assert blobs.put(large("again").encode()) == digest
    assert blobs.get(digest) == large("again").encode()
    assert list(blobs.dropped()) == []


def test_what_never_was_there_is_not_said_to_have_been_dropped(blobs: Blobs) -> None:
    with pytest.raises(NotFoundError) as told:
        blobs.get("0" * 64)
    assert not isinstance(told.value, PrunedError)
