"""Every error that VAPORA raises on purpose, in one tree.

    VaporaError
    ├── BadInputError              the request cannot be taken as it is
    ├── NotFoundError              the thing named does not exist
    │   └── PrunedError            a text of an old run was dropped to make room; its digest is kept
    ├── ConflictError              it exists, but not in a state that allows this
    │   ├── VersionConflictError   somebody else appended to the stream first
    │   ├── DependencyRingError    tasks would wait for each other
    │   ├── KeyReusedError         an Idempotency-Key came again with another body
    │   ├── PreconditionFailedError  it has changed since it was read (If-Match)
    │   ├── ArchivedError          the workspace is archived, and nothing is written to it
    │   ├── ReviewOutdatedError    the branch is at another commit than the one that was looked at
    │   ├── DocumentOutdatedError  a document has a newer version than the one that was edited
    │   ├── ApprovalOutdatedError  what a workflow asks has changed since the person looked at it
    │   ├── ApprovalDecidedError   somebody has decided it already
    │   ├── ApprovalExpiredError   the time to decide it is over
    │   ├── NotApprovedError       work that nobody approved does not land
    │   └── ChecksFailedError      a check of the project is red
    ├── OperatorOnlyError          what may have commands run, asked without the operator's token
    ├── UnauthenticatedError       nobody knows who asks: no token, or one that is no longer good
    ├── ForbiddenError             known who asks, and they may not do this
    ├── ThrottledError             too many attempts; `details["retry_after_s"]` says when to try again
    ├── BehindError                a read model has not reached the position asked for
    ├── UnavailableError           a part of the cell does not answer at the moment
    │   ├── NoAnswerError          nothing came back from where an actor is
    │   ├── HeldElsewhereError     another installation serves the workspace at the moment
    │   ├── StoppingError          an actor was stopped before it began; the runtime sends the call again
    │   └── StoreFaultError        the read models' database is in trouble, through no fault of a row
    ├── ConfigurationError         settings that cannot work; start-up stops
    ├── CatalogError               a manifest or backlog file that cannot be used
    ├── LogError                   the log cannot be read or written
    │   ├── NewerEventError        an event that a newer VAPORA wrote, and that this one cannot read
    │   ├── FencedError            another writer has taken over this log
    │   └── CorruptLogError        what is stored is not what was written
    ├── RepositoryError            a git repository cannot be used as asked; nothing was changed
    │   ├── SourceRefusedError     the path or URL is of a kind that is not allowed here
    │   ├── NotARepositoryError    nothing is there, or it is not a git repository
    │   ├── CredentialsNeededError the remote wants a password or key that nobody gave
    │   ├── UnknownBranchError     the base branch is not there, or none is named and the head is detached
    │   ├── MissingObjectsError    a partial clone: files of the commit are not here
    │   ├── NoWorktreeError        the task has no worktree, or not the commit named
    │   ├── UncommittableError     the worktree holds what must not go into a commit
    │   ├── MergeConflictError     branch and target changed the same lines; carries the paths
    │   ├── TargetDirtyError       the person's checkout has changes in the way
    │   ├── TargetMovedError       the target branch moved meanwhile: try again on the new head
    │   ├── NothingToLandError     the branch changes nothing
    │   ├── PushRefusedError       the remote refused, with its words
    │   ├── RepositoryBusyError    another process is at work on it
    │   ├── GitTimeoutError        git did not end in time, and was ended
    │   └── GitFailedError         any other failure of git, with its words
    ├── SandboxUnavailableError    no way of running commands apart from the rest works here
    ├── VaultError                 a secret cannot be read or stored; its value was not lost by it
    │   └── VaultKeyError          the key that encrypts secrets is missing, or is not the one they need
    ├── UnpricedModelError         no price is known for a model: it is never called
    └── ProviderError              a model provider did not give an answer
        ├── RateLimitedError       429; carries retry_after_s where the provider said so
        ├── OverloadedError        503, 529 and their like
        ├── ProviderTimeoutError   no answer in time: it may have been billed
        ├── ConnectionLostError    dropped in mid-answer: it may have been billed
        ├── ConnectionRefusedByProviderError   never reached: not billed
        ├── AuthenticationError    the key is wrong
        ├── PermissionDeniedError  the key may not use this model
        ├── OutOfCreditError       the account is empty
        ├── ContextTooLongError    the request does not fit the model, or its limit of tokens
        ├── InvalidRequestError    the provider refused the request's form
        └── BadAnswerError         an answer came that cannot be understood: it may have been billed

The tree knows no HTTP: `vapora.api.problems` maps it to status codes in one table.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

# What a failed call says something about: this request alone, its model, or all of the provider's models.
FailureScope = Literal["request", "model", "provider"]


class VaporaError(Exception):
    """Root of the tree. `message` says what is wrong, `remedy` what to do about it."""

    def __init__(self, message: str, *, remedy: str = "", **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.details = details

    def __reduce__(self) -> tuple[Any, ...]:
        # Errors cross process borders; the default pickling forgets keyword arguments.
        return (_rebuild, (type(self), self.message, self.remedy, self.details))

    def __str__(self) -> str:
        if not self.remedy:
            return self.message
        # A vendor's sentence may lack its full stop.
        stop = "" if self.message.endswith((".", "!", "?", "…")) else "."
        return f"{self.message}{stop} {self.remedy}"


def _rebuild(kind: type[VaporaError], message: str, remedy: str, details: dict[str, Any]) -> VaporaError:
    return kind(message, remedy=remedy, **details)


class BadInputError(VaporaError):
    pass


class FileTooLargeError(BadInputError):
    pass


class NotFoundError(VaporaError):
    pass


class PrunedError(NotFoundError):
    pass


def no_such_workspace(workspace: str) -> NotFoundError:
    """The one error for a workspace that is not there, and for one that is not there for who asks."""
    return NotFoundError(f"There is no workspace '{workspace}'.", remedy="Leave out the header for the default one.")


def is_archived(workspace: str) -> ArchivedError:
    """The one error for a write to an archived workspace, whoever finds it out first."""
    return ArchivedError(
        f"The workspace '{workspace}' is archived: it can be read, and takes no writes.",
        remedy="Have an owner restore it, under Settings or with `vapora workspace restore`; nothing of it is missing.",
    )


class ConflictError(VaporaError):
    pass


class VersionConflictError(ConflictError):
    """`details["stream"]` names the stream, `details["version"]` the version it is at."""


class DependencyRingError(ConflictError):
    """`details["ring"]`: the tasks, each waiting for the next, the last being the first again."""


class KeyReusedError(ConflictError):
    pass


class PreconditionFailedError(ConflictError):
    pass


class ArchivedError(ConflictError):
    kind: ClassVar[str] = "workspace-archived"


class ReviewOutdatedError(ConflictError):
    """`details["head"]`: where the branch is now."""

    kind: ClassVar[str] = "review-outdated"


class PlanOutdatedError(ConflictError):
    kind: ClassVar[str] = "plan-outdated"


class DocumentOutdatedError(ConflictError):
    """`details["version"]`: the newest one."""

    kind: ClassVar[str] = "document-outdated"


class PackageRefusedError(BadInputError):
    """A package that is not as it must be. `details["package"]` names it."""


class PackageOutdatedError(ConflictError):
    """`details["digest"]`: of the package as it is shown now."""

    kind: ClassVar[str] = "package-outdated"


class ApprovalOutdatedError(ConflictError):
    """`details["seen"]`: the digest of what is shown now."""

    kind: ClassVar[str] = "approval-outdated"


class ApprovalDecidedError(ConflictError):
    kind: ClassVar[str] = "approval-decided"


class ApprovalExpiredError(ConflictError):
    kind: ClassVar[str] = "approval-expired"


class NotApprovedError(ConflictError):
    kind: ClassVar[str] = "not-approved"


class ChecksFailedError(ConflictError):
    """`details["checks"]`: the names of the red ones, where they ran just now."""

    kind: ClassVar[str] = "checks-failed"


class OperatorOnlyError(VaporaError):
    pass


class UnauthenticatedError(VaporaError):
    pass


class ForbiddenError(VaporaError):
    """`details["action"]` is the operation's id."""


