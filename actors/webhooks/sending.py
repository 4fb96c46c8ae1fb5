"""One message to one address, which is checked (`actors.reach`). Redirects are not followed, since nobody has checked
where to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from time import perf_counter
from urllib.parse import urlsplit

import httpx

from actors.reach import Reach, RefusedAddressError, Resolve, look_up
from vapora.clock import Clock
from vapora.errors import BadInputError
from vapora.settings import Network

TIMEOUT_S = 10.0
_LONGEST_REFUSAL = 4_096


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one. `error` is empty where the message was taken (a status of 2xx)."""

    status: int | None
    error: str
    duration_ms: int = 0
    retry_after_s: float | None = None


class Sender:
    """`allowed`: networks that may be reached although they are inside."""

    def __init__(
        self, allowed: Sequence[Network], clock: Clock, *, resolve: Resolve = look_up, timeout_s: float = TIMEOUT_S
    ) -> None:
        self.reach = Reach(allowed, resolve)
        self._clock = clock
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

    async def _checked(self, url: str) -> str:
        parts = urlsplit(url)
        return await self.reach.checked(parts.scheme, parts.hostname or "", parts.port)


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
