"""From which address a request comes. What a proxy says of it counts only where the proxy is one that is trusted."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from starlette.datastructures import Headers
from starlette.types import Scope

from vapora.settings import Network

Address = IPv4Address | IPv6Address

# Who has an IPv6 address mostly has all of such a network.
_ONE_CUSTOMER = 64


def client_address(scope: Scope, trusted: Sequence[Network]) -> Address | None:
    """The nearest address that is not a trusted proxy's. None where the server does not say (as over a Unix socket)."""
    peer = scope.get("client")
    found = _parse(peer[0]) if peer else None
    if found is None or not _is_among(found, trusted):
        return found
    said = ",".join(Headers(scope=scope).getlist("x-forwarded-for")).split(",")
    for text in reversed(said):
        before = _parse(text.strip())
        if before is None:
            break  # whatever stands to the left of it, nobody trusted vouches for
        found = before
        if not _is_among(found, trusted):
            break
    return found


def whose(address: Address) -> str:
    """What is counted together."""
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, _ONE_CUSTOMER), strict=False))
    return str(address)


def _is_among(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)


def _parse(text: str) -> Address | None:
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found
