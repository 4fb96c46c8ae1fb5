"""What is sent again, and when. Nothing is that may take effect twice."""

from __future__ import annotations

from uuid import uuid4

import httpx

from vapora.backoff import Backoff
from vapora.sdk.problems import NoServerError

RETRIES = 3
PAUSES = Backoff(0.2, longest_s=2.0)
# Whoever is told to come again later than this is told so, rather than made to wait.
_LONGEST_WAIT_S = 5.0
_BUSY = frozenset({502, 503})
_TOO_MANY = 429
# Their bodies hold secrets, whose digests must not stand in a log: the server takes no note of their keys.
_WITHOUT_KEY = ("/auth/", "/operator/")
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


def key_for(method: str, path: str, key: str | None) -> dict[str, str]:
    """The header under which a POST takes effect once, however often it is sent."""
    if key is None and (method != "POST" or path.startswith(_WITHOUT_KEY)):
        return {}
    return {"Idempotency-Key": key or uuid4().hex}


def may_be_sent_again(error: httpx.TransportError, method: str, keyed: bool) -> bool:
    """It never left, or takes effect once however often it comes."""
    return isinstance(error, _NEVER_SENT) or method == "GET" or keyed


def again_after(answer: httpx.Response, method: str, keyed: bool, pause: float) -> float | None:
    """Seconds until it is to be sent again; None: this is the answer. `/health` says 503 and means it."""
    if not (method == "GET" or keyed) or answer.request.url.path == "/health":
        return None
    wanted = _seconds(answer.headers.get("Retry-After"))
    if answer.status_code in _BUSY:
        pause = max(pause, wanted or 0)
    elif answer.status_code == _TOO_MANY and wanted is not None:
        pause = max(pause, wanted)
    else:
        return None
    return pause if pause <= _LONGEST_WAIT_S else None


def away(url: str, error: Exception) -> NoServerError:
    return NoServerError(
        f"Nobody answers at {url}: {error}.",
        remedy="Is the server running (`vapora up`), and is VAPORA_URL its address?",
        url=url,
    )


def _seconds(said: str | None) -> float | None:
    try:
        return None if said is None else float(said)
    except ValueError:
        return None
