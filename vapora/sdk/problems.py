"""What a server that says no is turned into: an `ApiError` that is also of the tree in `vapora.errors`."""

from __future__ import annotations

import json
from typing import Any

from vapora import errors
from vapora.errors import UnavailableError, VaporaError

_URN = "urn:vapora:problem:"
UNREADABLE = "unreadable"
# What a server says of a path or method that it does not know: it may be older than who asks.
_UNKNOWN_THERE = {f"{_URN}no-such-path", f"{_URN}method-not-allowed"}

# The errors whose stable name on the wire is their own.
_OWN_NAME: tuple[type[VaporaError], ...] = (
    errors.ReviewOutdatedError, errors.PlanOutdatedError, errors.DocumentOutdatedError, errors.PackageOutdatedError,
    errors.ApprovalOutdatedError, errors.ApprovalDecidedError, errors.ApprovalExpiredError, errors.NotApprovedError,
    errors.ChecksFailedError, errors.ArchivedError, errors.RepositoryError, errors.SourceRefusedError,
    errors.NotARepositoryError, errors.CredentialsNeededError, errors.UnknownBranchError, errors.MissingObjectsError,
    errors.NoWorktreeError, errors.UncommittableError, errors.MergeConflictError, errors.TargetDirtyError,
    errors.TargetMovedError, errors.NothingToLandError, errors.PushRefusedError, errors.RepositoryBusyError,
    errors.GitTimeoutError,
)  # fmt: skip
_BY_CODE: dict[str, type[VaporaError]] = {one.kind: one for one in _OWN_NAME} | {  # type: ignore[attr-defined]
    "operator-only": errors.OperatorOnlyError,
    "dependency-ring": errors.DependencyRingError,
    "idempotency-key-reused": errors.KeyReusedError,
    "precondition-failed": errors.PreconditionFailedError,
    "body-too-large": errors.FileTooLargeError,
    "content-pruned": errors.PrunedError,
    "package-refused": errors.PackageRefusedError,
    "not-set-up": errors.ConfigurationError,
    "sandbox-unavailable": errors.SandboxUnavailableError,
    "vault": errors.VaultError,
    "vault-key": errors.VaultKeyError,
    "log-unavailable": errors.LogError,
    "written-by-newer-version": errors.NewerEventError,
    "projection-behind": errors.BehindError,
}
_BY_STATUS: dict[int, type[VaporaError]] = {
    400: errors.BadInputError,
    401: errors.UnauthenticatedError,
    403: errors.ForbiddenError,
    404: errors.NotFoundError,
    405: errors.BadInputError,
    409: errors.ConflictError,
    410: errors.NotFoundError,
    413: errors.BadInputError,
    415: errors.BadInputError,
    422: errors.BadInputError,
    429: errors.ThrottledError,
    502: errors.UnavailableError,
    503: errors.UnavailableError,
    504: errors.UnavailableError,
}


class ApiError(VaporaError):
    """The server refused a request (problem+json, RFC 9457): `type` is stable, `remedy` says what to do.

    Each is also the error of `vapora.errors` that it stands for: `except NotFoundError` catches what a server does not
    find, and what is not found here. `details`: what else the server said, as `paths` of a merge that conflicts.
    """

    def __init__(self, status: int, type: str, title: str, detail: str = "", remedy: str = "", **details: Any) -> None:
        super().__init__(detail or title, remedy=remedy, **details)
        self.status = status
        self.type = type
        self.title = title
        self.detail = detail

    @property
    def code(self) -> str:
        """The last word of `type`, such as `not-found`."""
        return self.type.rpartition(":")[2]

    @property
    def is_unknown_there(self) -> bool:
        """Whether the server does not know the path at all."""
        return self.type in _UNKNOWN_THERE

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuilt, (self.status, self.type, self.title, self.detail, self.remedy, self.details))


class NoServerError(UnavailableError):
    """Nobody answers at the address."""


class NoAnswerError(NoServerError, TimeoutError):
    """Somebody is there, and did not answer in time: whether it took effect is not known."""


def _child_of(parent: type[VaporaError]) -> type[ApiError]:
    """Named as its parent: that is what a traceback is read for."""
    return type(parent.__name__, (ApiError, parent), {"__module__": "vapora.errors", "__doc__": parent.__doc__})


_KINDS = {one: _child_of(one) for one in {*_BY_CODE.values(), *_BY_STATUS.values()}}


def refused(status: int, type: str, title: str, detail: str = "", remedy: str = "", **details: Any) -> ApiError:
    """The error for what a server says, of its place in the tree."""
    code = type.removeprefix(_URN)
    # Somebody between us and the server has no problem types of ours.
    parent = (_BY_CODE.get(code) if code != type else None) or _BY_STATUS.get(status)
    kind = ApiError if parent is None else _KINDS[parent]
    return kind(status, type, title, detail, remedy, **details)


def _rebuilt(status: int, type: str, title: str, detail: str, remedy: str, details: dict[str, Any]) -> ApiError:
    return refused(status, type, title, detail, remedy, **details)


def problem(status: int, body: bytes) -> ApiError:
    """The error that an answer's body tells of, also where something between us and the server wrote it."""
    try:
        told = json.loads(body)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        return refused(status, "about:blank", f"The server answered {status}.", body.decode("utf-8", "replace")[:300])
    more = {name: told[name] for name in ("errors", "paths", "version") if told.get(name)}
    return refused(
        status,
        str(told.get("type") or "about:blank"),
        str(told.get("title") or f"The server answered {status}."),
        _detail(told),
        str(told.get("remedy") or ""),
        **more,
    )


def unreadable(status: int, url: str, error: Exception) -> ApiError:
    """An answer of another shape than was expected."""
    return ApiError(
        status,
        UNREADABLE,
        f"{url} answered with something else than expected.",
        str(error)[:300],
        "Is this a VAPORA server of a fitting version?",
    )


def of_another_version(error: ApiError, there: str, here: str) -> ApiError:
    """The same error, with the two versions where they differ: that is why."""
    if there == here:
        return error
    remedy = (
        f"The server is VAPORA {there}, and this SDK is {here}: install vapora=={there} here, or upgrade the server."
    )
    return refused(error.status, error.type, error.title, error.detail, remedy, **error.details)


def _detail(told: dict[str, Any]) -> str:
    detail = told.get("detail")
    if isinstance(detail, str):
        return detail
    return "" if detail is None else json.dumps(detail)[:300]
