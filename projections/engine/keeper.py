"""Locks that say what a process works on: one connection holds them all, since those of a session end with it."""

from __future__ import annotations

import os
import threading
from collections import Counter
from typing import Any

import psycopg

from vapora.database import Database

_turn = threading.Lock()
_keepers: dict[tuple[int, str], Keeper] = {}


def keeper(database: Database) -> Keeper:
    """That of this process for the database."""
    with _turn:
        return _keepers.setdefault((os.getpid(), database.url), Keeper(database))


class Keeper:
    """Shared locks: others in other processes may hold the same."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._held: Counter[str] = Counter()
        self._connection: psycopg.Connection[Any] | None = None

    def hold(self, key: str) -> None:
        """Raises what `psycopg` raises."""
        with self._lock:
            self._held[key] += 1
            try:
                self._lock_all() if self._connection is None else self._say("pg_advisory_lock_shared", key)
            except psycopg.OperationalError:
                try:
                    self._lock_all()
                except BaseException:
                    self._held[key] -= 1
                    raise

    def release(self, key: str) -> None:
        with self._lock:
            self._held -= Counter({key: 1})
            if self._connection is None:
                return
            try:
                self._say("pg_advisory_unlock_shared", key)
            except psycopg.OperationalError:
                # Gone with its connection.
                self._let_go()
            if not self._held:
                self._let_go()

    def renew(self) -> None:
        """Where the server was restarted, they are gone."""
        with self._lock:
            if self._held:
                self._lock_all()

    def _lock_all(self) -> None:
        self._let_go()
        self._connection = self._database.connect()
        for key in self._held.elements():
            self._say("pg_advisory_lock_shared", key)

    def _say(self, function: str, key: str) -> None:
        assert self._connection is not None
        self._connection.execute(f"SELECT {function}(hashtextextended(%s, 0))".encode(), (key,))

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
