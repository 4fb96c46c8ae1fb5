"""Intents about workflows, their runs and approvals.

A definition comes as it is written, and is checked whole by `vapora.domain.workflow.check`, which names every fault.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue, StringConstraints

from vapora.commands.base import Command, Comment, Context, Text


class SetWorkflow(Command):
    """A workflow as it shall be: `definition` has passed the check. `file`: where it was read from."""

    definition: dict[str, JsonValue]
    file: str = ""
    file_digest: str = ""


class RemoveWorkflow(Command):
    """`file`: the file that is gone; empty: a person removes it."""

    file: str = ""
    file_digest: str = ""


class CheckWorkflow(Command):
    """A definition as it is being written: TOML or JSON."""

    text: Text


class StartWorkflowRun(Command):
    """`project_id`: where its cards are made, for those stages that name no project."""

    inputs: Context = Field(default_factory=dict)
    project_id: str | None = None


class PauseWorkflowRun(Command):
    reason: Comment = ""


class ResumeWorkflowRun(Command):
    pass


class CancelWorkflowRun(Command):
    """Open cards are called off, and what its stages did is undone, the last first."""

    reason: Comment = ""


class RetryStageBody(Command):
    reason: Comment = ""


class RetryStage(RetryStageBody):
    stage: str


class SkipStageBody(Command):
    """`reason`: stands in the run for ever."""

    reason: Annotated[Comment, StringConstraints(min_length=1)]


class SkipStage(SkipStageBody):
    stage: str


class DecideApproval(Command):
    """`seen`: the digest that the approval showed. Refused where that has changed since."""

    decision: Literal["approve", "reject"]
    seen: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    comment: Comment = ""
