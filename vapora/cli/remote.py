"""The server that commands speak to, as the environment names it."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from vapora import operator_token
from vapora.cli.kept import Servers, SessionFile
from vapora.errors import ConfigurationError
from vapora.startup import lock

if TYPE_CHECKING:
    from ssl import SSLContext

    from vapora.sdk import Client

_OURS = ("127.0.0.1", "localhost", "::1")


def connect(workspace: str | None = None, **options: Any) -> Client:
    """A client for the server that is meant, in this workspace, that of `VAPORA_WORKSPACE`, or the one that
    `vapora workspace use` has chosen.

    Who asks is, in this order: the program of `VAPORA_TOKEN`; who has signed in with `vapora login`; for the server
    that works on this shell's own data folder, the operator. `options` are the
    client's. Raises `ConfigurationError` where the address is none, or
    a variable is misspelt."""
    # httpx takes 0.2 s to import, which `vapora --help` need not spend.
    from vapora.sdk import Client
    from vapora.startup import names

    names.check_environment(os.environ)
    servers = Servers()
    url = server_url(servers)
    chosen = workspace or os.environ.get("VAPORA_WORKSPACE") or servers.of(url).get("workspace") or "default"
    if token := os.environ.get("VAPORA_TOKEN"):
        return Client(url, token=token, workspace=chosen, tls=trusted(url), **options)
    session = SessionFile(servers, url)
    if session.read() is not None:
        return Client(url, workspace=chosen, session=session, tls=trusted(url), **options)
    return Client(url, token=own_token(url), workspace=chosen, tls=trusted(url), **options)


def server_url(servers: Servers, given: str | None = None) -> str:
    """The address that was given or that `VAPORA_URL` names; else of the server that works on this shell's data folder;
    else of where somebody signed in last; else the usual one. Without a slash at its end."""
    from vapora.sdk import DEFAULT_URL
    from vapora.startup import preflight

    url = (given or os.environ.get("VAPORA_URL", "")).strip()
    preflight.check_address("--url" if given else "VAPORA_URL", url)
    if not url:
        running = lock.owner(data_folder())
        url = (running.url if running else "") or servers.latest or DEFAULT_URL
    return url.rstrip("/")


def own_token(url: str) -> str | None:
    """The operator's token, if the server at `url` is the one that holds our data folder: nobody else is shown it."""
    if _own_server(url) is None:
        return None
    try:
        return operator_token.read(data_folder())
    except ConfigurationError:
        return None  # somebody else's; the server says what is missing, where it is needed


def trusted(url: str) -> SSLContext | None:
    """Of the server that holds our data folder exactly its certificate, whichever names stand in it; None, for what the
    client trusts by itself, of every other."""
    owner = _own_server(url)
    if owner is None or not owner.tls_cert:
        return None
    from vapora.startup import tls

    return tls.pinned(Path(owner.tls_cert))


def data_folder() -> Path:
    """As the settings have it: these take a second to import, for one path."""
    named = os.environ.get("VAPORA_DATA", "").strip()
    if not named:
        try:
            named = str(tomllib.loads(Path("vapora.toml").read_text(encoding="utf-8")).get("data", ""))
        except (OSError, ValueError):
            named = ""
    return Path(named or ".vapora")


def _own_server(url: str) -> lock.Owner | None:
    """Who holds our data folder, if `url` leads there."""
    owner = lock.owner(data_folder())
    if owner is None or not owner.url:
        return None
    port = _own_port(url)
    # Its own word for where it listens, or another name of this machine.
    return owner if owner.url == url or (port is not None and _own_port(owner.url) == port) else None


def _own_port(url: str) -> int | None:
    """The port of an address of this machine; None for every other."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return None
    return port if parts.hostname in _OURS else None
