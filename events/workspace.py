"""Facts about a workspace."""

from __future__ import annotations

from typing import ClassVar

from events.base import DomainEvent


class WorkspaceOpened(DomainEvent):
    """The first event of every log."""

    TOPIC: ClassVar[str] = "workspace.opened"

    workspace_id: str


class RequestAccepted(DomainEvent):
    """A request that carried an Idempotency-Key took effect; recorded in the same append as its effect.

    `body_digest` tells a repetition from another request under the same key; `answer_id` is what the
    first answer named.
    """

    TOPIC: ClassVar[str] = "workspace.request-accepted"

    key_digest: str
    body_digest: str
    answer_id: str
