"""Our own HTTP server over an application: where it listens, and what it allows a connection."""

from __future__ import annotations

import asyncio
import socket

import uvicorn
from fastapi import FastAPI

from vapora.api.http_protocol import limited
from vapora.backoff import Backoff
from vapora.errors import ConfigurationError
from vapora.listener import bound
from vapora.settings import Settings

# Whoever served before on this port may still be ending.
_PATIENCE_S = 10.0
_BACKOFF = Backoff(0.05, longest_s=1.0)


def server_of(app: FastAPI, settings: Settings) -> uvicorn.Server:
    """To be told which sockets it listens on; it takes no signals of the process."""
    certificate, key = settings.tls_files or (None, None)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            http=limited(settings.receive_timeout_s),
            log_level="warning",
            # Its own handlers would write to standard error by themselves, and not in the chosen form.
            ws="websockets-sansio",
            # Only this machine connects: compressing each frame for each socket would be most of the work.
            ws_per_message_deflate=False,
            log_config=None,
            # Who is trusted to say from where a request comes is a setting of ours (`VAPORA_TRUSTED_PROXIES`).
            proxy_headers=False,
            access_log=False,
            timeout_graceful_shutdown=2,
            ssl_certfile=certificate,
            ssl_keyfile=key,
        )
    )
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    return server


async def bound_when_free(host: str, port: int, within_s: float = _PATIENCE_S) -> socket.socket:
    """As `bound`, once its predecessor has left. Raises `ConfigurationError` where that takes longer."""
    loop, pauses = asyncio.get_running_loop(), iter(_BACKOFF)
    deadline = loop.time() + within_s
    while True:
        try:
            return bound(host, port)
        except OSError as error:
            pause = next(pauses)
            if loop.time() + pause > deadline:
                raise ConfigurationError(
                    f"Port {port} on {host} cannot be used ({error.strerror}).", remedy="Choose another with --port."
                ) from error
        await asyncio.sleep(pause)
