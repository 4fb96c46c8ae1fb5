"""What waits to be sent outlives the node that it waited on: a copy stands where every node sees it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from actors.trackers.outbox import Outbox as TrackerOutbox
from actors.webhooks import Outbox
from tests.blobs.conftest import bucket, environment, s3
from vapora.domain.tracker.outgoing import Wish
from vapora.domain.webhook import Webhook
from vapora.errors import LogError
from vapora.objects import S3Objects
from vapora.objects.s3 import QUICK

__all__ = ["bucket", "environment", "s3"]
NOW = datetime(2026, 11, 28, tzinfo=UTC)
HOOK = Webhook("wh_1", "https://a.example.com", ("task",))


@pytest.fixture
def copies(bucket: str) -> S3Objects:
    return S3Objects(bucket, "outboxes/acme/webhooks", QUICK)


def box(node: Path, copies: S3Objects | None) -> Outbox:
    return Outbox(node / "outbox.db", copies)


def waiting(outbox: Outbox) -> list[int]:
    return [one.position for one in outbox.due(NOW, 10)]


def test_a_node_that_dies_loses_nothing_that_was_to_be_sent(copies: S3Objects, tmp_path: Path) -> None:
    first = box(tmp_path / "a", copies)
    first.begin(1, [HOOK])
    first.close()
    first = box(tmp_path / "a", copies)
    first.take(7, [("wh_1", 7, "task.submitted")], [], NOW)
    # The copy is from then; what comes soon after is in the file alone, which dies with its node.
    first.take(9, [("wh_1", 9, "task.submitted")], [], NOW)

    second = box(tmp_path / "b", copies)
    assert second.hooks() == (HOOK,)
    # Looked through the log once more from there: position 9 is found again.
    assert (second.position, waiting(second)) == (7, [7])


def test_who_comes_back_to_a_node_does_not_take_up_what_was_left_there(copies: S3Objects, tmp_path: Path) -> None:
    first = box(tmp_path / "a", copies)
    first.begin(1, [HOOK])
    first.take(7, [("wh_1", 7, "task.submitted")], [], NOW)
    first.close()
    second = box(tmp_path / "b", copies)
    [due] = second.due(NOW, 10)
    second.conclude(due, "delivered", NOW)
    second.close()
    again = box(tmp_path / "a", copies)
    assert waiting(again) == []


def test_a_process_that_starts_anew_on_its_node_has_all_that_was_noted_there(copies: S3Objects, tmp_path: Path) -> None:
    first = box(tmp_path / "a", copies)
    first.begin(1, [HOOK])
    first.take(7, [("wh_1", 7, "task.submitted")], [], NOW)
    again = box(tmp_path / "a", copies)
    assert (again.position, waiting(again)) == (7, [7])


def test_what_a_tracker_was_to_be_told_is_looked_for_before_it_is_told_from_a_copy(
    copies: S3Objects, tmp_path: Path
) -> None:
    wish = Wish("app", 7, "comment", "t_1")
    first = TrackerOutbox(tmp_path / "a" / "outbox.db", copies)
    first.begin(1)
    first.take(7, [wish], [], [])
    first.close()
    # Of the file itself it is known that nothing has gone out yet; of the copy it is not.
    here = TrackerOutbox(tmp_path / "a" / "outbox.db", copies).next_wish("app")
    there = TrackerOutbox(tmp_path / "b" / "outbox.db", copies).next_wish("app")
    assert here is not None and there is not None
    assert (here.wish, here.before) == (wish, False)
    assert (there.wish, there.before) == (wish, True)


def test_a_store_that_is_away_holds_up_only_who_knows_nothing(
    copies: S3Objects, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box(tmp_path / "a", copies).begin(1, [HOOK])
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    away = S3Objects(bucket, "outboxes/acme/webhooks", QUICK)
    here = box(tmp_path / "a", away)
    here.take(3, [("wh_1", 3, "task.submitted")], [], NOW)
    assert waiting(here) == [3]
    with pytest.raises(LogError, match="does not answer"):
        box(tmp_path / "b", away)
