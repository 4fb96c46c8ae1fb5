"""Under which names browsers may reach this server: others would be somebody else's page that speaks to it."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

from starlette.requests import Request

from vapora.settings import Settings

_ANY = frozenset({"0.0.0.0", "::"})  # noqa: S104 - to be recognised, not to be listened on


class Hosts:
    """This machine's own names always; others as the settings say."""

    def __init__(self, settings: Settings) -> None:
        self._allowed = frozenset(_name(one) for one in settings.allowed_hosts or _default(settings.host))
        # On every interface it has addresses that nobody listed. A page whose name was rebound comes with a name.
        self._any_address = not settings.allowed_hosts and settings.host in _ANY

    def knows(self, netloc: str) -> bool:
        """Whether the value of a header Host, or the host of an Origin, is one of them."""
        if is_loopback(netloc):
            return True
        name = _name(netloc)
        return name in self._allowed or (self._any_address and _address(name) is not None)


def is_loopback(netloc: str) -> bool:
    """Whether a Host header's value names this machine."""
    name = _name(netloc)
    if name == "localhost" or name.endswith(".localhost"):
        return True
    return is_loopback_address(name)


def is_loopback_address(name: str) -> bool:
    """Whether it is an address by which this machine reaches itself."""
    address = _address(name)
    inner = getattr(address, "ipv4_mapped", None) or address
    return inner is not None and inner.is_loopback


def netloc_of(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def _default(host: str) -> tuple[str, ...]:
    return (socket.gethostname(),) if host in _ANY else (f"[{host}]" if ":" in host else host,)


def _name(netloc: str) -> str:
    try:
        return (urlsplit(f"//{netloc}").hostname or "").lower()
    except ValueError:
        return ""


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def public_base(request: Request) -> str:
    """As browsers reach it, without a slash at its end: the settings know it where a proxy stands in front."""
    told: str = request.app.state.public_url
    return told or f"{request.url.scheme}://{request.headers.get('host', '')}"
