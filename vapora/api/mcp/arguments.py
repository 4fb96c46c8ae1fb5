"""What each tool of `/mcp` takes. Where an operation of the API takes a body, the tool takes the same."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from events.ids import TaskState
from vapora.commands import CommentTask, EditTask, Slug, SubmitTask

# Nothing that would be another path.
_ID = r"^[A-Za-z0-9_-]{1,200}$"
TaskId = Annotated[str, Field(pattern=_ID, description="The card's id, as kanban_list_tasks gives it.")]
ProjectId = Annotated[str, Field(pattern=_ID, description="The project's id, as list_projects gives it.")]
Key = Annotated[
    str | None,
    Field(
        min_length=1,
        max_length=255,
        pattern="^[ -~]*$",
        description="A name for this request: sent again with the same name within 24 hours, it takes effect once.",
    ),
]
Cursor = Annotated[str | None, Field(max_length=1_000, description="`next` of the answer before.")]


class Arguments(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Nothing(Arguments):
    pass


class CreateTask(SubmitTask):
    request_key: Key = None

    def body(self) -> SubmitTask:
        return SubmitTask.model_validate(self.model_dump(exclude={"request_key"}, exclude_unset=True))


class UpdateTask(EditTask):
    """Fields that are left out stay. `state` moves the card: review→done approves, review→todo rejects, failed→todo
    tries again, in-progress→todo takes it back, and todo, done and failed can be archived."""

    NULLABLE: ClassVar[frozenset[str]] = EditTask.NULLABLE | {"state", "request_key"}

    task_id: TaskId
    state: TaskState | None = Field(default=None, description="The column to move the card to.")
    comment: str = Field(default="", max_length=5_000, description="Why it is moved; its agent reads it.")
    request_key: Key = None

    def edit(self) -> EditTask | None:
        said = self.model_dump(include=set(EditTask.model_fields), exclude_unset=True)
        return EditTask.model_validate(said) if said else None


class AssignTask(Arguments):
    task_id: TaskId
    agent_id: Slug = Field(description="Who is to do it, as get_agent_capabilities gives it.")
    request_key: Key = None


class CommentOnTask(CommentTask):
    task_id: TaskId
    request_key: Key = None

    def body(self) -> CommentTask:
        said = self.model_dump(include=set(CommentTask.model_fields), exclude_unset=True)
        return CommentTask.model_validate(said)


class ListTasks(Arguments):
    project_id: ProjectId | None = None
    state: TaskState | None = None
    role: Slug | None = Field(default=None, description="That ask for this role.")
    label: str | None = Field(default=None, max_length=50, description="That bear this label.")
    limit: int = Field(default=50, ge=1, le=200)
    cursor: Cursor = None


class OneTask(Arguments):
    task_id: TaskId


class ListProjects(Arguments):
    limit: int = Field(default=50, ge=1, le=200)
    cursor: Cursor = None


class ProjectSummary(Arguments):
    project_id: ProjectId
    days: int = Field(default=30, ge=1, le=90, description="How far back its flow is counted.")


class AgentCapabilities(Arguments):
    agent_id: Slug | None = Field(default=None, description="One agent, with what it has learned.")
    role: Slug | None = Field(default=None, description="The agents of this role.")
    task_type: Slug | None = Field(default=None, description="The agents that do such work.")


class Search(Arguments):
    query: str = Field(min_length=1, max_length=400, description="Words, as in a search box.")
    kinds: tuple[Literal["task", "run", "document", "comment", "code"], ...] = Field(
        default=(), max_length=5, description="Only these; empty: all."
    )
    project_id: ProjectId | None = None
    limit: int = Field(default=20, ge=1, le=100)
    after: int | None = Field(default=None, ge=0, description="`position` of a write: the answer waits to include it.")
