"""What the code of an agent may meet, and what ends it."""

from __future__ import annotations

from vapora.errors import VaporaError


class ToolFailedError(VaporaError):
    """A tool did not do what was asked, was refused, or nobody knows whether it did (`details["lost"]`). `message` is
    what it said, `details["tool"]` its name."""


class AnswerError(VaporaError):
    """A typed answer did not fit its model, also after it was corrected once. `details["text"]`: the last answer."""


class Finished(BaseException):
    """`ctx.finish`: past every `except Exception` of the code."""

    def __init__(self, product: object) -> None:
        super().__init__()
        self.product = product


class GivenUp(BaseException):
    """`ctx.fail`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Abandoned(BaseException):
    """The run is over, or goes on elsewhere: whatever the code does now changes nothing there."""
