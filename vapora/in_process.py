"""Everything in this process: the actors and the API in a thread of their own, behind a port of this machine."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import ValidationError

from events.ids import DEFAULT_WORKSPACE
from vapora import __version__, operator_token
from vapora.agents import Agent
from vapora.dispatch.code_agents import check
from vapora.errors import ConfigurationError
from vapora.listener import bound
from vapora.sdk import Client
from vapora.settings import Settings
from vapora.startup import lock, preflight, readiness, tls

# The data of a passing installation is in its folder, whatever the environment says of others.
_PASSING: dict[str, Any] = {
    "database_url": None,
    "database_url_file": None,
    "blobs_url": "",
    "checkpoints_url": "",
    "nats_url": "",
    "generation": 0,
}


class LocalServer:
    """The actor system and the API in a thread of this process (`VAPORA_RUNTIME=local`), with an event loop of its own.

    Port 0 takes a free one; `port` is the one that it has. `agents`: written in Python, beside those of installed
    packages. `environ`: what the vendors' SDKs are told; None: what this process was.
    """

    def __init__(
        self, settings: Settings, agents: Sequence[Agent] = (), environ: Mapping[str, str] | None = None
    ) -> None:
        self._settings = settings
        self._agents = tuple(agents)
        self._environ = os.environ if environ is None else environ
        self._ready: Future[None] = Future()
        self._stopped = threading.Event()
        self._server: Any = None
        self._socket: socket.socket | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="vapora", daemon=True)

    @property
    def port(self) -> int:
        if self._socket is None:
            raise RuntimeError("the server has not started")
        return int(self._socket.getsockname()[1])

    @property
    def is_running(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        """Returns when the actors have started. Raises what keeps them from it."""
        self._socket = bound(self._settings.host, self._settings.port)
        self._thread.start()
        self._ready.result(readiness.READY_S)

    def stop(self) -> None:
        self._stopped.set()
        if self._server is not None:
            self._server.should_exit = True
        if self._thread.ident is not None:
            self._thread.join()
        if self._socket is not None:
            self._socket.close()

    async def _run(self) -> None:
        from actors.composition import LocalActorSystem
        from vapora.api.http_server import server_of
        from vapora.serve import api

        system = LocalActorSystem(self._settings, self._environ, self._agents)
        try:
            await system.start()
        except BaseException as error:
            await system.stop()
            self._ready.set_exception(error)
            return
        self._server = server_of(api(self._settings, system), self._settings)
        self._ready.set_result(None)
        # Whoever asks for the end before there is a server cannot tell it so.
        if not self._stopped.is_set():
            await self._server.serve(sockets=[self._socket])
        await system.stop()


@contextmanager
def local(
    data: Path | str | None = None,
    *,
    agents: Sequence[Agent] = (),
    environ: Mapping[str, str] | None = None,
    **settings: Any,
) -> Iterator[Client]:
    """See `vapora.local`."""
    check(agents)
    with ExitStack() as stack:
        if data is None:
            folder = TemporaryDirectory(prefix="vapora-", ignore_cleanup_errors=True)
            data, settings = stack.enter_context(folder), _PASSING | settings
        chosen = _settings(Path(data), settings)
        preflight.check(chosen, os.environ if environ is None else environ)
        held = lock.take(chosen.data)
        stack.callback(held.release)
        server = LocalServer(chosen, agents, environ)
        stack.callback(server.stop)
        server.start()
        base = readiness.origin(chosen.host, server.port, chosen.tls_files is not None)
        held.say(
            lock.Owner(
                pid=os.getpid(),
                url=base,
                version=__version__,
                log=str(chosen.log_place(DEFAULT_WORKSPACE)),
                tls_cert=tls.named(chosen),
            )
        )
        # Whoever runs all of it in a process of theirs may have commands run there, too.
        token = operator_token.ensure(chosen.data.absolute())
        trusted = tls.pinned_of(chosen)
        readiness.wait_until_ready(base, token, tls=trusted)
        yield stack.enter_context(Client(base, token=token, tls=trusted))


def _settings(data: Path, given: dict[str, Any]) -> Settings:
    """Raises `ConfigurationError` where they are none, or cannot work."""
    if strange := sorted(given.keys() - Settings.model_fields.keys()):
        raise ConfigurationError(
            f"There is no setting {strange[0]!r}.", remedy="docs/operations.md lists them, without VAPORA_ in front."
        )
    try:
        return Settings(**{"port": 0, **given, "data": data, "runtime": "local"})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(f"The setting {name} cannot be used: {first['msg']}.", remedy="Change it.") from error
