"""A server's front door that loses what it is told to lose, as networks do."""

from __future__ import annotations

import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Literal
from urllib.parse import urlsplit

from vapora.database import Database


class Proxy:
    """Passes bytes on. `database`: the same one, reached through here."""

    def __init__(self, database: Database) -> None:
        parts = urlsplit(database.url)
        self._target = (parts.hostname or "", parts.port or 5432)
        self._server = socket.create_server(("127.0.0.1", 0))
        port = self._server.getsockname()[1]
        netloc = f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{port}"
        query = "&".join(filter(None, [parts.query, "gssencmode=disable", "sslmode=disable"]))
        self.database = Database(parts._replace(netloc=netloc, query=query).geturl(), database.schema)
        self.lost = 0
        self._sign: bytes | None = None
        self._away: Literal["", "refused", "silent"] = ""
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @classmethod
    @contextmanager
    def before(cls, database: Database) -> Iterator[Proxy]:
        proxy = cls(database)
        try:
            yield proxy
        finally:
            proxy.close()

    def lose_answer_to(self, sign: bytes) -> None:
        """The next request that holds `sign` reaches the server; then, instead of its answer, the connection ends."""
        self._sign = sign

    def refuse(self) -> None:
        """From now on all connections end, and new ones at once, as where the server was stopped."""
        with self._lock:
            self._away = "refused"
        self._end_all()

    def silence(self) -> None:
        """From now on nothing is passed on and nothing is said: new connections are taken, and never answered, as where
        the server's machine stands still."""
        self._away = "silent"

    def resume(self) -> None:
        """What was silent stays so; new connections are served."""
        self._away = ""

    def close(self) -> None:
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._end_all()
        for thread in self._threads:
            thread.join()

    def _end_all(self) -> None:
        with self._lock:
            ended = list(self._open)
        for one in ended:
            # Not closed: whoever waits for it would never hear of that.
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            # None is taken in the moment in which all others end: it would outlive it.
            with self._lock:
                if self._away == "refused":
                    client.close()
                    continue
                server = socket.create_connection(self._target)
                self._open += [client, server]
            thread = threading.Thread(target=self._pass, args=(client, server), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _pass(self, client: socket.socket, server: socket.socket) -> None:
        armed = False
        with client, server, selectors.DefaultSelector() as ready, suppress(OSError):
            ready.register(client, selectors.EVENT_READ, server)
            ready.register(server, selectors.EVENT_READ, client)
            while True:
                for key, _ in ready.select():
                    source, target = key.fileobj, key.data
                    assert isinstance(source, socket.socket)
                    data = source.recv(65_536)
                    if not data:
                        return
                    if self._away == "silent":
                        continue
                    if source is client and self._sign is not None and self._sign in data:
                        self._sign, armed = None, True
                    elif source is server and armed:
                        self.lost += 1
                        return
                    target.sendall(data)
