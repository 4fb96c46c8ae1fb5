"""Everything on one machine: what `vapora up` and `vapora demo` start and stop."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import structlog

from events.ids import DEFAULT_WORKSPACE
from vapora import __version__, journal, operator_token
from vapora.errors import UnavailableError, VaporaError
from vapora.in_process import LocalServer
from vapora.llm.catalogue import installed
from vapora.llm.factory import is_rehearsal
from vapora.settings import Settings
from vapora.startup import interrupt, lock, preflight, readiness, tls
from vapora.startup.watch import Watch

# What is imported inside of functions takes seconds, during which people are to know that something happens.

# How long a stop waits for answers that are on their way: their money is spent.
_DRAIN_S = 6.0
# After which a stop that hangs is cut off: of a platform that was up, and of one that was not yet.
_STOPPED_S, _GIVEN_UP_S = 14.0, 9.0
_LOOK_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a started platform is reached. `board`: for people. `dashboard`: Ray's, None without Ray. `problems`: what
    is not well, though the rest works."""

    board: str
    api: str
    api_docs: str
    dashboard: str | None
    ready_in_s: float
    problems: tuple[str, ...] = ()


class Platform:
    """Everything on this machine, as `vapora up` starts it. `start` and `stop` are to be called in the main thread.

    `progress` is told, in sentences, how far a start has come.
    """

    def __init__(
        self,
        settings: Settings,
        environ: Mapping[str, str] | None = None,
        *,
        dashboard: bool = True,
        progress: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        journal.configure(settings.log_format)
        self.settings = settings
        self._environ = os.environ if environ is None else environ
        self._dashboard = dashboard
        self._progress = progress
        self._stopping = threading.Event()
        self._lock: lock.Lock | None = None
        self._local: LocalServer | None = None
        self._kill_ray: Callable[[], None] | None = None
        self._watch: Watch | None = None
        # Whether Ray can still be told to stop in good order.
        self._on_ray = False

    @property
    def rehearsal(self) -> bool:
        return is_rehearsal(self._environ, self.settings.model, installed(self.settings))

    def start(self) -> Addresses:
        """Returns when everything answers. Raises `ConfigurationError` where it cannot start, and `UnavailableError`
        where something has not answered in two minutes."""
        began = time.monotonic()
        with interrupt.abandoning():
            preflight.check(self.settings, self._environ)
            # Before the port: who starts a second one on this data is not to be sent to another port first.
            self._lock = lock.take(self.settings.data)
            base = readiness.origin(self.settings.host, self.settings.port, self.settings.tls_files is not None)
            dashboard = None
            try:
                preflight.require_free(self.settings.host, self.settings.port)
                if self.settings.runtime == "local":
                    self._local = LocalServer(self.settings)
                    with interrupt.raising():
                        self._local.start()
                else:
                    dashboard = self._start_ray(base)
                self._lock.say(self._owner(base))
                with interrupt.raising():
                    trusted = tls.pinned_of(self.settings)
                    problems = readiness.wait_until_ready(base, self._operator_token(), self._progress, trusted)
            except BaseException as error:
                self._stop(error)
                raise
        ready_in_s = time.monotonic() - began
        return Addresses(f"{base}/", f"{base}/api/v1", f"{base}/docs", dashboard, ready_in_s, problems)

    def _owner(self, base: str) -> lock.Owner:
        return lock.Owner(
            pid=os.getpid(),
            url=base,
            version=__version__,
            log=_log(self.settings),
            tls_cert=tls.named(self.settings),
        )

    def _operator_token(self) -> str:
        return operator_token.ensure(self.settings.data.absolute())

    def _start_ray(self, base: str) -> str | None:
        began = time.monotonic()
        from actors.runtime import cluster
        from vapora.serve import deploy

        data = self.settings.data.absolute()
        self._kill_ray = partial(cluster.kill, data)
        interrupt.at_abandon(self._kill_ray)
        # What an installation that was killed has left of itself.
        self._kill_ray()
        cluster.prepare_environment(data, os.environ)
        self._progress("Starting Ray, which takes some 10 s (`--local` does without it) …")
        try:
            # By its folder, not by its Ray: what was killed a moment ago was this one.
            name = self.settings.installation or cluster.name_on_this_machine(data)
            settings = self.settings.model_copy(update={"data": data, "installation": name})
            dashboard = cluster.start(data, dashboard=self._dashboard, handed=settings.handed())
            self._on_ray = True
            # Ray has put a handler of its own in the place of ours.
            interrupt.reinstall()
            self._progress(f"Ray runs after {time.monotonic() - began:.1f} s. Deploying the API …")
            deploy(settings)
        except VaporaError:
            raise
        except Exception as error:  # Ray has many kinds, and none of them is for people
            raise UnavailableError(
                f"Ray did not start: {type(error).__name__}: {str(error).partition(chr(10))[0]}",
                remedy=f"Its logs are in {data / 'ray' / 'session_latest' / 'logs'}. `--local` does without Ray.",
            ) from error
        answers = partial(readiness.answers, base, tls.pinned_of(self.settings))
        self._watch = Watch(cluster.pillars(data), cluster.is_alive, answers)
        return dashboard and f"http://{dashboard}"

    def _stop_ray(self) -> None:
        """No more requests, then the actors in good order, then Ray; each bounded, since the log survives anything."""
        from actors.composition import BUILDER
        from actors.runtime import cluster
        from actors.runtime.ray import HostConfig, RayRuntime

        cluster.stop_serve()
        runtime = RayRuntime(HostConfig.of(BUILDER, self.settings))
        try:
            asyncio.run(asyncio.wait_for(runtime.shutdown(), _DRAIN_S))
        except Exception as error:  # whatever it is, Ray's own end is next
            structlog.get_logger("platform").warning("the actors did not stop in order", error=repr(error))
        cluster.stop(self.settings.data.absolute())

    def wait(self) -> None:
        """Block until Ctrl-C or SIGTERM (as `KeyboardInterrupt`), or `stop` from elsewhere. Raises `UnavailableError`
        where what it runs on has died, and only a new start helps."""
        while not self._stopping.wait(_LOOK_EVERY_S):
            if fault := self._fault():
                self._give_ray_up()
                raise UnavailableError(
                    f"{fault} VAPORA ends.", remedy=f"Nothing is lost: `vapora up --data {self.settings.data}` goes on."
                )

    def _fault(self) -> str | None:
        """What no waiting will mend."""
        if self._local is not None and not self._local.is_running:
            return "The server in this process has ended."
        return None if self._watch is None else self._watch.look()

    def _give_ray_up(self) -> None:
        """Nobody asks a dead Ray to stop in good order: each question would only wait."""
        if self._on_ray:
            from actors.runtime import cluster

            cluster.disown()
            self._on_ray = False

    def stop(self) -> None:
        """End everything that `start` started. Twice is harmless."""
        self._stop(None)

    def _stop(self, failure: BaseException | None) -> None:
        """`failure`: why the start did not succeed; it is said even where the stop has to be cut off."""
        self._stopping.set()
        with interrupt.ending():
            interrupt.end_within(*_cut_off(failure))
            try:
                if self._local is not None:
                    self._local.stop()
                    self._local = None
                if self._kill_ray is not None:
                    if self._on_ray:
                        self._stop_ray()
                    self._kill_ray()
                    interrupt.forget(self._kill_ray)
                    self._kill_ray, self._on_ray = None, False
            finally:
                if self._lock is not None:
                    self._lock.release()
                    self._lock = None


def _cut_off(failure: BaseException | None) -> tuple[float, int, str]:
    """After how many seconds a stop is cut off, with which exit code, and what is said then."""
    if isinstance(failure, KeyboardInterrupt):
        return _GIVEN_UP_S, 130, interrupt.ABANDONED
    said = f"It did not stop in order within {_STOPPED_S:g} s, and was ended. Nothing is lost."
    return _STOPPED_S, 1, said if failure is None else str(failure)


def _log(settings: Settings) -> str:
    """Where the log is, for others to compare: without user and password."""
    return str(settings.log_place(DEFAULT_WORKSPACE))
