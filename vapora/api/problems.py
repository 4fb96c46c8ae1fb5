"""Errors as RFC 9457 problems. The table here is the only place where an error of ours meets a status code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from vapora.api.etags import NotModified
from vapora.errors import (
    ApprovalDecidedError,
    ApprovalExpiredError,
    ApprovalOutdatedError,
    ArchivedError,
    BadInputError,
    BehindError,
    CatalogError,
    ChecksFailedError,
    ConfigurationError,
    ConflictError,
    CorruptLogError,
    CredentialsNeededError,
    DependencyRingError,
    DocumentOutdatedError,
    FencedError,
    FileTooLargeError,
    ForbiddenError,
    GitTimeoutError,
    KeyReusedError,
    LogError,
    MergeConflictError,
    MissingObjectsError,
    NewerEventError,
    NotApprovedError,
    NotARepositoryError,
    NotFoundError,
    NothingToLandError,
    NoWorktreeError,
    OperatorOnlyError,
    PackageOutdatedError,
    PackageRefusedError,
    PlanOutdatedError,
    PreconditionFailedError,
    ProviderError,
    PrunedError,
    PushRefusedError,
    RepositoryBusyError,
    RepositoryError,
    ReviewOutdatedError,
    SandboxUnavailableError,
    SourceRefusedError,
    TargetDirtyError,
    TargetMovedError,
    ThrottledError,
    UnauthenticatedError,
    UnavailableError,
    UncommittableError,
    UnknownBranchError,
    UnpricedModelError,
    VaporaError,
    VaultError,
    VaultKeyError,
    VersionConflictError,
)

MEDIA_TYPE = "application/problem+json"
_URN = "urn:vapora:problem:"
_MOST_ERRORS = 50
# After how many seconds to ask again, where the error itself does not say: most of what is not ready is starting.
_READY_AGAIN_S = 1

_log = structlog.get_logger("api")


class FieldError(BaseModel):
    """What is wrong with one part of the request. `field` is its path there, `where` what it is part of."""

    where: str = Field(examples=["body"])
    field: str = Field(examples=["title"])
    message: str = Field(examples=["String should have at least 3 characters"])


class Problem(BaseModel):
    """An RFC 9457 problem. `type` and its last word, `code`, are stable; `remedy` says what to do."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["urn:vapora:problem:not-found"])
    code: str = Field(examples=["not-found"])
    title: str = Field(examples=["There is no such thing"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["There is no task 'task-1'."])
    remedy: str = Field(examples=["Check the id."])
    instance: str = Field(examples=["/api/v1/tasks/task-1"])
    errors: tuple[FieldError, ...] = ()
    paths: tuple[str, ...] = ()
    version: int | None = Field(default=None, description="Of a document: the newest one.")


@dataclass(frozen=True, slots=True)
class Kind:
    """A sort of problem: its stable name, its status, and what to do where the error itself does not say."""

    code: str
    status: int
    title: str
    remedy: str


MALFORMED = Kind("malformed-json", 400, "The body is not JSON", "Send one well-formed JSON value in UTF-8.")
OPERATOR_ONLY = Kind("operator-only", 401, "Only the operator may do this", "Send the operator's token.")
UNAUTHENTICATED = Kind("unauthenticated", 401, "Who asks is not known", "Sign in, and send the access token.")
FORBIDDEN = Kind("forbidden", 403, "You may not do this", "Ask an owner or admin of the workspace.")
THROTTLED = Kind("too-many-attempts", 429, "Too many attempts", "Wait as long as the header Retry-After says.")
FOREIGN = Kind("foreign-origin", 403, "Refused for the browser's sake", "Use this machine's own address.")
NOT_FOUND = Kind("not-found", 404, "There is no such thing", "Check the id.")
NO_PATH = Kind("no-such-path", 404, "There is no such path", "See /docs for the paths that there are.")
NO_METHOD = Kind("method-not-allowed", 405, "The path does not take this method", "See the header Allow, and /docs.")
TOO_SLOW = Kind("request-timeout", 408, "The request came in too slowly", "Send all of it at once.")
CONFLICT = Kind("conflict", 409, "It cannot be done in the present state", "Read it again and decide anew.")
RING = Kind("dependency-ring", 409, "Tasks would wait for each other", "Leave one of them out of blocked_by.")
PRUNED = Kind("content-pruned", 410, "The text was dropped to make room", "Its digest and size stand in the event.")
ARCHIVED = Kind("workspace-archived", 409, "The workspace is archived", "Restore it first.")
OUTDATED = Kind("review-outdated", 409, "The branch has moved since", "Look at the changes again, and decide anew.")
PLAN_OUTDATED = Kind("plan-outdated", 409, "The plan is not what was seen", "Look at it again, and decide on that.")
PACKAGE_REFUSED = Kind(
    "package-refused", 422, "The package cannot be taken", "Nothing was installed. Have its author correct it."
)
PACKAGE_OUTDATED = Kind(
    PackageOutdatedError.kind, 409, "The package is another one now", "Look at it again, and name its digest."
)
DOCUMENT_OUTDATED = Kind(
    "document-outdated", 409, "The document has a newer version", "Look at the newest version, and edit that one."
)
APPROVAL_OUTDATED = Kind(
    "approval-outdated", 409, "What is asked has changed", "Look at what is shown now, and decide anew."
)
APPROVAL_DECIDED = Kind("approval-decided", 409, "It is decided already", "Nothing is left to be decided.")
APPROVAL_EXPIRED = Kind("approval-expired", 409, "The time to decide is over", "Have the stage retried.")
NOT_APPROVED = Kind("not-approved", 409, "The work is not approved", "Have it approved first.")
CHECKS_FAILED = Kind("checks-failed", 409, "A check is red", "Send the card back to its agent, or merge with force.")
REPOSITORY = Kind("repository", 409, "The repository cannot be used as asked", "See what git says.")
BUSY = Kind("repository-busy", 503, "The repository is in use", "Try again in a moment.")
GIT_SLOW = Kind("git-timeout", 503, "git did not end in time", "Try again; if it stays, look at the repository.")
NO_SANDBOX = Kind("sandbox-unavailable", 503, "Commands cannot be run apart here", "See `vapora doctor`.")
OUT_OF_DATE = Kind(
    "precondition-failed", 412, "It has changed since it was read", "Read it again, and send the ETag of that answer."
)
TOO_LARGE = Kind("body-too-large", 413, "The body is too large", "Send less, or in several requests.")
NOT_JSON = Kind("not-json", 415, "The body is not declared as JSON", "Send the header Content-Type: application/json.")
NOT_A_FORM = Kind("not-a-form", 415, "The body is not declared as a form", "Send multipart/form-data.")
INVALID = Kind("invalid-request", 422, "The request cannot be taken as it is", "Correct it and send it again.")
KEY_REUSED = Kind("idempotency-key-reused", 422, "The Idempotency-Key is in use", "Send a new key.")
RATE_LIMITED = Kind("rate-limited", 429, "Too many requests", "Wait as long as Retry-After says.")
HEAD_TOO_LARGE = Kind("headers-too-large", 431, "The headers are too large", "Send fewer or shorter headers.")
INTERNAL = Kind("internal-error", 500, "Something broke on our side", "Try again; if it stays, look into the journal.")
UNAVAILABLE = Kind("unavailable", 503, "A part of the system does not answer", "Try again in a moment.")
WRITTEN_BY_NEWER = Kind(
    "written-by-newer-version", 503, "The log holds what a newer VAPORA wrote", "Upgrade; nothing is damaged."
)
NOT_SET_UP = Kind(
    "not-set-up", 503, "The installation cannot serve as it is set up", "Whoever runs it finds why in the journal."
)
LOG_TROUBLE = Kind("log-unavailable", 503, "The log cannot be used", "Nothing was written. See `vapora doctor`.")
VAULT_TROUBLE = Kind("vault", 503, "The secret cannot be read or stored", "See `vapora doctor`.")
VAULT_KEY = Kind("vault-key", 503, "The vault's key does not fit", "Give VAPORA the key of its secrets.")
BEHIND = Kind("projection-behind", 504, "The read models are not there yet", "Ask again with the same `after`.")
_OTHER = Kind("refused", 400, "The request was refused", "See /docs.")


def _of(error: type[RepositoryError], status: int, title: str) -> Kind:
    """Its own stable name; what to do stands in each such error."""
    return Kind(error.kind, status, title, "See what git says.")


# An error that is not here has the kind of its nearest ancestor.
TABLE: Mapping[type[VaporaError], Kind] = {
    VaporaError: INTERNAL,
    BadInputError: INVALID,
    FileTooLargeError: TOO_LARGE,
    PackageRefusedError: PACKAGE_REFUSED,
    PackageOutdatedError: PACKAGE_OUTDATED,
    NotFoundError: NOT_FOUND,
    PrunedError: PRUNED,
    ConflictError: CONFLICT,
    VersionConflictError: CONFLICT,
    DependencyRingError: RING,
    ArchivedError: ARCHIVED,
    KeyReusedError: KEY_REUSED,
    PreconditionFailedError: OUT_OF_DATE,
    OperatorOnlyError: OPERATOR_ONLY,
    UnauthenticatedError: UNAUTHENTICATED,
    ForbiddenError: FORBIDDEN,
    ThrottledError: THROTTLED,
    ReviewOutdatedError: OUTDATED,
    PlanOutdatedError: PLAN_OUTDATED,
    DocumentOutdatedError: DOCUMENT_OUTDATED,
    ApprovalOutdatedError: APPROVAL_OUTDATED,
    ApprovalDecidedError: APPROVAL_DECIDED,
    ApprovalExpiredError: APPROVAL_EXPIRED,
    NotApprovedError: NOT_APPROVED,
    ChecksFailedError: CHECKS_FAILED,
    RepositoryError: REPOSITORY,
    SourceRefusedError: _of(SourceRefusedError, 422, "This path or URL is not taken"),
    NotARepositoryError: _of(NotARepositoryError, 422, "There is no git repository"),
    CredentialsNeededError: _of(CredentialsNeededError, 422, "The remote wants a password or key"),
    UnknownBranchError: _of(UnknownBranchError, 422, "There is no such branch"),
    MissingObjectsError: _of(MissingObjectsError, 422, "The repository is not complete"),
    NoWorktreeError: _of(NoWorktreeError, 404, "The task has no branch"),
    UncommittableError: _of(UncommittableError, 409, "This cannot be committed"),
    MergeConflictError: _of(MergeConflictError, 409, "Both sides changed the same places"),
    TargetDirtyError: _of(TargetDirtyError, 409, "Changes in the checkout are in the way"),
    TargetMovedError: _of(TargetMovedError, 409, "The branch moved meanwhile"),
    NothingToLandError: _of(NothingToLandError, 409, "There is nothing to land"),
    PushRefusedError: _of(PushRefusedError, 409, "The remote refused the push"),
    RepositoryBusyError: BUSY,
    GitTimeoutError: GIT_SLOW,
    SandboxUnavailableError: NO_SANDBOX,
    BehindError: BEHIND,
    UnavailableError: UNAVAILABLE,
    ConfigurationError: NOT_SET_UP,
    CatalogError: INTERNAL,
    LogError: LOG_TROUBLE,
    FencedError: UNAVAILABLE,
    CorruptLogError: LOG_TROUBLE,
    NewerEventError: WRITTEN_BY_NEWER,
    VaultError: VAULT_TROUBLE,
    VaultKeyError: VAULT_KEY,
    UnpricedModelError: INTERNAL,
    ProviderError: UNAVAILABLE,
}
_BY_STATUS: Mapping[int, Kind] = {404: NO_PATH, 405: NO_METHOD, 400: MALFORMED}


def kind_of(error: VaporaError) -> Kind:
    return next(TABLE[ancestor] for ancestor in type(error).__mro__ if ancestor in TABLE)


def problem(
    kind: Kind,
    detail: str,
    instance: str,
    *,
    remedy: str = "",
    errors: Sequence[FieldError] = (),
    paths: Sequence[str] = (),
    headers: Mapping[str, str] | None = None,
    version: int | None = None,
) -> Response:
    """The answer for a problem of this kind."""
    body = Problem(
        type=_URN + kind.code,
        code=kind.code,
        title=kind.title,
        status=kind.status,
        detail=detail,
        remedy=remedy or kind.remedy,
        instance=instance,
        errors=tuple(errors),
        paths=tuple(paths),
        version=version,
    )
    left_out = {name for name in ("errors", "paths", "version") if not getattr(body, name)}
    return JSONResponse(
        body.model_dump(mode="json", exclude=left_out), kind.status, headers=headers, media_type=MEDIA_TYPE
    )


def install(app: FastAPI) -> None:
    """Answer every refusal as a problem. What nobody foresaw is answered by the outermost middleware."""
    app.exception_handler(VaporaError)(_on_error)
    app.exception_handler(RequestValidationError)(_on_invalid)
    app.exception_handler(HTTPException)(_on_http)
    app.exception_handler(NotModified)(_on_not_modified)


async def _on_error(request: Request, error: VaporaError) -> Response:
    kind = kind_of(error)
    passing = {"Retry-After": str(_READY_AGAIN_S)} if kind.status == UNAVAILABLE.status else {}
    if kind.status == INTERNAL.status or kind is NOT_SET_UP:
        # Its text may name what is none of the caller's business.
        _log.error("request failed", path=request.url.path, exc_info=error)
        return problem(kind, "The request could not be carried out.", request.url.path, headers=passing)
    if kind.status == UNAVAILABLE.status:
        _log.warning("request not served", path=request.url.path, error=str(error))
    field = error.details.get("field")
    where = str(error.details.get("where", "body"))
    errors = [FieldError(where=where, field=str(field), message=error.message)] if field else []
    if faults := error.details.get("faults"):
        told = [FieldError(where=where, field=str(one["place"]), message=str(one["message"])) for one in faults]
        errors = told[:_MOST_ERRORS]
    paths = [str(path) for path in error.details.get("paths", ())]
    headers = {"WWW-Authenticate": "Bearer"} if kind in (OPERATOR_ONLY, UNAUTHENTICATED) else passing
    if "retry_after_s" in error.details:
        headers["Retry-After"] = str(error.details["retry_after_s"])
    return problem(
        kind,
        error.message,
        request.url.path,
        remedy=error.remedy,
        errors=errors,
        paths=paths,
        headers=headers,
        version=error.details["version"] if kind is DOCUMENT_OUTDATED else None,
    )


async def _on_invalid(request: Request, error: RequestValidationError) -> Response:
    found = error.errors()
    if any(one["type"] == "json_invalid" for one in found):
        return problem(MALFORMED, "The body is not well-formed JSON.", request.url.path)
    errors = [_field_error(one["loc"], one["msg"]) for one in found[:_MOST_ERRORS]]
    first = errors[0]
    detail = f"{first.where} {first.field}: {first.message}".replace(" :", ":")
    if len(found) > 1:
        detail += f" (and {len(found) - 1} more)"
    places = ", ".join(dict.fromkeys(one.field or one.where for one in errors))
    return problem(INVALID, detail, request.url.path, remedy=f"Correct {places} and send it again.", errors=errors)


async def _on_not_modified(request: Request, found: NotModified) -> Response:
    return Response(status_code=304, headers={"ETag": found.tag})


async def _on_http(request: Request, error: HTTPException) -> Response:
    kind = _BY_STATUS.get(error.status_code) or Kind(_OTHER.code, error.status_code, _OTHER.title, _OTHER.remedy)
    details = {
        404: f"There is nothing at {request.url.path}.",
        405: f"{request.url.path} does not take {request.method}.",
    }
    detail = details.get(error.status_code, str(error.detail))
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = request.app.state.allowed(request.url.path)
    return problem(kind, detail, request.url.path, headers=headers)


def _field_error(location: Iterable[Any], message: str) -> FieldError:
    where, *path = [str(part) for part in location] or ["request"]
    return FieldError(where=where, field=".".join(path), message=message.removeprefix("Value error, "))
