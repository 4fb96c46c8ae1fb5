"""What a git remote over https is told: a login that the workspace brought, handed to git through its environment.

git asks a credential helper for it, which is one line of shell that repeats two variables of git's own environment. So
it stands on no command line, in no configuration and in no file, and git gives it to this host alone, also where that
sends it elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from vapora.errors import CredentialsNeededError

_USER, _PASSWORD = "VAPORA_GIT_USER", "VAPORA_GIT_PASSWORD"
_HELPER = f'!f() {{ test "$1" = get && printf "username=%s\\npassword=%s\\n" "${_USER}" "${_PASSWORD}"; }}; f'
# With a token alone: the name that GitHub gives its own, and that others do not look at.
_ANYBODY = "x-access-token"


@dataclass(frozen=True, slots=True)
class Login:
    user: str
    password: str = field(repr=False)


# By host, and by port where the URL names one; None: the workspace has none. Blocks; it is asked before each call that
# reaches a remote.
Logins = Callable[[str, int | None], Login | None]


def nobodys(host: str, port: int | None) -> Login | None:
    return None


def parse(text: str, named: str) -> Login:
    """From `user:token`, or a token alone. Raises `CredentialsNeededError` where it is neither; `named` says which
    secret it is."""
    user, colon, password = text.strip().partition(":")
    if not colon:
        user, password = "", user
    # A line break would end the line of git's protocol, and begin another one.
    if not password or not (user + password).isprintable():
        raise CredentialsNeededError(
            f"The secret '{named}' is no login.", remedy="Store it as user:token, or a token alone, in one line."
        )
    return Login(user, password)


def for_remote(where: str, logins: Logins) -> tuple[list[str], dict[str, str]]:
    """Options of git, and variables, for a call to this remote."""
    parts = urlsplit(where)
    login = logins(parts.hostname, parts.port) if parts.scheme == "https" and parts.hostname else None
    if login is None:
        return [], {}
    host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else parts.hostname
    scope = f"credential.https://{host}" + (f":{parts.port}" if parts.port else "")
    variables = {_USER: login.user or parts.username or _ANYBODY, _PASSWORD: login.password}
    # The empty one takes away the person's own helpers, which would be asked first, and told to keep it.
    return ["-c", f"{scope}.helper=", "-c", f"{scope}.helper={_HELPER}"], variables
