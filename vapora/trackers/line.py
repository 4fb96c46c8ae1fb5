"""The line to one tracker: one request at a time over a checked address, bounded, and silent while it is asked to be.

What was read before is asked for again by its ETag, which costs nothing of the limit. No redirect is followed: nobody
has checked where to.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from vapora.clock import Clock
from vapora.trackers.problems import TrackerDelayedError, TrackerRefusedError, TrackerSignInError

TIMEOUT_S = 30.0
# How many items of a list are asked for at once.
PAGE = 100
_MOST_BYTES = 8_000_000
_MOST_KEPT = 200
_LONGEST_KEPT = 200_000
_LONGEST_SAID = 300
# A limit without a word about when it ends.
_LIMITED_S = 60.0
_LONGEST_WAIT_S = 3_600.0
# The address to connect to, looked up now, for a host and port. Raises where nobody may go there.
PinnedAddress = Callable[[str, str, int], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Answer:
    said: Any
    headers: Mapping[str, str]
    status: int = 200


class Line:
    """`base`: the server's address, below which all requests go. `pinned(scheme, host, port)`: see `PinnedAddress`."""

    def __init__(
        self,
        base: str,
        headers: Mapping[str, str],
        pinned: PinnedAddress,
        clock: Clock,
        *,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self.base = base.rstrip("/")
        self._headers = dict(headers)
        self._pinned = pinned
        self._clock = clock
        self._kept: OrderedDict[str, tuple[str, Answer]] = OrderedDict()
        self._silent_until: datetime | None = None
        # No proxy and no password file of the environment: neither was meant for addresses that people name.
        # No connection is kept: each goes to the address that was checked for it.
        self._client = httpx.AsyncClient(
            follow_redirects=False, trust_env=False, timeout=timeout_s, limits=httpx.Limits(max_keepalive_connections=0)
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def get(self, path: str, **query: str | int) -> Answer:
        url = httpx.URL(f"{self.base}{path}", params=query) if query else httpx.URL(f"{self.base}{path}")
        return await self.get_url(str(url))

    async def get_url(self, url: str) -> Answer:
        """Of this server, as its own answers name it. Raises `TrackerRefusedError` for any other."""
        if not url.startswith(f"{self.base}/"):
            raise TrackerRefusedError("It sends us to another server.", 0)
        kept = self._kept.get(url)
        answer = await self._ask("GET", url, None, {} if kept is None else {"If-None-Match": kept[0]})
        if answer.status == 304 and kept is not None:
            self._kept.move_to_end(url)
            return kept[1]
        self._kept.pop(url, None)
        # A full page may get a next one without changing itself.
        is_full = isinstance(answer.said, list) and len(answer.said) >= PAGE
        if (etag := answer.headers.get("etag")) and not is_full and len(json.dumps(answer.said)) <= _LONGEST_KEPT:
            self._kept[url] = (etag, answer)
            while len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return answer

    async def send(self, method: str, path: str, body: Mapping[str, Any]) -> Answer:
        """What changes something. It is never sent twice from here."""
        return await self._ask(method, f"{self.base}{path}", body, {})

    async def _ask(self, method: str, url: str, body: Mapping[str, Any] | None, more: Mapping[str, str]) -> Answer:
        if self._silent_until is not None and (left := (self._silent_until - self._clock()).total_seconds()) > 0:
            raise TrackerDelayedError("It has asked to be left alone.", left)
        parts = httpx.URL(url)
        try:
            port = parts.port or (443 if parts.scheme == "https" else 80)
            address = await self._pinned(parts.scheme, parts.host, port)
            request = self._client.build_request(
                method,
                parts.copy_with(host=address),
                json=body,
                headers={**self._headers, **more, "Host": parts.netloc.decode("ascii")},
                # The certificate is looked at for the name, although the connection goes to the address.
                extensions={"sni_hostname": parts.raw_host.decode("ascii")},
            )
            answer = await self._client.send(request, stream=True)
            try:
                content = await _whole(answer)
            finally:
                await answer.aclose()
        except (httpx.HTTPError, OSError) as error:
            raise TrackerDelayedError(f"{type(error).__name__} while asking {parts.host}.") from None
        self._note_limit(answer)
        return _judged(answer, content, self._clock)

    def _note_limit(self, answer: httpx.Response) -> None:
        """Of what is left of the limit, and when it is whole again; or how long to wait."""
        wait_s = wait_of(answer.status_code, answer.headers, self._clock)
        if wait_s is not None:
            self._silent_until = datetime.fromtimestamp(self._clock().timestamp() + wait_s, self._clock().tzinfo)


def wait_of(status: int, headers: Mapping[str, str], clock: Clock) -> float | None:
    """How long the other side is to be left alone; None: not at all. GitHub says `x-ratelimit-reset` in seconds since
    1970, Jira as an instant; both say `retry-after`."""
    asked = _seconds(headers.get("retry-after", ""), clock)
    if asked is not None and status in (403, 429, 503):
        return min(asked, _LONGEST_WAIT_S)
    if headers.get("x-ratelimit-remaining") == "0" and status != 304:
        reset = headers.get("x-ratelimit-reset", "")
        with suppress(ValueError, OverflowError):
            at = float(reset) if reset.isdecimal() else datetime.fromisoformat(reset.replace("Z", "+00:00")).timestamp()
            # Their clock and ours may differ a little.
            return min(max(at - clock().timestamp(), 0.0) + 1.0, _LONGEST_WAIT_S)
    return _LIMITED_S if status == 429 else None


def _seconds(given: str, clock: Clock) -> float | None:
    if given.strip().isdecimal() and len(given) < 10:
        return float(given)
    try:
        return max(0.0, (parsedate_to_datetime(given) - clock()).total_seconds())
    except (TypeError, ValueError):
        return None


async def _whole(answer: httpx.Response) -> bytes:
    parts, size = [], 0
    async for part in answer.aiter_bytes():
        size += len(part)
        if size > _MOST_BYTES:
            raise TrackerRefusedError(f"Its answer has more than {_MOST_BYTES:,} bytes.", answer.status_code)
        parts.append(part)
    return b"".join(parts)


def _judged(answer: httpx.Response, content: bytes, clock: Clock) -> Answer:
    status = answer.status_code
    if status == 304 or (answer.is_success and not content):
        return Answer(None, answer.headers, status)
    try:
        said = json.loads(content) if content else None
    except ValueError:
        said = None
    if answer.is_success:
        if said is None:
            raise TrackerDelayedError(f"It answered {status} with something that is no JSON.")
        return Answer(said, answer.headers, status)
    words = _words(said)
    limited = status == 429 or (status == 403 and wait_of(status, answer.headers, clock) is not None)
    if limited or (status == 403 and "rate limit" in words.lower()):
        wait_s = wait_of(status, answer.headers, clock)
        raise TrackerDelayedError("Its limit of requests is reached.", _LIMITED_S if wait_s is None else wait_s)
    if status >= 500 or status in (408, 425):
        raise TrackerDelayedError(f"It answered with {status}.", wait_of(status, answer.headers, clock))
    if status in (401, 403):
        raise TrackerSignInError(
            f"It does not take the token ({status}). {words}".strip(), remedy="Store a token that may do this."
        )
    raise TrackerRefusedError(f"It answered with {status}. {words}".strip(), status)


def _words(said: Any) -> str:
    """What it says of itself, in one bounded line."""
    found: list[str] = []
    if isinstance(said, dict):
        found += [one for one in [said.get("message")] if isinstance(one, str)]
        messages, errors = said.get("errorMessages"), said.get("errors")
        found += [one for one in messages if isinstance(one, str)] if isinstance(messages, list) else []
        found += [str(one) for one in errors.values()] if isinstance(errors, dict) else []
        if isinstance(errors, list):
            found += [str(one.get("message") or one.get("code") or "") for one in errors if isinstance(one, dict)]
    return " ".join(" ".join(found).split())[:_LONGEST_SAID]
