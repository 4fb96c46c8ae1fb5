"""The chain in PostgreSQL: whoever goes round the trigger that guards the events is found all the same."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.log.conftest import MakeRequest
from tests.postgres import owned
from vapora.database import Database, log_schema
from vapora.log.chain import GENESIS, Link, Tip
from vapora.log.postgres import PostgresLog
from vapora.log.proof import verify


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


def test_events_cannot_be_changed_as_long_as_the_trigger_stands(database: Database, log: PostgresLog) -> None:
    with pytest.raises(Exception, match="never changed"):
        execute(database, f'DELETE FROM "{database.schema}".stored_events')
    assert verify(log).ok


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


def test_flipped_bits_in_the_files_of_the_server_are_found(make: MakeRequest) -> None:
    """On a server of its own, since its pages are thrown out of its memory."""
    with owned() as server, server.database() as url:
        assert server.folder is not None
        database = log_schema(url, "acme")
        log = PostgresLog.open(database, "acme")
        log.append([make(("task:a", 0, 40))])
        links = log.scan(None)
        with database.connect() as connection:
            table = f"'{database.schema}.stored_events'"
            found = connection.execute(f"SELECT pg_relation_filepath({table})".encode()).fetchone()
            assert found is not None
            connection.execute("CREATE EXTENSION pg_buffercache")
            connection.execute("CHECKPOINT")
            file = server.folder / "data" / str(found[0])
            whole = file.read_bytes()
            for position in (1, 7, 40):
                damaged = bytearray(whole)
                damaged[whole.index(links[position - 1].state)] ^= 1
                file.write_bytes(damaged)
                connection.execute(f"SELECT pg_buffercache_evict_relation({table}::regclass)".encode())
                verdict = verify(log)
                assert not verdict.ok
                assert verdict.position is not None and verdict.position <= position
                assert "invalid page" in str(verdict.fault) or verdict.position == position
            file.write_bytes(whole)
            connection.execute(f"SELECT pg_buffercache_evict_relation({table}::regclass)".encode())
        assert log.scan(None) == links
        # The server remembers that there was damage; a proof goes on to say so.
        assert "checksum" in str(verify(log).fault)
        log.close()
