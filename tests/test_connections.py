"""One pool of connections to PostgreSQL for all that a process holds: nothing of one workspace stays for the next,
nobody locks anybody up, and a restart of the server is survived."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from time import monotonic

import psycopg
import pytest

from projections.engine.store import ReadStore, StoreReader, engine
from tests.postgres import connections
from tests.projections.story import Story
from tests.proxy import Proxy
from vapora.connections import AwayError
from vapora.database import MOST_CONNECTIONS, Database, let_go, read_schema
from vapora.errors import UnavailableError

WORKSPACES = [f"w{number}" for number in range(4)]


def mark(store: ReadStore, text: str) -> None:
    with store.transaction() as transaction:
        [entry] = Story().submit(text).log[:1]
        transaction.remember(entry)
        transaction._connection.execute("CREATE TABLE IF NOT EXISTS whose (name TEXT)")
        transaction._connection.execute("INSERT INTO whose VALUES (?)", (text,))


def whose(store: ReadStore) -> list[str]:
    with store.snapshot() as rows:
        return [name for (name,) in rows._connection.execute("SELECT name FROM whose").fetchall()]


def end_all(url: str) -> None:
    """As a restart of the server does."""
    with psycopg.connect(url, autocommit=True, application_name="test") as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'vapora'")


def test_many_threads_at_many_workspaces_share_few_connections_and_see_their_own_alone(database_url: str) -> None:
    stores = {one: ReadStore(read_schema(database_url, one)) for one in WORKSPACES}

    def work(number: int) -> None:
        name = WORKSPACES[number % len(WORKSPACES)]
        mark(stores[name], name)
        assert set(whose(stores[name])) == {name}

    with ThreadPoolExecutor(3 * MOST_CONNECTIONS) as pool:
        list(pool.map(work, range(80)))
    # One more says what is worked on.
    assert connections(database_url) <= MOST_CONNECTIONS + 1
    for name, store in stores.items():
        assert whose(store) == [name] * 20
        store.close()


def test_nothing_that_a_transaction_set_stays_for_the_next_one(database_url: str) -> None:
    with closing(ReadStore(read_schema(database_url, "acme"))) as store:
        mark(store, "acme")
        with pytest.raises(ZeroDivisionError), store.transaction() as transaction:
            transaction._connection.execute("INSERT INTO whose VALUES ('half')")
            raise ZeroDivisionError
        assert whose(store) == ["acme"]
    seen = set()
    for _ in range(MOST_CONNECTIONS):
        with Database(database_url, "x").lease() as connection:
            assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
            seen |= set(connection.execute("SELECT current_setting('search_path')").fetchone() or ())
            seen |= set(connection.execute("SELECT current_setting('transaction_read_only')").fetchone() or ())
    assert seen == {'"$user", public', "off"}


def test_a_restart_of_the_server_costs_no_read_and_no_write(database_url: str) -> None:
    place = read_schema(database_url, "acme")
    with closing(ReadStore(place)) as store, closing(StoreReader(place)) as reader:
        mark(store, "before")
        with ThreadPoolExecutor(MOST_CONNECTIONS) as pool:
            list(pool.map(lambda _: whose(store), range(40)))
        end_all(database_url)
        mark(store, "after")
        with reader.snapshot() as rows:
            assert rows.position == 0
        end_all(database_url)
        with Database(database_url, "x").lease() as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert whose(store) == ["before", "after"]


def test_others_see_that_somebody_works_on_read_models_for_as_long_as_they_do(database_url: str) -> None:
    place = read_schema(database_url, "acme")
    store, second = ReadStore(place), ReadStore(place)
    try:
        assert engine(place).is_in_use()
        second.close()
        assert engine(place).is_in_use()
    finally:
        store.close()
    assert not engine(place).is_in_use()


def test_a_reader_before_anything_was_made_is_told_so(database_url: str) -> None:
    with closing(StoreReader(read_schema(database_url, "acme"))) as reader:
        assert not reader.exists()
        with pytest.raises(UnavailableError), reader.snapshot():
            pass


def test_while_the_server_is_away_nobody_waits_for_it_and_as_soon_as_it_is_back_it_is_used(database_url: str) -> None:
    def ask(_: int = 0) -> tuple[object, float]:
        began = monotonic()
        try:
            with database.lease() as connection:
                return connection.execute("SELECT 1").fetchone(), monotonic() - began
        except AwayError as error:
            return error, monotonic() - began

    with Proxy.before(Database(database_url, "x")) as proxy, ThreadPoolExecutor(2 * MOST_CONNECTIONS) as pool:
        database = proxy.database
        assert ask()[0] == (1,)
        proxy.refuse()
        for _ in range(4):
            answers = list(pool.map(ask, range(20)))
            assert all(isinstance(answer, AwayError) for answer, _ in answers)
            # Ten seconds are what the pool would have each of them wait.
            assert max(took_s for _, took_s in answers) < 9
        proxy.resume()
        deadline = monotonic() + 240
        while ask()[0] != (1,):
            assert monotonic() < deadline
        let_go(database.url)
