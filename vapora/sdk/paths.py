"""How requests name things: paths, moments, and headers that can be sent."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from urllib.parse import quote, urlsplit

from events.ids import Scope
from vapora.errors import BadInputError

DEFAULT_URL = "http://127.0.0.1:8000"
PREFIX = "/api/v1"
# Proxies from the environment are for the world outside, not for a server on this machine.
LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")
Position = int | None
# A position, or an instant; None: now.
Moment = int | datetime | str | None
_REMEDIES = {"Vapora-Workspace": "Check VAPORA_WORKSPACE.", "Authorization": "Check VAPORA_TOKEN."}


def address(url: str | None) -> str:
    """The server that was given, else the one that VAPORA_URL names, else this machine's."""
    return (url or os.environ.get("VAPORA_URL", "").strip() or DEFAULT_URL).rstrip("/")


def token_for(url: str | None) -> str | None:
    """VAPORA_TOKEN is for the server that the environment speaks of, and never sent to another one."""
    return os.environ.get("VAPORA_TOKEN", "").strip() or None if address(url) == address(None) else None


def moment(at: Moment) -> int | str | None:
    return at.isoformat() if isinstance(at, datetime) else at


def path(*parts: str) -> str:
    """Ids come from people: one with a slash or a question mark must not become another address."""
    try:
        return "".join(f"/{quote(part, safe='')}" for part in parts)
    except UnicodeEncodeError as error:
        raise no_text(error) from None


def budget_path(scope: Scope | str, scope_id: str) -> str:
    """Raises `BadInputError` for a scope that there is not."""
    try:
        scope = Scope(scope)
    except ValueError:
        there = ", ".join(one.value for one in Scope)
        raise BadInputError(f"There are no budgets of {scope!r}.", remedy=f"There are: {there}.") from None
    return path("budgets", scope_id) if scope is Scope.ROLE else path("budgets", scope.value, scope_id)


def no_text(error: UnicodeEncodeError) -> BadInputError:
    return BadInputError(f"{error.object!r} is not Unicode text.", remedy="On a command line: type it in UTF-8.")


def headers(token: str | None, workspace: str) -> dict[str, str]:
    """What goes with every request. Raises `BadInputError` for what no header can carry."""
    found = {"Vapora-Workspace": workspace} | ({"Authorization": f"Bearer {token}"} if token else {})
    for name, value in found.items():
        if not (value.isascii() and value.isprintable()):
            # Not the value: it may be the token.
            raise BadInputError(f"The header {name} takes plain ASCII only.", remedy=_REMEDIES[name])
    return found


def bearer(token: str | None) -> dict[str, str]:
    return {} if token is None else {"Authorization": f"Bearer {token}"}


def is_local(url: str) -> bool:
    try:
        return urlsplit(url).hostname in LOCAL_HOSTS
    except ValueError:
        # Not the address either: it may hold a password.
        raise BadInputError("The server's address cannot be read.", remedy="Check VAPORA_URL.") from None


def named_file(file: Path | str | bytes, name: str | None) -> tuple[str, bytes]:
    """A file to send, from its path or its bytes, and what it is called. Raises `BadInputError`."""
    if isinstance(file, bytes):
        if name is None:
            raise BadInputError("Bytes alone have no name.", remedy="Give them one with name=.")
        return name, file
    try:
        return name or Path(file).name, Path(file).read_bytes()
    except OSError as error:
        raise BadInputError(f"The file {file} cannot be read: {error.strerror}.", remedy="Check its name.") from error
