"""Whether an installation answers, asked over HTTP as everybody else would."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from vapora.errors import UnavailableError

READY_S = 120.0
# What is not well for so long at a start will not pass by itself.
_SETTLED_S = 2.0
# The API itself waits 3 s for an actor.
_ASKED_S = 4.0
# A start that says nothing for longer seems to hang.
_STILL_S = 5.0


def origin(host: str, port: int, tls: bool = False) -> str:
    """Where this machine reaches it."""
    scheme = "https" if tls else "http"
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - what listens everywhere
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def answers(base: str, tls: ssl.SSLContext | None = None) -> bool:
    """Whether the API says how it is, be it ill."""
    return _health(base, tls=tls) is not None


def wait_until_ready(
    base: str,
    token: str | None = None,
    progress: Callable[[str], None] = lambda sentence: None,
    tls: ssl.SSLContext | None = None,
) -> tuple[str, ...]:
    """What is not well then: a projection that has stopped at an event must not keep all others from working. `token`:
    the operator's, without which nobody is told more than whether it is ready once people sign in.
    `tls`: which certificate it has to show."""
    began = told_at = time.monotonic()
    reason, failing_since = "no answer yet", None
    while (now := time.monotonic()) < began + READY_S:
        if (said := _health(base, token, tls)) is not None:
            if said["status"] == "ok":
                return ()
            reason = said.get("reason") or said["status"]
            if said["status"] != "failing":
                failing_since = None
            elif failing_since is None:
                failing_since = now
            elif now - failing_since > _SETTLED_S:
                return tuple(said.get("problems", ()))
        if now - told_at > _STILL_S:
            told_at = now
            progress(f"Not ready yet: {reason}")
        time.sleep(0.1)
    raise UnavailableError(f"VAPORA was not ready in {READY_S:g} s: {reason}")


def _health(base: str, token: str | None = None, tls: ssl.SSLContext | None = None) -> dict[str, Any] | None:
    import httpx

    # No JSON, or another: Serve's proxy answers for an API that is not there.
    with suppress(httpx.HTTPError, ValueError):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        said = httpx.get(f"{base}/health", headers=headers, timeout=_ASKED_S, verify=tls or True).json()
        return said if isinstance(said, dict) and "status" in said else None
    return None
