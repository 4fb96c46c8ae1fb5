"""One message to one address: looked up once, checked, and sent to just the address that was checked.

The name is not looked up again for the connection: a name server that answers differently the second time would lead
past the check. Redirects are not followed, since nobody has checked where to.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from time import perf_counter
from urllib.parse import urlsplit

import httpx

from actors.webhooks.addresses import is_allowed_inside, why_refused
from vapora.clock import Clock
from vapora.errors import BadInputError
from vapora.settings import Network

TIMEOUT_S = 10.0
_LOOK_UP_S = 5.0
_LONGEST_REFUSAL = 4_096

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one. `error` is empty where the message was taken (a status of 2xx)."""

    status: int | None
    error: str
    duration_ms: int = 0
    retry_after_s: float | None = None


class RefusedAddressError(Exception):
    """A message must not go there."""


async def look_up(host: str, port: int) -> Sequence[str]:
    """Every address that the name has."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(sockaddr[0]) for *_, sockaddr in found]


class Sender:
    """`allowed`: networks that may be reached although they are inside."""

    def __init__(
        self, allowed: Sequence[Network], clock: Clock, *, resolve: Resolve = look_up, timeout_s: float = TIMEOUT_S
    ) -> None:
        self._allowed = allowed
        self._clock = clock
        self._resolve = resolve
        self._timeout_s = timeout_s
        # No proxy and no password file of the environment: neither was meant for addresses that others name.
        self._client = httpx.AsyncClient(
            follow_redirects=False, trust_env=False, timeout=timeout_s, limits=httpx.Limits(max_keepalive_connections=0)
        )

    async def check(self, url: str) -> None:
        """`BadInputError` for an address that would be refused today; one that has no address yet may get one."""
        try:
            await self._checked(url)
        except RefusedAddressError as error:
            raise BadInputError(
                f"A webhook cannot go there: {error}.",
                remedy="Name a public https address, or have the operator allow the network in VAPORA_WEBHOOK_ALLOW.",
                field="url",
            ) from None
        except OSError:
            return

    async def send(self, url: str, body: bytes, headers: Mapping[str, str]) -> Attempt:
        """Never raises but when it is cancelled: whatever goes wrong is the attempt's outcome."""
        begun = perf_counter()
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await self._post(url, body, headers)
        except TimeoutError:
            found = Attempt(None, f"no answer within {self._timeout_s:g} s")
        except RefusedAddressError as error:
            found = Attempt(None, f"refused: {error}")
        except (OSError, httpx.HTTPError, ValueError) as error:
            found = Attempt(None, _one_line(f"{type(error).__name__}: {error}"))
        else:
            found = answer
        return Attempt(found.status, found.error, round((perf_counter() - begun) * 1_000), found.retry_after_s)

    async def close(self) -> None:
        await self._client.aclose()

    async def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Attempt:
        address = await self._checked(url)
        parts = httpx.URL(url)
        request = self._client.build_request(
            "POST",
            parts.copy_with(host=address),
            content=body,
            headers={**headers, "Host": parts.netloc.decode("ascii")},
            # The certificate is looked at for the name, although the connection goes to the address.
            extensions={"sni_hostname": parts.raw_host.decode("ascii")},
        )
        answer = await self._client.send(request, stream=True)
        try:
            # What it says is of no use to us, and may be endless; but for how long it wants to be left alone.
            asked = await _asked_for(answer) if answer.status_code == 429 else None
            return _judge(answer, self._clock, asked)
        finally:
            await answer.aclose()

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

    async def _checked(self, url: str) -> str:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        address, opened = await self.address_of(host, port)
        if parts.scheme != "https" and not opened:
            raise RefusedAddressError("it is not https, so anybody on the way could read it")
        return address


async def _asked_for(answer: httpx.Response) -> float | None:
    """Telegram and Discord say in the body after how many seconds they want to be asked again."""
    read = b""
    async for part in answer.aiter_bytes(_LONGEST_REFUSAL):
        read += part
        break
    try:
        said = json.loads(read[:_LONGEST_REFUSAL])
        within = said.get("parameters")
        found = (within if isinstance(within, dict) else said).get("retry_after")
        return max(float(found), 0.0) if isinstance(found, int | float) and not isinstance(found, bool) else None
    except (ValueError, AttributeError):
        return None


def _judge(answer: httpx.Response, clock: Clock, asked_for_s: float | None = None) -> Attempt:
    if answer.is_success:
        return Attempt(answer.status_code, "")
    if answer.is_redirect:
        return Attempt(answer.status_code, "it answered with a redirect, which is not followed")
    again = _retry_after(answer, clock)
    return Attempt(
        answer.status_code,
        f"it answered with {answer.status_code}",
        retry_after_s=asked_for_s if again is None else again,
    )


def _retry_after(answer: httpx.Response, clock: Clock) -> float | None:
    given = answer.headers.get("retry-after", "").strip()
    if given.isdecimal() and len(given) < 10:
        return float(given)
    try:
        return max(0.0, (parsedate_to_datetime(given) - clock()).total_seconds())
    except (TypeError, ValueError):
        return None


def _one_line(text: str) -> str:
    return " ".join(text.split())[:300]
