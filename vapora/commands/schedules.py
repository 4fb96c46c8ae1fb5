"""Intents about schedules."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StrictBool, StringConstraints, model_validator

from vapora.commands.base import WHOLE, Command, Context, Edit, Slug, TimeZone
from vapora.commands.work import SubmitTask

CronText = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    Field(json_schema_extra={"pattern": r"\S", "examples": ["30 9 * * MON-FRI"]}),
]
ScheduleName = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]
CatchUp = Literal["none", "last", "all"]
CatchUpLimit = Annotated[int, Field(ge=1, le=100), WHOLE]


class SetSchedule(Command):
    """A schedule as it shall be. It makes a `task`, or begins a run of `workflow_id` with `inputs`; one of the two."""

    name: ScheduleName = ""
    cron: CronText
    zone: TimeZone = "UTC"
    task: SubmitTask | None = None
    workflow_id: Slug | None = None
    inputs: Context = Field(default_factory=dict)
    project_id: str | None = None
    enabled: StrictBool = True
    overlap: StrictBool = False
    catch_up: CatchUp = "none"
    catch_up_limit: CatchUpLimit = 10

    @model_validator(mode="after")
    def _one_of_both(self) -> SetSchedule:
        if (self.task is None) == (self.workflow_id is None):
            raise ValueError("name either a task or a workflow_id")
        return self


class EditSchedule(Edit):
    """A `task` takes the place of a workflow, and a `workflow_id` that of a task."""

    NULLABLE: ClassVar[frozenset[str]] = frozenset({"project_id"})

    name: ScheduleName | None = None
    cron: CronText | None = None
    zone: TimeZone | None = None
    task: SubmitTask | None = None
    workflow_id: Slug | None = None
    inputs: Context | None = None
    project_id: str | None = None
    enabled: StrictBool | None = None
    overlap: StrictBool | None = None
    catch_up: CatchUp | None = None
    catch_up_limit: CatchUpLimit | None = None


class RemoveSchedule(Command):
    pass


class FireSchedule(Command):
    """Begin it now. `overlap`: also while what it began before is under way."""

    overlap: StrictBool = False


class LookAtSchedule(Command):
    """Do what is due of it, if anything is: by the clock, not by a person."""
