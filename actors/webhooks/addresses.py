"""Which addresses a message may be sent to: those of the world outside, and networks that the operator has allowed.

Whoever may name an address must not reach through us what only this machine or its network reaches: a database, a
router, the cloud's metadata service.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from vapora.settings import Network

Address = IPv4Address | IPv6Address

# IPv4 addresses stand in these, and a gateway on the way would take them out again.
_NAT64 = IPv6Network("64:ff9b::/96")
_NAT64_LOCAL = IPv6Network("64:ff9b:1::/48")
_COMPATIBLE = IPv6Network("::/96")
_LAST_32_BITS = 0xFFFF_FFFF
# For protocols between networks: of these some versions of Python say otherwise.
_PROTOCOLS = IPv4Network("192.0.0.0/24")


def why_refused(address: Address, allowed: Sequence[Network]) -> str | None:
    """None where it may be reached."""
    for one in _meant(address):
        if any(one in network for network in allowed):
            continue
        if _is_inside(one):
            return f"{address} is an address inside of a network"
    return None


def is_allowed_inside(address: Address, allowed: Sequence[Network]) -> bool:
    """Whether the operator has opened it by name: then plain HTTP will do."""
    return all(any(one in network for network in allowed) for one in _meant(address))


def _meant(address: Address) -> tuple[Address, ...]:
    """The address itself, or those that a message to it would come to."""
    if isinstance(address, IPv4Address):
        return (address,)
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    embedded: list[IPv4Address] = []
    if address.sixtofour is not None:
        embedded.append(address.sixtofour)
    if address.teredo is not None:
        embedded += address.teredo
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
        embedded.append(IPv4Address(int(address) & _LAST_32_BITS))
    # NAT64's own prefix is no destination, so what stands in it decides.
    return tuple(embedded) if address in _NAT64 else (address, *embedded)


def _is_inside(address: Address) -> bool:
    if isinstance(address, IPv6Address) and (address.is_site_local or address in _NAT64_LOCAL):
        return True
    if isinstance(address, IPv4Address) and address in _PROTOCOLS:
        return True
    return (
        not address.is_global
        or address.is_private
        or address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_reserved
        or address.is_unspecified
    )
