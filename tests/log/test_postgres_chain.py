"""The chain in PostgreSQL: whoever goes round the trigger that guards the events is found all the same."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.log.conftest import MakeRequest
from vapora.database import Database
from vapora.log.chain import GENESIS, Link, Tip
from vapora.log.event_log import ChainBrokenError
from vapora.log.postgres import PostgresLog
from vapora.log.verify import verify


@pytest.fixture
def log(database: Database, make: MakeRequest) -> Iterator[PostgresLog]:
    """Of 6 events."""
    log = PostgresLog.open(database, "acme")
    for number in range(3):
        log.append([make(("task:a", number, 1), ("ledger", number, 1))])
    yield log
    log.close()


def execute(database: Database, statement: str) -> None:
    with database.connect() as connection:
        connection.execute(statement.encode())


def change(database: Database, statement: str) -> None:
    with database.connect() as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(statement.replace("EVENTS", f'"{database.schema}".stored_events').encode())


def test_events_cannot_be_changed_as_long_as_the_trigger_stands(database: Database, log: PostgresLog) -> None:
    with pytest.raises(Exception, match="never changed"):
        execute(database, f'DELETE FROM "{database.schema}".stored_events')
    assert verify(log).ok


@pytest.mark.parametrize(
    "value",
    [
        "notification_id = 40",
        "notification_id = -3",
        "originator_id = 'evil'",
        "originator_version = 9",
        "topic = 'task.rejected'",
        "state = '{}'",
        "digest = '\\x00'",
    ],
)
def test_a_changed_column_is_found(value: str, database: Database, log: PostgresLog) -> None:
    change(database, f"UPDATE EVENTS SET {value} WHERE notification_id = 3")
    verdict = verify(log)
    assert not verdict.ok
    moved = {"notification_id = 40": 4, "notification_id = -3": -3}
    assert verdict.position == moved.get(value, 3)


def test_a_deleted_event_is_found_at_the_one_after_it(database: Database, log: PostgresLog) -> None:
    change(database, "DELETE FROM EVENTS WHERE notification_id = 3")
    assert verify(log).position == 4


@pytest.mark.parametrize("what", ["UPDATE EVENTS SET digest = state", "DELETE FROM EVENTS"])
def test_nothing_is_appended_behind_an_end_that_was_changed(
    what: str, database: Database, log: PostgresLog, make: MakeRequest
) -> None:
    change(database, f"{what} WHERE notification_id = 6")
    before = log.scan(None)
    for _ in range(2):
        with pytest.raises(ChainBrokenError, match="behind its writer's back"):
            log.append([make(("task:a", 3, 1))])
    assert log.scan(None) == before


def test_events_of_another_log_keep_their_positions_and_digests(database: Database, log: PostgresLog) -> None:
    other = PostgresLog.open(Database(database.url, database.schema[:-1] + "_"), "acme")
    links: list[Link] = log.scan(None)
    try:
        assert other.tip() == GENESIS
        other.load(links[:4])
        other.load(links[4:])
        assert other.scan(None) == links
        assert other.tip() == log.tip() == Tip(6, links[-1].digest)
    finally:
        other.close()
        execute(database, f'DROP SCHEMA "{database.schema[:-1]}_" CASCADE')
