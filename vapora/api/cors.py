"""Pages of other origins that may speak to the API: none, unless they are named (`VAPORA_CORS_ORIGINS`)."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_TAKEN = (
    *("Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match"),
    *("Vapora-Workspace", "X-Correlation-Id"),
)
_GIVEN = (
    *("ETag", "Vapora-Position", "Vapora-Truncated", "X-Correlation-Id"),
    *("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "Retry-After"),
)


def install(app: FastAPI, origins: Sequence[str]) -> None:
    """Without cookies: who a page acts for is said by its token alone."""
    if origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=_METHODS,
            allow_headers=_TAKEN,
            expose_headers=_GIVEN,
            allow_credentials=False,
            max_age=600,
        )
