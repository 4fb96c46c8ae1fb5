"""The installation that `up` and `demo` start in this process."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Protocol

import typer

from vapora.cli.output import say
from vapora.startup import interrupt

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
    machine's alone, a port or a folder in use); `wait` blocks until SIGINT or SIGTERM, or
    raises `UnavailableError` where what it runs on has died; `stop` is not interrupted."""

    def start(self) -> Addresses: ...
    def wait(self) -> None: ...
    def stop(self) -> None: ...


Local = Annotated[
    bool,
    typer.Option("--local", help="All in this process, without Ray: ready in two seconds, with a tenth of the memory."),
]
Factory = Callable[["Settings", Mapping[str, str]], Platform]


def ray_platform(settings: Settings, environ: Mapping[str, str]) -> Platform:
    """The real one. Ray and FastAPI take seconds to import: only who starts a platform pays."""
    from vapora import platform

    made: Platform = platform.Platform(settings, environ, progress=say)
    return made


def start(settings: Settings, factory: Factory) -> tuple[Platform, Addresses]:
    """What `factory` makes, started. A signal on the way ends the process, with nothing left behind."""
    with interrupt.abandoning():
        platform = factory(settings, os.environ)
        try:
            return platform, platform.start()
        except BaseException:
            platform.stop()
            raise


def origin(addresses: Addresses) -> str:
    """`http://host:port`: the API's address without its path."""
    scheme, _, rest = addresses.api.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"
