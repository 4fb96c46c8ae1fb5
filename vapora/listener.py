"""The socket that a server of ours listens on."""

from __future__ import annotations

import socket


def bound(host: str, port: int) -> socket.socket:
    """A socket on that address; port 0 takes a free one. Raises `OSError` where another one has it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named TCP, for asyncio turns off Nagle's delay (40 ms an answer) only where it sees the protocol.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except BaseException:
        listener.close()
        raise
    return listener
