"""Leases of workspaces in a real database, as two installations on it use them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL

from vapora.database import Database, cells_schema, log_schema
from vapora.errors import ConfigurationError, FencedError, HeldElsewhereError, UnavailableError
from vapora.log.event_log import EventLog
from vapora.log.leases import Alone, LogLease, TableLeases
from vapora.log.postgres import PostgresLog

Make = Callable[..., TableLeases]


@pytest.fixture
def made(database_url: str) -> Iterator[Make]:
    opened: list[TableLeases] = []

    def make(name: str, generation: int = 0) -> TableLeases:
        opened.append(TableLeases(cells_schema(database_url), name, generation))
        return opened[-1]

    yield make
    for one in opened:
        one.resign()


def change(url: str, statement: str, *values: Any) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SQL(statement), values)


def goes_silent(url: str, name: str) -> None:
    """It was heard of so long ago that it counts as dead."""
    change(url, "UPDATE vapora__cells.installations SET until = clock_timestamp() WHERE name = %s", name)


def has_waited(url: str, name: str) -> None:
    change(url, "UPDATE vapora__cells.installations SET since = since - interval '3 seconds' WHERE name = %s", name)


def test_one_of_two_gets_it_and_the_other_is_told_who_has_it_and_when_to_ask_again(made: Make) -> None:
    one, other = made("one"), made("other")
    one.take("acme")
    with pytest.raises(HeldElsewhereError, match="'one'") as refused:
        other.take("acme")
    assert refused.value.details["retry_after_s"] == 2
    other.take("blue")
    view = other.announce()
    assert (view.holds("blue"), view.holds("acme")) == (True, False)
    assert view.wait("acme") is not None
    assert view.wait("green") is None


def test_of_many_that_ask_at_once_one_gets_it(made: Make) -> None:
    def take(leases: TableLeases) -> bool:
        try:
            leases.take("acme")
        except HeldElsewhereError:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(take, [made(f"number {number}") for number in range(8)])) == 1


def test_the_first_ones_of_a_database_find_its_tables_however_many_come_at_once(made: Make) -> None:
    one = made("one")
    names = [f"w{number}" for number in range(24)]
    with ThreadPoolExecutor(12) as threads:
        assert set(threads.map(one.take, names)) == {1}
    assert all(one.announce().holds(name) for name in names)


def test_a_process_that_is_started_again_takes_what_is_its_installations_at_once(made: Make) -> None:
    first = made("one").take("acme")
    assert made("one").take("acme") == first + 1


def test_what_an_earlier_term_gives_back_late_stays_with_who_took_it_since(made: Make) -> None:
    one = made("one")
    first = one.take("acme")
    second = one.take("acme")
    one.give_back("acme", first)
    with pytest.raises(HeldElsewhereError):
        made("other").take("acme")
    one.give_back("acme", second)
    made("other").take("acme")


def test_what_a_dead_one_held_is_taken(made: Make, database_url: str) -> None:
    made("one").take("acme")
    goes_silent(database_url, "one")
    made("other").take("acme")


def test_one_that_ends_is_not_waited_for_as_one_that_died(made: Make, database_url: str) -> None:
    one, other = made("one"), made("other")
    one.take("acme")
    one.resign()
    left = "SELECT extract(epoch FROM until - clock_timestamp()) FROM vapora__cells.installations WHERE name = 'one'"
    with psycopg.connect(database_url) as connection:
        row = connection.execute(left).fetchone()
    assert row is not None
    assert 0 < row[0] <= 3
    with pytest.raises(HeldElsewhereError):
        other.take("acme")


def test_one_that_leaves_gives_back_to_who_is_there_and_takes_nothing_more(made: Make, database_url: str) -> None:
    one, other = made("one", 2), made("other", 1)
    term = one.take("acme")
    # Alone it keeps what it has: nobody would serve it.
    assert (list(one.leave()), one.held()) == ([], 1)
    one.take("acme")
    other.announce()
    assert list(one.leave()) == ["other"]
    with pytest.raises(HeldElsewhereError, match="is ending"):
        one.take("acme")
    with pytest.raises(HeldElsewhereError, match="'one'"):
        other.take("acme")
    # To whom is leaving nothing is handed over.
    assert list(other.leave()) == []
    one.give_back("acme", term + 1)
    assert one.held() == 0
    other.take("acme")
    # Who was not ended comes back.
    change(database_url, "UPDATE vapora__cells.departures SET until = clock_timestamp() WHERE name = %s", "one")
    one.take("blue")


def test_who_names_an_installation_that_nobody_has_heard_of_is_told_which_there_are(made: Make) -> None:
    made("one").announce()
    with pytest.raises(ConfigurationError, match="No installation 'another' is at work on this database: there is one"):
        made("another").leave()


def test_tables_of_an_earlier_version_are_added_to(made: Make, database_url: str) -> None:
    made("one").take("acme")
    change(database_url, "DROP TABLE vapora__cells.departures")
    assert made("one").announce().holds("acme")


def test_a_newer_one_gets_all_of_it_after_the_older_one_had_its_time(made: Make, database_url: str) -> None:
    old, new = made("old", 1), made("new", 2)
    old.take("acme")
    with pytest.raises(HeldElsewhereError, match="'old'"):
        new.take("acme")
    new.announce()
    view = old.announce()
    assert [str(view.wait(one)) for one in ("acme", "blue")] == ["the installation 'new' (generation 2) serves it"] * 2
    for workspace in ("acme", "blue"):
        with pytest.raises(HeldElsewhereError, match="'new'"):
            old.take(workspace)
    has_waited(database_url, "new")
    new.take("acme")
    # And back, where the newer one has died.
    goes_silent(database_url, "new")
    old.take("acme")


def test_a_newer_one_that_was_away_gives_the_older_one_its_time_again(made: Make, database_url: str) -> None:
    old, new = made("old", 1), made("new", 2)
    new.announce()
    has_waited(database_url, "new")
    goes_silent(database_url, "new")
    old.take("acme")
    with pytest.raises(HeldElsewhereError):
        new.take("acme")


def test_a_log_is_opened_by_who_holds_its_lease_and_nobody_else_is_fenced_off(made: Make, database_url: str) -> None:
    place = log_schema(database_url, "acme")
    held = LogLease(made("one"), "acme")
    with closing(held.open(lambda: PostgresLog.open(place, "acme"))) as log:
        with pytest.raises(HeldElsewhereError):
            LogLease(made("other"), "acme").open(lambda: PostgresLog.open(place, "acme"))
        log.ensure_current()
    held.give_back()
    with closing(LogLease(made("other"), "acme").open(lambda: PostgresLog.open(place, "acme"))):
        pass


def test_one_that_hangs_is_fenced_off_by_who_takes_over(made: Make, database_url: str) -> None:
    place = log_schema(database_url, "acme")
    with closing(LogLease(made("old", 1), "acme").open(lambda: PostgresLog.open(place, "acme"))) as hanging:
        new = made("new", 2)
        new.announce()
        has_waited(database_url, "new")
        with closing(LogLease(new, "acme").open(lambda: PostgresLog.open(place, "acme"))), pytest.raises(FencedError):
            hanging.ensure_current()


def test_a_log_that_cannot_be_opened_is_nobodys(made: Make) -> None:
    def broken() -> EventLog:
        raise UnavailableError("away")

    with pytest.raises(UnavailableError, match="away"):
        LogLease(made("one"), "acme").open(broken)
    made("other").take("acme")


def test_who_lost_it_writes_no_read_models_any_more(made: Make, database_url: str) -> None:
    from projections.engine.store import ReadStore
    from vapora.database import read_schema

    one, other = made("one"), made("other")
    one.take("acme")
    store = ReadStore(read_schema(database_url, "acme"), guard=one.guard("acme"))
    with closing(store):
        with store.transaction():
            pass
        goes_silent(database_url, "one")
        other.take("acme")
        with pytest.raises(HeldElsewhereError, match="'other'"), store.transaction():
            pass
        other.give_back("acme", 2)
        with store.transaction():
            pass


def test_a_database_that_is_away_is_told_without_its_password() -> None:
    leases = TableLeases(Database("postgresql://u:secret@127.0.0.1:1/d", "vapora__cells"), "one", 0)
    for ask in (leases.announce, lambda: leases.take("acme"), leases.resign, lambda: leases.require("acme")):
        with pytest.raises(UnavailableError) as told:
            ask()
        assert "secret" not in str(told.value)


def test_files_have_no_others() -> None:
    alone = Alone()
    alone.announce()
    assert alone.guard("acme") is None  # type: ignore[func-returns-value]
    alone.give_back("acme", alone.take("acme"))
    alone.require("acme")
