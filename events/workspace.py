"""Facts about a workspace."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Literal

from pydantic import Field, JsonValue

from events.base import DomainEvent, Value
from events.ids import Review


class WorkspaceOpened(DomainEvent):
    """The first event of every log."""

    TOPIC: ClassVar[str] = "workspace.opened"

    workspace_id: str


class KnowledgeSettings(Value):
    """For how many days of the log's time the knowledge graph keeps executions in detail, and what they came to day by
    day. `in_briefs`: whether agents are told of past executions; `half`: every other run by chance, so that runs with
    and without can be compared."""

    details_days: int = Field(default=30, ge=1)
    daily_days: int = Field(default=90, ge=1)
    in_briefs: Literal["on", "off", "half"] = "on"


class SettingsChanged(DomainEvent):
    """All settings of a workspace as they are from now on. `default_review` and `default_priority` hold for cards that
    name none; an empty `name`: the workspace goes by its id. `most_runs`: so many runs go on at once in the workspace
    (None: no limit), `most_runs_of` in a role. `knowledge`: what is remembered, and who is told.
    `search_vectors`: where search has its vectors from, `built-in`, `none` or `provider:model`; None: as the
    installation has it."""

    TOPIC: ClassVar[str] = "workspace.settings-changed"
    VERSION: ClassVar[int] = 4

    name: str
    default_review: Review
    default_priority: int
    most_runs: int | None = Field(default=None, ge=1)
    most_runs_of: dict[str, int] = Field(default_factory=dict)
    knowledge: KnowledgeSettings = KnowledgeSettings()
    search_vectors: str | None = None

    @classmethod
    def upcast(cls, version: int, data: dict[str, Any]) -> dict[str, Any]:
        """Version 1 knew no limits of runs, version 2 nothing of the knowledge graph, version 3 nothing of vectors."""
        return data if version in (1, 2, 3) else super().upcast(version, data)


class RequestAccepted(DomainEvent):
    """A request that carried an Idempotency-Key took effect; recorded in the same append as its effect.

    `body_digest` tells a repetition from another request under the same key; `answer_id` is what the
    first answer named, `answer` what else it said that stands nowhere else.
    """

    TOPIC: ClassVar[str] = "workspace.request-accepted"
    VERSION: ClassVar[int] = 2

    key_digest: str
    body_digest: str
    answer_id: str
    answer: dict[str, JsonValue] = Field(default_factory=dict)

    @classmethod
    def upcast(cls, version: int, data: dict[str, Any]) -> dict[str, Any]:
        """Version 1 knew only answers that can be read from the thing itself."""
        return data if version == 1 else super().upcast(version, data)


class ClockCorrected(DomainEvent):
    """An operator said that the log was written with a clock that was ahead, and that the clock is right now.

    The only event that may be recorded before the one that stands before it. `recorded_until`: how far the recorded
    time had come; `corrected_to`: where it goes on. Both in UTC.
    """

    TOPIC: ClassVar[str] = "workspace.clock-corrected"

    recorded_until: datetime
    corrected_to: datetime


class WorkspacePaused(DomainEvent):
    """Nothing starts, and no new model call goes out."""

    TOPIC: ClassVar[str] = "workspace.paused"

    reason: str = ""


class WorkspaceResumed(DomainEvent):
    TOPIC: ClassVar[str] = "workspace.resumed"

    reason: str = ""
