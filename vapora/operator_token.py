"""The operator's token: it lets a request say what commands are run on this machine, while nobody has to sign in.

A random text in the data folder, readable to its owner alone. Whoever can read it may run commands here anyway. It
stands in no log and in no event. A browser that we open ourselves is given a code in its place, which is worth
something once and for a minute.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path

from vapora import durable
from vapora.errors import ConfigurationError, OperatorOnlyError

NAME = "operator_token"
# Where the digest of a code stands until it is used.
CODE = "operator_code"
CODE_S = 60
_BYTES = 32
_LONGEST = 500


def ensure(data: Path) -> str:
    """The token of this data folder; made where there is none yet. Two that make it at once get the same."""
    return ensure_secret(data / NAME, "The operator's token")


def read(data: Path) -> str | None:
    """None where there is none. Raises `ConfigurationError` where others can read it: then it is no secret."""
    return read_secret(data / NAME)


def ensure_secret(place: Path, what: str) -> str:
    """The random text in the file `place`; made where there is none. `what`: its name at the start of a sentence."""
    if (known := read_secret(place)) is not None:
        return known
    try:
        # Never in place of one that somebody may have read already.
        durable.write_new(place, f"{secrets.token_urlsafe(_BYTES)}\n".encode())
    except OSError as error:
        raise ConfigurationError(
            f"{what} cannot be written to {place} ({error.strerror}).",
            remedy="See that the data folder is writable.",
        ) from error
    found = read_secret(place)
    if found is None:
        raise ConfigurationError(f"{place} is empty.", remedy="Delete it: the next start makes another one.")
    return found


def read_secret(place: Path) -> str | None:
    """None where there is none. Raises `ConfigurationError` where others can read it."""
    try:
        with place.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(_LONGEST).decode("ascii", "replace").strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigurationError(
            f"{place} cannot be read ({error.strerror}).", remedy="It belongs to the user who runs VAPORA."
        ) from error
    if mode & 0o077:
        raise ConfigurationError(
            f"Others on this machine can read {place}.", remedy=f"Delete it, and start again: {place} is made anew."
        )
    return text or None


def is_it(data: Path, given: str) -> bool:
    """Whether that is the token, compared as bytes, in the same time whatever was given. Raises `ConfigurationError`
    where there can be no token."""
    return hmac.compare_digest(given.strip().encode(), ensure(data).encode())


def offer(data: Path, now: float) -> str:
    """A code that `redeem` exchanges for the token: once, and within a minute. A later one takes its place. `now`: in
    seconds since 1970."""
    code = secrets.token_urlsafe(_BYTES)
    durable.write(data / CODE, f"{_digest(code)} {now + CODE_S:.0f}\n".encode())
    return code


def redeem(data: Path, code: str, now: float) -> str:
    """The token, for a code that was offered and not used yet. Raises `OperatorOnlyError`."""
    place = data / CODE
    with suppress(OSError, ValueError):
        digest, until = place.read_text(encoding="ascii").split()
        if hmac.compare_digest(digest, _digest(code)):
            place.unlink()  # of two that come at once, one is told that it is gone
            if now <= float(until):
                return ensure(data)
    raise OperatorOnlyError(
        "The code is not known, was used already, or is too old.",
        remedy="Open the address that `vapora up` prints, or start it with --open again.",
    )


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()


def require(data: Path, authorization: str | None) -> None:
    """Raises `OperatorOnlyError` unless the header `Authorization` carries the token."""
    kind, _, given = (authorization or "").partition(" ")
    try:
        if is_it(data, given) and kind.lower() == "bearer":
            return
    except ConfigurationError as error:
        raise OperatorOnlyError(error.message, remedy=error.remedy) from error
    said = "The token is not the operator's." if authorization else "This decides which commands are run here."
    raise OperatorOnlyError(
        said,
        remedy=f"Send the header `Authorization: Bearer` with the text of the file {NAME} in VAPORA's data folder; "
        "commands on the server do so by themselves, elsewhere set VAPORA_TOKEN. The address that `vapora up` prints "
        "brings it to the browser.",
    )
