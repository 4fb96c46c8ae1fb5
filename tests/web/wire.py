"""What lies between a browser and its server, and can be cut."""

from __future__ import annotations

import selectors
import socket
import struct
import threading
from contextlib import suppress
from typing import Literal

_RESET = struct.pack("ii", 1, 0)


class Wire:
    """Passes bytes on to a port of this machine until it is cut. `url`: the server, through here."""

    def __init__(self, port: int) -> None:
        self._target = ("127.0.0.1", port)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        # Connections that were tried while it was cut.
        self.refused = 0
        self._cut: Literal["", "reset", "silent"] = ""
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def cut(self, how: Literal["reset", "silent"]) -> None:
        """`reset`: every connection ends at once, and none is taken. `silent`: nothing passes, and nobody is told."""
        with self._lock:
            self.refused = 0
            self._cut = how
        if how == "reset":
            self._end_all()

    def mend(self) -> None:
        """What was silent is told now that its connection is gone."""
        if self._cut == "silent":
            self._end_all()
        self._cut = ""

    def close(self) -> None:
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._end_all()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            # None is taken in the moment of a cut: it would outlive it.
            with self._lock:
                if self._cut:
                    self.refused += 1
                if self._cut == "reset":
                    client.close()
                    continue
                server = socket.create_connection(self._target)
                self._open += [client, server]
            self._threads.append(threading.Thread(target=self._pass, args=(client, server), daemon=True))
            self._threads[-1].start()

    def _pass(self, client: socket.socket, server: socket.socket) -> None:
        with client, server, selectors.DefaultSelector() as ready, suppress(OSError, ValueError):
            ready.register(client, selectors.EVENT_READ, server)
            ready.register(server, selectors.EVENT_READ, client)
            while True:
                for key, _ in ready.select():
                    assert isinstance(key.fileobj, socket.socket)
                    data = key.fileobj.recv(65_536)
                    if not data:
                        return
                    # What is on its way while the wire is cut is lost.
                    if not self._cut:
                        key.data.sendall(data)

    def _end_all(self) -> None:
        with self._lock:
            ended, self._open = self._open, []
        for one in ended:
            with suppress(OSError):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                one.shutdown(socket.SHUT_RDWR)
