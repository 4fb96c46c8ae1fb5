"""What a link is, and which targets it may have."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit, urlunsplit

DEFAULT_PORTS = {"http": 80, "https": 443}


class TargetError(ValueError):
    """The target is no address that a link may lead to."""


@dataclass(frozen=True)
class Link:
    """`created_at` has a time zone."""

    slug: str
    target: str
    created_at: datetime


def normalise(target: str) -> str:
    """Scheme and host in lower case, without the scheme's default port; path and query as they are.

    Raises `TargetError` for an address without a host.
    """
    parts = urlsplit(target.strip())
    scheme = parts.scheme.lower()
    host = (parts.hostname or "").lower()
    if not host:
        raise TargetError(f"{target!r} names no host.")
    port = parts.port
    place = host if port in (None, DEFAULT_PORTS.get(scheme)) else f"{host}:{port}"
    return urlunsplit((scheme, place, parts.path, parts.query, parts.fragment))
