"""A database that says nothing: what was sent to it is given up within seconds, and takes effect once at most."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from time import monotonic

import psycopg
import pytest

from tests.log.conftest import MakeRequest
from tests.log.test_postgres import until, waiting
from tests.proxy import Proxy
from vapora.connections import AwayError
from vapora.database import MOST_CONNECTIONS, Database, let_go
from vapora.errors import LogError
from vapora.log.postgres.log import PostgresLog
from vapora.records import Appended

# Two seconds of silence, three for the question whether anybody is there; a machine that runs other tests beside it is
# given six times that.
WITHIN_S = 30.0


def told_soon(work: Callable[[], object]) -> None:
    began = monotonic()
    with pytest.raises(LogError, match="timeout") as caught:
        work()
    assert monotonic() - began < WITHIN_S
    assert "See that PostgreSQL runs" in caught.value.remedy


def reached(log: PostgresLog) -> bool:
    """Whoever failed within the last second is believed."""
    try:
        log.head()
    except LogError:
        return False
    return True


def test_an_append_without_an_answer_is_given_up_and_where_it_comes_late_nothing_is_written_twice(
    database: Database, make: MakeRequest
) -> None:
    with (
        Proxy.before(database) as proxy,
        closing(PostgresLog.open(proxy.database, "acme")) as log,
        psycopg.connect(database.url) as holding,
        ThreadPoolExecutor(1) as thread,
    ):
        log.append([make(("a", 0, 1))])
        # The append reaches the server, and waits there; then the network swallows everything.
        holding.execute(f'SELECT FROM "{database.schema}".writer FOR UPDATE'.encode())
        late = make(("a", 1, 2))
        appending = thread.submit(told_soon, lambda: log.append([late]))
        until(lambda: waiting(database) == 1)
        proxy.silence()
        appending.result()
        told_soon(lambda: log.read("a"))

        proxy.resume()
        until(lambda: reached(log))
        # Asked again while the first one is still on the server, and before it is carried out.
        again = thread.submit(log.append, [late])
        until(lambda: waiting(database) == 2)
        holding.commit()
        assert again.result() == [Appended((2, 3))]
        assert log.append([make(("a", 3, 1))]) == [Appended((4,))]
        assert [record.position for record in log.after(0)] == [1, 2, 3, 4]
        let_go(proxy.database.url)


def test_a_statement_that_is_worked_on_is_waited_for_however_long_it_says_nothing(database: Database) -> None:
    with database.lease() as connection:
        assert connection.execute("SELECT 1 FROM pg_sleep(8)").fetchone() == (1,)


def test_connections_whose_way_alone_swallows_everything_are_replaced_together(
    database: Database, make: MakeRequest
) -> None:
    with Proxy.before(database) as proxy, closing(PostgresLog.open(proxy.database, "acme")) as log:
        log.append([make(("a", 0, 1))])
        with ExitStack() as all_of_them:
            for _ in range(MOST_CONNECTIONS):
                all_of_them.enter_context(proxy.database.lease())
        proxy.silence()
        proxy.resume()  # for new connections
        began = monotonic()
        assert log.append([make(("a", 1, 1))]) == [Appended((2,))]
        assert monotonic() - began < WITHIN_S
        let_go(proxy.database.url)


def test_whoever_waits_for_a_silent_server_is_told_and_not_only_the_first(database: Database) -> None:
    def ask(_: int) -> None:
        with pytest.raises(AwayError), proxy.database.lease() as connection:
            connection.execute("SELECT 1")

    with Proxy.before(database) as proxy, ThreadPoolExecutor(20) as threads:
        with proxy.database.lease():
            pass
        proxy.silence()
        began = monotonic()
        list(threads.map(ask, range(20)))
        assert monotonic() - began < WITHIN_S
        let_go(proxy.database.url)
