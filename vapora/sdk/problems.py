"""What a server that says no is turned into."""

from __future__ import annotations

import json
from typing import Any

from vapora.errors import UnavailableError, VaporaError


class ApiError(VaporaError):
    """The server refused a request (problem+json, RFC 9457): `type` is stable, `remedy` says what to do."""

    def __init__(self, status: int, type: str, title: str, detail: str = "", remedy: str = "") -> None:
        super().__init__(detail or title, remedy=remedy)
        self.status = status
        self.type = type
        self.title = title
        self.detail = detail

    def __reduce__(self) -> tuple[Any, ...]:
        return (ApiError, (self.status, self.type, self.title, self.detail, self.remedy))


class NoServerError(UnavailableError):
    """Nobody answers at the address."""


def problem(status: int, body: bytes) -> ApiError:
    """The error that an answer's body tells of, also where something between us and the server wrote it."""
    try:
        told = json.loads(body)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        return ApiError(status, "about:blank", f"The server answered {status}.", body.decode("utf-8", "replace")[:300])
    return ApiError(
        status,
        str(told.get("type") or "about:blank"),
        str(told.get("title") or f"The server answered {status}."),
        _detail(told),
        str(told.get("remedy") or ""),
    )


def unreadable(status: int, url: str, error: Exception) -> ApiError:
    """An answer of another shape than was expected."""
    return ApiError(
        status,
        "unreadable",
        f"{url} answered with something else than expected.",
        str(error)[:300],
        "Is this a VAPORA server of a fitting version?",
    )


def _detail(told: dict[str, Any]) -> str:
    detail = told.get("detail")
    if isinstance(detail, str):
        return detail
    return "" if detail is None else json.dumps(detail)[:300]
