"""The installation that `up` and `demo` start in this process, and how it is asked to stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from vapora.settings import Settings


class Addresses(Protocol):
    """Where people find it."""

    @property
    def board(self) -> str: ...
    @property
    def api(self) -> str: ...
    @property
    def api_docs(self) -> str: ...
    @property
    def dashboard(self) -> str | None: ...
    @property
    def problems(self) -> tuple[str, ...]: ...


class Platform(Protocol):
    """Everything on this machine. `start` raises `ConfigurationError` where it cannot (an address that is not this
    machine's alone, a port or a folder in use); `wait` blocks until SIGINT or SIGTERM; `stop` is not interrupted."""

    def start(self) -> Addresses: ...
    def wait(self) -> None: ...
    def stop(self) -> None: ...


Factory = Callable[["Settings", Mapping[str, str]], Platform]


def ray_platform(settings: Settings, environ: Mapping[str, str]) -> Platform:
    """The real one. Ray and FastAPI take seconds to import: only who starts a platform pays."""
    from vapora import platform

    made: Platform = platform.Platform(settings, environ)
    return made


def origin(addresses: Addresses) -> str:
    """`http://host:port`: the API's address without its path."""
    scheme, _, rest = addresses.api.partition("://")
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
