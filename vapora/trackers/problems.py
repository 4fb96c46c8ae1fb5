"""Why a tracker did not do what it was asked."""

from __future__ import annotations

from vapora.errors import UnavailableError


class TrackerDelayedError(UnavailableError):
    """It cannot now: an outage, or a limit. `wait_s`: how long it wants to be left alone; None: it did not say."""

    def __init__(self, message: str, wait_s: float | None = None, remedy: str = "It is tried again by itself.") -> None:
        super().__init__(message, remedy=remedy)
        self.wait_s = wait_s


class TrackerSignInError(UnavailableError):
    """It does not know the token, or the token may not do this. Nothing is given up for it: tokens are replaced."""


class TrackerRefusedError(UnavailableError):
    """It will not, however often it is asked. `status`: of its answer."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message, remedy="Look at what the tracker says.", status=status)
        self.status = status
