"""Which addresses others may have us connect to: those of the world outside, and networks that the operator allowed.

Whoever may name an address must not reach through us what only this machine or its network reaches: a database, a
router, the cloud's metadata service. A name is looked up once, checked, and connected to at just the address that was
checked: a name server that answers differently the second time would lead past the check.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from vapora.settings import Network

Address = IPv4Address | IPv6Address

# IPv4 addresses stand in these, and a gateway on the way would take them out again.
_NAT64 = IPv6Network("64:ff9b::/96")
_NAT64_LOCAL = IPv6Network("64:ff9b:1::/48")
_COMPATIBLE = IPv6Network("::/96")
_LAST_32_BITS = 0xFFFF_FFFF
# For protocols between networks: of these some versions of Python say otherwise.
_PROTOCOLS = IPv4Network("192.0.0.0/24")
_LOOK_UP_S = 5.0

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


class RefusedAddressError(Exception):
    """Nobody may be sent there."""


async def look_up(host: str, port: int) -> Sequence[str]:
    """Every address that the name has."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(sockaddr[0]) for *_, sockaddr in found]


class Reach:
    """`allowed`: networks that may be reached although they are inside, also without TLS."""

    def __init__(self, allowed: Sequence[Network], resolve: Resolve = look_up) -> None:
        self._allowed = allowed
        self._resolve = resolve

    async def address_of(self, host: str, port: int) -> tuple[str, bool]:
        """The address to connect to, looked up now; and whether the operator has opened it by name. Raises
        `RefusedAddressError`, and `OSError` where it has none."""
        try:
            async with asyncio.timeout(_LOOK_UP_S):
                found = [ip_address(text.partition("%")[0]) for text in await self._resolve(host, port)]
        except UnicodeError:
            # A part of it is empty, or longer than 63 characters: not so today and not so tomorrow.
            raise RefusedAddressError("its host is no name that could be looked up") from None
        if not found:
            raise OSError(f"{host} has no address")
        for address in found:
            # One that may not be reached is enough: which one is taken would be up to others.
            if (reason := why_refused(address, self._allowed)) is not None:
                raise RefusedAddressError(reason)
        return str(found[0]), all(is_allowed_inside(one, self._allowed) for one in found)

    async def checked(self, scheme: str, host: str, port: int | None) -> str:
        """The address to connect to for a URL's parts. Raises as `address_of`, and `RefusedAddressError` for plain HTTP
        to anywhere that the operator has not opened."""
        address, opened = await self.address_of(host, port or (443 if scheme == "https" else 80))
        if scheme != "https" and not opened:
            raise RefusedAddressError("it is not https, so anybody on the way could read it")
        return address


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
