"""Ports of loopback for servers that are started, killed and started again on the same one."""

from __future__ import annotations

import random
import socket

# Below those that systems give out for outgoing connections (Linux from 32,768, IANA and macOS from 49,152). One of
# those may be taken by a client while its server is away: even by the client that tries to reach that very server.
_PORTS = range(10_000, 32_768)
_given: set[int] = set()


def free_port() -> int:
    """One that nobody listens on, and that was not given out before."""
    while True:
        port = random.choice(_PORTS)
        if port not in _given and _is_free(port):
            _given.add(port)
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
