"""Everything on one machine: what `vapora up` and `vapora demo` start and stop."""

from __future__ import annotations

import asyncio
import fcntl
import ipaddress
import os
import signal
import socket
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import structlog

from actors.cast import BUILDER, LocalCast
from vapora import journal
from vapora.errors import ConfigurationError, UnavailableError
from vapora.llm.factory import is_rehearsal
from vapora.queue.nats_options import options_of
from vapora.serve import api, deploy
from vapora.settings import Settings

_READY_S = 60.0
# What is not well for so long at a start will not pass by itself.
_SETTLED_S = 2.0
# How long a stop waits for answers that are on their way: their money is spent.
_DRAIN_S = 6.0


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a started platform is reached. `board`: as JSON. `dashboard`: Ray's, None without Ray. `problems`: what is
    not well, though the rest works."""

    board: str
    api: str
    api_docs: str
    dashboard: str | None
    ready_in_s: float
    problems: tuple[str, ...] = ()


class Platform:
    """Everything on this machine, as `vapora up` starts it. `start` and `stop` are to be called in the main thread."""

    def __init__(self, settings: Settings, environ: Mapping[str, str] | None = None, *, dashboard: bool = True) -> None:
        journal.configure(settings.log_format)
        self.settings = settings
        self._environ = os.environ if environ is None else environ
        self._dashboard = dashboard
        self._stopping = threading.Event()
        self._lock: IO[str] | None = None
        self._local: _LocalServer | None = None
        self._on_ray = False

    @property
    def rehearsal(self) -> bool:
        return is_rehearsal(self._environ, self.settings.model)

    def start(self) -> Addresses:
        """Returns when everything answers. Raises `ConfigurationError` where it cannot start, and `UnavailableError`
        where something has not answered in a minute."""
        began = time.monotonic()
        _require_loopback(self.settings.host)
        # Only whether it can work at all: NATS itself may come later.
        options_of(self.settings)
        # Before the port: who starts a second one on this data is not to be sent to another port first.
        self._lock = _lock(self.settings.data)
        dashboard = None
        try:
            _require_free(self.settings.host, self.settings.port)
            if self.settings.runtime == "local":
                self._local = _LocalServer(self.settings)
                self._local.start()
            else:
                dashboard = self._start_ray()
            problems = _wait_until_ready(self.settings.host, self.settings.port)
        except BaseException:
            self.stop()
            raise
        base = f"http://{self.settings.host}:{self.settings.port}"
        ready_in_s = time.monotonic() - began
        return Addresses(f"{base}/api/v1/board", f"{base}/api/v1", f"{base}/docs", dashboard, ready_in_s, problems)

    def _start_ray(self) -> str | None:
        from actors.runtime import cluster

        cluster.prepare_environment(self.settings.data.absolute(), os.environ)
        self._on_ray = True
        dashboard = cluster.start(self.settings.data, dashboard=self._dashboard)
        deploy(self.settings.model_copy(update={"data": self.settings.data.absolute()}))
        return dashboard and f"http://{dashboard}"

    def _stop_ray(self) -> None:
        """No more requests, then the actors in good order, then Ray; each bounded, since the log survives anything."""
        from actors.runtime import cluster
        from actors.runtime.ray import HostConfig, RayRuntime

        cluster.stop_serve()
        runtime = RayRuntime(HostConfig(BUILDER, self.settings, self.settings.placement))
        try:
            asyncio.run(asyncio.wait_for(runtime.shutdown(), _DRAIN_S))
        except Exception as error:  # whatever it is, Ray's own end is next
            structlog.get_logger("platform").warning("the actors did not stop in order", error=repr(error))
        cluster.stop(self.settings.data)

    def wait(self) -> None:
        """Block until Ctrl-C, SIGTERM, or `stop` from elsewhere."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self._stopping.set())
        # A wait without a limit would keep Python from running the signal's handler on some platforms.
        while not self._stopping.wait(1.0):
            pass

    def stop(self) -> None:
        """End everything that `start` started. Twice is harmless."""
        self._stopping.set()
        previous = _ignore_signals()
        try:
            if self._local is not None:
                self._local.stop()
                self._local = None
            if self._on_ray:
                self._on_ray = False
                self._stop_ray()
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
            if self._lock is not None:
                self._lock.close()
                self._lock = None


class _LocalServer:
    """The cast and the API in a thread of this process (`VAPORA_RUNTIME=local`)."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._ready: Future[None] = Future()
        self._server: Any = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="vapora", daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._ready.result(_READY_S)

    def stop(self) -> None:
        if self._server is not None:
            self._server.should_exit = True
        self._thread.join()

    async def _run(self) -> None:
        import uvicorn

        from vapora.api.http_protocol import limited

        cast = LocalCast(self._settings)
        try:
            await cast.start()
        except BaseException as error:
            self._ready.set_exception(error)
            return
        config = uvicorn.Config(
            api(self._settings, cast),
            host=self._settings.host,
            port=self._settings.port,
            http=limited(self._settings.receive_timeout_s),
            log_level="warning",
            # Its own handlers would write to standard error by themselves, and not in the chosen form.
            ws="websockets-sansio",
            # Only this machine connects: compressing each frame for each socket would be most of the work.
            ws_per_message_deflate=False,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=2,
        )
        self._server = uvicorn.Server(config)
        self._server.install_signal_handlers = lambda: None
        self._ready.set_result(None)
        await self._server.serve()
        await cast.stop()


def _require_loopback(host: str) -> None:
    local = host == "localhost"
    with suppress(ValueError):
        local = local or ipaddress.ip_address(host).is_loopback
    if not local:
        raise ConfigurationError(
            f"VAPORA does not listen on {host}: nobody would have to log in yet.",
            remedy="Use 127.0.0.1 (the default), and reach it from elsewhere through an SSH tunnel.",
        )


def _require_free(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConfigurationError(
                f"Port {port} on {host} cannot be used ({error.strerror}).", remedy="Choose another with --port."
            ) from error


def _lock(data: Path) -> IO[str]:
    """One platform a data folder; the kernel gives the lock back however the process ends."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = (data / "lock").open("a+")
    except OSError as error:
        raise ConfigurationError(
            f"The data folder {data} cannot be used ({error.strerror}).", remedy="Choose another with --data."
        ) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        owner = file.read().strip() or "another process"
        file.close()
        raise ConfigurationError(
            f"The data folder {data} is in use by process {owner}.", remedy="Stop that one, or use another with --data."
        ) from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def _wait_until_ready(host: str, port: int) -> tuple[str, ...]:
    """What is not well then: a projection that has stopped at an event must not keep all others from working."""
    import httpx

    deadline = time.monotonic() + _READY_S
    reason, failing_since = "no answer", None
    while time.monotonic() < deadline:
        # No JSON: Serve's proxy answers for an API that is not there yet.
        with suppress(httpx.HTTPError, ValueError):
            answer = httpx.get(f"http://{host}:{port}/health", timeout=5)
            said = answer.json()
            if said["status"] == "ok":
                return ()
            reason = said["reason"]
            if said["status"] != "failing":
                failing_since = None
            elif failing_since is None:
                failing_since = time.monotonic()
            elif time.monotonic() - failing_since > _SETTLED_S:
                return tuple(said["problems"])
        time.sleep(0.1)
    raise UnavailableError(f"VAPORA was not ready in {_READY_S:g} s: {reason}")


def _ignore_signals() -> dict[int, Any]:
    """Stopping is not interrupted by more of the same; only the main thread may say so."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    return {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
