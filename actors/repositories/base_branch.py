"""What everybody has in common who changes a project's base branch: with the work checked, and one after the other."""

from __future__ import annotations

from typing import Literal

from actors.repositories.open import OpenRepositories
from actors.repositories.recheck import Recheck
from vapora.clock import Clock
from vapora.domain.landings import Cause
from vapora.errors import ChecksFailedError, RepositoryError, ReviewOutdatedError, SandboxUnavailableError
from vapora.log.client import LogClient
from vapora.ports import Origin

_ACTOR = "repositories"
ONE_AT_A_TIME = "the base branch"

# Of a landing: nothing is to be done any more; nothing before the log says something new; or it is to be looked at
# again after a while, since what is in the way is outside of the log.
Found = Literal["over", "not-now", "later"]
Refused = (RepositoryError, ChecksFailedError, ReviewOutdatedError, SandboxUnavailableError)


class OnBaseBranch:
    def __init__(self, log: LogClient, workspace: str, opened: OpenRepositories, clock: Clock) -> None:
        self._log = log
        self._workspace = workspace
        self._opened = opened
        self._clock = clock
        self._recheck = Recheck(opened)

    def _by_itself(self, cause: Cause) -> Origin:
        """Nobody has asked for it but what the log says."""
        return Origin(self._workspace, _ACTOR, cause.correlation, cause.position)