class ThrottledError(VaporaError):
    """`details["retry_after_s"]`, in seconds."""


class BehindError(VaporaError):
    pass


class UnavailableError(VaporaError):
    pass


class NoAnswerError(UnavailableError):
    """Of an actor, by whatever carries calls to it; what it says itself is another error."""


class HeldElsewhereError(UnavailableError):
    """Another installation on the same database serves the workspace. `details["retry_after_s"]`, in seconds."""


class StoppingError(UnavailableError):
    """What was asked had no effect, or has one that the same call, sent again, does not repeat."""


class EndingError(UnavailableError):
    """What was asked is ended here, and nobody starts it again: who is starting gives up, instead of waiting for it."""


class StoreFaultError(UnavailableError):
    pass


class SearchFormError(StoreFaultError):
    pass


class ConfigurationError(VaporaError):
    pass


class CatalogError(VaporaError):
    pass


class LogError(VaporaError):
    pass


class NewerEventError(LogError):
    @classmethod
    def at(cls, position: int, why: str) -> NewerEventError:
        return cls(
            f"Position {position} was written by a newer VAPORA: {why}.",
            remedy="Upgrade to the version of VAPORA that wrote it, or a newer one; nothing is damaged. "
            "Where no newer one ever ran, `vapora audit verify` says whether the file was changed.",
            position=position,
        )


