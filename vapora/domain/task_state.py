"""What a task is. How each event changes it is in `vapora.domain.task_fold`, what may be done to it in
`vapora.domain.task` and its neighbours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from pydantic import JsonValue

from events.content import Attachment
from events.ids import BoardType, Review, TaskState, WaitReason
from events.run import RunFork
from events.work import Work
from vapora.domain.project import Project
from vapora.errors import ConflictError, NotFoundError


@dataclass(frozen=True, slots=True)
class Wait:
    """Why nobody can take a task, and what helps."""

    reason: WaitReason
    remedy: str


@dataclass(frozen=True, slots=True)
class TaskComment:
    """What somebody said to whoever works on the task: of all of it, of a file, or of a line of one. `side`: of the
    patch, `old` for what was there before."""

    text: str
    path: str | None = None
    line: int | None = None
    side: Literal["old", "new"] = "new"


@dataclass(frozen=True, slots=True)
class Landed:
    """The commit `head` of the task's branch is part of `branch` as `oid`."""

    oid: str
    head: str
    branch: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why its work did not land the last time."""

    head: str
    kind: str
    message: str
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReviewRun:
    """The run in which an agent reviews the task."""

    run_id: str
    agent_id: str
    head: str


@dataclass(frozen=True, slots=True)
class Task:
    """A task as its stream tells it.

    `run_id` is the current or last run, `runs` how many there were, reviews among them. `agent_id` is who has it or
    ended it: None while it is to be done. `waiting` is set in `todo` only. `comment` is what was last said when it was
    sent back to `todo`, `comments` what people and reviewers said since the last run began.

    `attempt` is the number of its branch, `attempts` how many there are, and `works` what each left so far; `work` is
    that of the card. `wanted_agent`, `model` and `fork` are what a person chose for the attempt; `fork` until its first
    run begins.

    `author` made the work last; `sent_back`: it was rejected since, so the author goes on with it. `reviewer` is who
    has to approve it, `review` who the task names. `review_rounds` and `conflict_rounds`: how often agents, or the base
    branch, sent it back. `approved_head` is what may land, `refused` why it did not the last time. `reverts`: the cards
    whose landed work it is there to take back.
    """

    id: str
    project_id: str
    title: str
    description: str
    type: BoardType
    task_type: str
    task_type_reason: str
    role: str | None
    priority: int
    review: Review
    deadline: datetime | None
    context: Mapping[str, JsonValue]
    blocked_by: tuple[str, ...]
    state: TaskState = TaskState.TODO
    run_id: str | None = None
    agent_id: str | None = None
    runs: int = 0
    waiting: Wait | None = field(default=None)
    comment: str = ""
    assignee: str | None = None
    comments: tuple[TaskComment, ...] = ()
    paused: bool = False
    attempt: int = 1
    attempts: int = 1
    works: Mapping[int, Work] = field(default_factory=dict)
    work: Work | None = None
    wanted_agent: str | None = None
    model: str | None = None
    fork: RunFork | None = None
    author: str | None = None
    sent_back: bool = False
    reviewer: Review | None = None
    review_run: ReviewRun | None = None
    review_rounds: int = 0
    conflict_rounds: int = 0
    approved_head: str | None = None
    landed: Landed | None = None
    refused: Refusal | None = None
    attachments: tuple[Attachment, ...] = ()
    labels: tuple[str, ...] = ()
    reverts: tuple[str, ...] = ()

    @property
    def head(self) -> str | None:
        """The commit that its work ends with; None without a branch."""
        return None if self.work is None else self.work.head

    @property
    def current_run_id(self) -> str | None:
        """The run that works on it, or reviews it, now."""
        if self.state is TaskState.IN_PROGRESS:
            return self.run_id
        return self.review_run.run_id if self.review_run is not None else None

    @property
    def is_landed(self) -> bool:
        """Whether its work, as it is now, is part of the base branch."""
        return self.landed is not None and self.landed.head == self.head

    @property
    def to_land(self) -> bool:
        """Whether it is done, and what it changed is not part of the base branch yet."""
        changed = self.work is not None and self.work.changes_something
        return self.state is TaskState.DONE and changed and not self.is_landed

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to be done about it, so that those behind it may start."""
        return self.state is TaskState.ARCHIVED or (self.state is TaskState.DONE and not self.to_land)


def require(state: Task | None, task_id: str) -> Task:
    """The task, or `NotFoundError`."""
    if state is None:
        raise NotFoundError(f"There is no task '{task_id}'.", remedy="Check the id.", task_id=task_id)
    return state


def require_work(project: Project | None) -> None:
    if project is not None and project.archived:
        raise ConflictError(
            f"The project '{project.name}' is archived: nothing of it starts any more.",
            remedy="Submit the task in another project.",
            project_id=project.id,
        )
