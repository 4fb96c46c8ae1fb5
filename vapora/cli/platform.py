"""The installation that `up` and `demo` start in this process, and how it is asked to stop."""

from __future__ import annotations

import ipaddress
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any, Protocol

from vapora.cli.output import USAGE, say, stop

if TYPE_CHECKING:
    from vapora.settings import Settings


class Addresses(Protocol):
    """Where people find it."""

    @property
    def board(self) -> str: ...
    @property
    def api_docs(self) -> str: ...
    @property
    def dashboard(self) -> str | None: ...


class Platform(Protocol):
    """Everything on this machine. `wait` blocks until SIGINT or SIGTERM."""

    def start(self) -> Addresses: ...
    def wait(self) -> None: ...
    def stop(self) -> None: ...


Factory = Callable[["Settings", Mapping[str, str]], Platform]


def ray_platform(settings: Settings, environ: Mapping[str, str]) -> Platform:
    """The real one. Ray and FastAPI take seconds to import: only who starts a platform pays."""
    from vapora import serve

    made: Platform = serve.Platform(settings, environ)
    return made


def check_address(host: str, port: int) -> None:
    """Ends with exit code 2 where the platform must not, or cannot, listen."""
    if not _is_loopback(host):
        stop(
            USAGE,
            f"{host} is not an address of this machine alone: whoever reaches it could spend your money, since there "
            "is no log-in yet.",
            "Use --host 127.0.0.1, and for access from elsewhere an SSH tunnel.",
        )
    if port and not _is_free(host, port):
        stop(USAGE, f"Port {port} is taken already.", "Choose another with --port, or stop what listens there.")


def origin(addresses: Addresses) -> str:
    """`http://host:port` of the API: the board's address without its path."""
    scheme, _, rest = addresses.board.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"


@contextmanager
def interruptible() -> Iterator[None]:
    """SIGTERM ends us as Ctrl-C does, by `KeyboardInterrupt`."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt), signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before[0])
        signal.signal(signal.SIGINT, before[1])


def stop_calmly(platform: Platform) -> None:
    """Bring it down without being interrupted by an impatient second Ctrl-C, which would leave processes behind."""
    with _ignored(signal.SIGINT), _ignored(signal.SIGTERM):
        platform.stop()


@contextmanager
def _ignored(number: signal.Signals) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: Any = signal.signal(number, lambda *_: say("Stopping already; this takes up to 15 seconds."))
    try:
        yield
    finally:
        signal.signal(number, before)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # As servers do it: a port that only lingers from a server just stopped counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
