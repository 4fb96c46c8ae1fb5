"""Why a tracker did not do what it was asked."""

from __future__ import annotations

from typing import Any

from vapora.errors import UnavailableError


class TrackerDelayedError(UnavailableError):
    """It cannot now: an outage, or a limit. `wait_s`: how long it wants to be left alone; None: it did not say."""

    def __init__(
        self, message: str, wait_s: float | None = None, *, remedy: str = "It is tried again by itself.", **more: Any
    ) -> None:
        super().__init__(message, remedy=remedy, wait_s=wait_s, **more)
        self.wait_s = wait_s


class TrackerSignInError(UnavailableError):
    """It does not know the token, or the token may not do this. Nothing is given up for it: tokens are replaced."""


class TrackerRefusedError(UnavailableError):
    """It will not, however often it is asked. `answered`: the status of its answer; 0: it was not asked."""

    def __init__(
        self, message: str, answered: int, *, remedy: str = "Look at what the tracker says.", **more: Any
    ) -> None:
        super().__init__(message, remedy=remedy, answered=answered, **more)
        self.status = answered
