"""The one-time link to the first owner: a random text in a file, readable to who runs VAPORA, and gone once used."""

from __future__ import annotations

import hmac
from pathlib import Path

from vapora import durable, operator_token

NAME = "setup_token"


def ensure(folder: Path) -> str:
    """The token; made where there is none. For who knows that there is no owner yet."""
    return operator_token.ensure_secret(folder / NAME, "The link for the first owner")


def read(folder: Path) -> str | None:
    """None where there is none. Raises `ConfigurationError` where others can read it: then it is no secret."""
    return operator_token.read_secret(folder / NAME)


def matches(folder: Path, given: str) -> bool:
    """Compared in the same time whatever was given."""
    known = read(folder)
    return known is not None and hmac.compare_digest(given.strip().encode(), known.encode())


def use_up(folder: Path) -> None:
    place = folder / NAME
    if place.exists():
        place.unlink()
        durable.sync(folder)