class FencedError(LogError):
    pass


class CorruptLogError(LogError):
    pass


class RepositoryError(VaporaError):
    """`kind` is stable. `details["paths"]`, where there, are the files concerned."""

    kind: ClassVar[str] = "repository"

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(self.details.get("paths", ()))


class SourceRefusedError(RepositoryError):
    kind = "source-refused"


class NotARepositoryError(RepositoryError):
    kind = "not-a-repository"


class CredentialsNeededError(RepositoryError):
    kind = "credentials-needed"


class UnknownBranchError(RepositoryError):
    kind = "unknown-branch"


class MissingObjectsError(RepositoryError):
    kind = "missing-objects"


class NoWorktreeError(RepositoryError):
    kind = "no-worktree"


class UncommittableError(RepositoryError):
    kind = "uncommittable"


class MergeConflictError(RepositoryError):
    kind = "merge-conflict"


class TargetDirtyError(RepositoryError):
    kind = "target-dirty"


class TargetMovedError(RepositoryError):
    kind = "target-moved"


class NothingToLandError(RepositoryError):
    kind = "nothing-to-land"


class PushRefusedError(RepositoryError):
    kind = "push-refused"


class RepositoryBusyError(RepositoryError):
    kind = "repository-busy"


class GitTimeoutError(RepositoryError):
    kind = "git-timeout"


class GitFailedError(RepositoryError):
    kind = "git-failed"


class SandboxUnavailableError(VaporaError):
    pass


class VaultError(VaporaError):
    pass


class VaultKeyError(VaultError):
    pass


class UnpricedModelError(VaporaError):
    pass


class ProviderError(VaporaError):
    """A provider gave no answer.

    `retryable`: the same call may succeed later or elsewhere.
    `maybe_billed`: the provider may have charged for it, so its reservation is booked, never released.
    `scope`: who is left alone for a while. A request's failure excludes its model for this call only.
    """

    kind: ClassVar[str] = "provider-error"
    scope: ClassVar[FailureScope] = "provider"
    retryable: ClassVar[bool] = True
    maybe_billed: ClassVar[bool] = False

    @property
    def retry_after_s(self) -> float | None:
        """How long the provider asked us to wait, in seconds; None where it did not say."""
        value = self.details.get("retry_after_s")
        return None if value is None else float(value)


class RateLimitedError(ProviderError):
    kind = "rate-limited"
    scope = "model"


class OverloadedError(ProviderError):
    kind = "overloaded"
    scope = "model"


class ProviderTimeoutError(ProviderError):
    kind = "timeout"
    scope = "provider"
    maybe_billed = True


class ConnectionLostError(ProviderError):
    kind = "connection-lost"
    scope = "provider"
    maybe_billed = True


class ConnectionRefusedByProviderError(ProviderError):
    kind = "connection-refused"
    scope = "provider"


class AuthenticationError(ProviderError):
    kind = "authentication"
    scope = "provider"
    retryable = False


class PermissionDeniedError(ProviderError):
    kind = "permission-denied"
    scope = "model"
    retryable = False


class OutOfCreditError(ProviderError):
    kind = "out-of-credit"
    scope = "provider"
    retryable = False


class ContextTooLongError(ProviderError):
    kind = "context-too-long"
    scope = "request"
    retryable = False


class InvalidRequestError(ProviderError):
    kind = "invalid-request"
    scope = "request"
    retryable = False


class BadAnswerError(ProviderError):
    kind = "bad-answer"
    scope = "provider"
    maybe_billed = True
