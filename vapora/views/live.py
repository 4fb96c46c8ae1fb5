"""What a live socket carries: the client's first frame, and the changes that the server sends."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import from_json

from events.ids import LONGEST_WORKSPACE, WORKSPACE_PATTERN, TaskState
from vapora.views.agents import Agent
from vapora.views.base import View
from vapora.views.comments import Comment
from vapora.views.documents import DocumentSummary
from vapora.views.landing import Attempt
from vapora.views.money import BudgetView
from vapora.views.packages import InstalledPackage
from vapora.views.runs import Execution
from vapora.views.schedules import ScheduleView
from vapora.views.steps import Step
from vapora.views.work import BoardCard, PauseView, Preferences, Project, WorkspaceSettings
from vapora.views.workflows import ApprovalView, WorkflowRunSummary, WorkflowSummary

_LARGEST_POSITION = 2**63 - 1


class LiveRequest(BaseModel):
    """The first frame of the client. `after`: send what changed after it; null: what changes from now on.
    `heartbeat_s`: send a frame without rows every so many seconds, so that the client notices a connection that is
    dead and says nothing; null: send none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    token: str | None = Field(None, max_length=8_192)
    workspace: str | None = Field(None, pattern=WORKSPACE_PATTERN, max_length=LONGEST_WORKSPACE)
    after: int | None = Field(None, ge=0, le=_LARGEST_POSITION, strict=True)
    heartbeat_s: float | None = Field(None, ge=1, le=60)


class ColumnCount(View):
    """How many cards of a project are in one state."""

    id: str
    project_id: str
    state: TaskState
    cards: int
    position: int


class Removed(View):
    """All that is left of a row that is gone."""

    id: str
    removed: Literal[True]
    position: int


class _Change(View):
    """A row in its latest state; `key` names it among the rows of its view."""

    key: str


class TaskChange(_Change):
    """A card, without its texts."""

    view: Literal["task"]
    operation: Literal["put"]
    row: BoardCard


class ColumnChange(_Change):
    """How many cards a project has in one state."""

    view: Literal["column"]
    operation: Literal["put"]
    row: ColumnCount


class ProjectChange(_Change):
    """A project."""

    view: Literal["project"]
    operation: Literal["put"]
    row: Project


class AgentChange(_Change):
    """An agent, or that it is no longer there."""

    view: Literal["agent"]
    operation: Literal["put", "remove"]
    row: Agent | Removed


class RunChange(_Change):
    """A run, without the texts that it left."""

    view: Literal["run"]
    operation: Literal["put"]
    row: Execution


class BudgetChange(_Change):
    """The budget of one scope, as it stood at the event that changed it."""

    view: Literal["budget"]
    operation: Literal["put"]
    row: BudgetView


class SettingsChange(_Change):
    """What is set for the workspace."""

    view: Literal["settings"]
    operation: Literal["put"]
    row: WorkspaceSettings


class PreferencesChange(_Change):
    """What a person prefers."""

    view: Literal["preferences"]
    operation: Literal["put"]
    row: Preferences


class PauseState(PauseView):
    """Whether nothing of it starts now; `since` and `reason` are of the last change."""

    paused: bool
    position: int


class PauseChange(_Change):
    """The workspace or a project was paused, or goes on."""

    view: Literal["pause"]
    operation: Literal["put"]
    row: PauseState


class LiveAttempt(Attempt):
    """An attempt, with its key as the id."""

    id: str


class AttemptChange(_Change):
    """An attempt at a task."""

    view: Literal["attempt"]
    operation: Literal["put"]
    row: LiveAttempt


class CommentChange(_Change):
    """A comment on a card."""

    view: Literal["comment"]
    operation: Literal["put"]
    row: Comment


class StepChange(_Change):
    """A step of a run, without its texts, or that it is no longer one: the model was chosen, and never asked. The row's
    id is the key, of run and step."""

    view: Literal["step"]
    operation: Literal["put", "remove"]
    row: Step


class WorkflowChange(_Change):
    """A workflow, or that it is no longer there."""

    view: Literal["workflow"]
    operation: Literal["put", "remove"]
    row: WorkflowSummary | Removed


class WorkflowRunChange(_Change):
    """A run of a workflow, in short."""

    view: Literal["workflow-run"]
    operation: Literal["put"]
    row: WorkflowRunSummary


class ApprovalChange(_Change):
    """What a workflow asks, and what came of it."""

    view: Literal["approval"]
    operation: Literal["put"]
    row: ApprovalView


class ScheduleChange(_Change):
    """A schedule, or that it is no longer there."""

    view: Literal["schedule"]
    operation: Literal["put", "remove"]
    row: ScheduleView | Removed


class DocumentChange(_Change):
    """A document without its text, or that it is no longer there."""

    view: Literal["document"]
    operation: Literal["put", "remove"]
    row: DocumentSummary | Removed


class PackageChange(_Change):
    """A package that is installed, or that it is no longer there."""

    view: Literal["package"]
    operation: Literal["put", "remove"]
    row: InstalledPackage | Removed


Change = Annotated[
    TaskChange
    | ColumnChange
    | ProjectChange
    | AgentChange
    | RunChange
    | BudgetChange
    | SettingsChange
    | PreferencesChange
    | PauseChange
    | AttemptChange
    | CommentChange
    | StepChange
    | WorkflowChange
    | WorkflowRunChange
    | ApprovalChange
    | ScheduleChange
    | DocumentChange
    | PackageChange,
    Field(discriminator="view"),
]
VIEWS = frozenset(
    {
        "task", "column", "project", "agent", "run", "budget", "settings", "preferences", "pause", "attempt",
        "comment", "step", "workflow", "workflow-run", "approval", "schedule", "document",
        "package",
    }
)  # fmt: skip


class Frame(View):
    """One position that changed something, as `/live` sends it; several in one where a socket lags behind. One without
    rows is a heartbeat, for a client that asked for it: nothing has changed, and the connection is alive."""

    position: int
    rows: tuple[Change, ...]

    @classmethod
    def read(cls, text: str | bytes) -> Frame:
        """What a server sent; changes of views, and fields, that only a newer one knows are left out."""
        given: dict[str, Any] = from_json(text)
        rows = [one for one in given["rows"] if one["view"] in VIEWS]
        return cls.model_validate({**given, "rows": rows}, extra="ignore")
