"""Projects, tasks, runs and the board, as answers show them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import AliasChoices, Field, JsonValue

from events.ids import BoardType, ChecksVerdict, MergePolicy, Review, TaskState, WaitReason
from events.work import Check
from events.workspace import KnowledgeSettings
from vapora.views.base import View
from vapora.views.landing import Landed, LandingProblem


class WaitingCall(View):
    """The call of a tool that a person is asked about. `arguments`: as JSON, just as they would go out; null where they
    are large, and are the run's text `sha256`. `seen`: its digest, which the decision names."""

    run_id: str
    tool: str
    arguments: str | None = None
    sha256: str | None = None
    seen: str


class Waiting(View):
    reason: WaitReason
    since: datetime
    remedy: str
    call: WaitingCall | None = None


class PauseView(View):
    """Nothing of it starts, and no new model call goes out. `scope` and `id`: of what; `reason`: what was said."""

    scope: Literal["workspace", "project"]
    id: str
    since: datetime
    reason: str


class Project(View):
    """What follows `repo` is about work in it. `setup` and `checks` None: what the accepted file of the repository
    says. `sandbox` None: as the installation says. `providers`: who may see it; empty: all. `accepted_file`: the
    SHA-256 of the text of `.vapora/project.toml` whose commands may be run."""

    id: str
    name: str
    description: str
    repo: str | None
    base_branch: str | None = None
    setup: tuple[str, ...] | None = None
    checks: tuple[Check, ...] | None = None
    # A field cannot be called like a method that each model has.
    copies: tuple[str, ...] = Field(
        default=(), validation_alias=AliasChoices("copy", "copies"), serialization_alias="copy"
    )
    read_only: tuple[str, ...] = ()
    merge_policy: MergePolicy = MergePolicy.MANUAL
    sandbox: str | None = None
    providers: tuple[str, ...] = ()
    accepted_file: str | None = None
    paused: PauseView | None = None
    archived: bool
    created_at: datetime
    position: int


class ProjectMade(Project):
    """`same_name`: the ids of the other projects that had its name when it was made, and were not archived."""

    same_name: tuple[str, ...] = ()


class WorkspaceSettings(View):
    """As they are until somebody sets them, then with the position of the last change."""

    name: str = ""
    default_review: Review = Review.HUMAN
    default_priority: int = 50
    most_runs: int | None = None
    most_runs_of: dict[str, int] = Field(default_factory=dict)
    knowledge: KnowledgeSettings = KnowledgeSettings()
    position: int = 0


class Preferences(View):
    """As `ChangePreferences` takes them. The words are open: a newer version may know more of them."""

    user_id: str
    theme: str = "system"
    density: str = "comfortable"
    time_zone: str = ""
    notifications: tuple[str, ...] = ("review", "failed")
    position: int = 0


class RunSummary(View):
    """A run as it stands on its task's card. `purpose` review: it judges the work of another."""

    run_id: str
    agent_id: str
    role: str
    purpose: Literal["work", "review"] = "work"
    attempt: int = 1
    state: Literal["running", "waiting", "succeeded", "failed", "cancelled"]
    started_at: datetime
    ended_at: datetime | None = None
    calls: int = 0
    cost_microusd: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    providers: tuple[str, ...] = ()
    reason: str = ""
    # What became of the agent that had it before, where it was handed over.
    handed_over: str = ""


class Question(View):
    """What an agent asks a person. The answer is a comment with `answers` set to `call_id`."""

    run_id: str
    call_id: str
    text: str


class BoardCard(View):
    """A card as it stands on the board, in lists and in live frames: without its texts.

    `rank` is the place in its column: cards are sorted by it as text, upwards where work is still to be done (todo,
    in-progress, review), downwards where it has ended (done, failed: the newest first).

    Of work in a repository: `branch`, `base`, `head` and `checks` as the last good run left them, `approved_head` what
    was approved of it, `landed` where it became part of the project's branch, `landing_problem` why it did not.
    `reviewer`: who is to approve it, while it is in review. `sandbox`: the kind that its run works in, while it runs;
    `none` is to be shown. `doing`: what its run does, in a line. `question`: what it waits for an answer to.
    `handed_over`: what became of the agent that had its run before, where that was handed over.
    `attachments` and `comments`: how many there are; `unread`: comments of agents since a person last said or decided
    something. `limit_microusd`: what the task may cost over its whole life.
    """

    id: str
    project_id: str
    title: str
    type: BoardType
    task_type: str
    task_type_reason: str
    role: str | None
    priority: int
    review: Review
    deadline: datetime | None
    blocked_by: tuple[str, ...]
    assignee: str | None
    workflow_run_id: str | None = None
    stage: str | None = None
    labels: tuple[str, ...] = ()
    state: TaskState
    waiting: Waiting | None
    assigned_agent: str | None
    cost_microusd: int
    runs: tuple[RunSummary, ...]
    comment: str
    branch: str | None = None
    base: str | None = None
    head: str | None = None
    checks: ChecksVerdict | None = None
    approved_head: str | None = None
    landed: Landed | None = None
    landing_problem: LandingProblem | None = None
    attempt: int = 1
    attempts: int = 1
    reviewer: Review | None = None
    sandbox: str | None = None
    doing: str | None = None
    question: Question | None = None
    handed_over: str = ""
    attachments: int = 0
    comments: int = 0
    unread: int = 0
    limit_microusd: int | None = None
    created_at: datetime
    updated_at: datetime
    rank: str
    position: int
    simulated: bool


class TaskCard(BoardCard):
    """A card with its texts."""

    description: str
    context: dict[str, JsonValue]


class Board(View):
    """At most 200 cards of each column. `counts`: how many the column holds in all. `next`: the cursor of the cards
    that follow, null where there are none; ask for them with `column` and `cursor`. `truncated` names the columns that
    have more. `counts_by_project`: `counts` for each project that ever had a card in one of these columns; the live
    view `column` says how they change. `paused`: the workspace and the projects of which nothing starts now; the live
    view `pause` says how that changes."""

    position: int
    columns: dict[str, tuple[BoardCard, ...]]
    counts: dict[str, int] = Field(default_factory=dict)
    counts_by_project: dict[str, dict[str, int]] = Field(default_factory=dict)
    next: dict[str, str | None] = Field(default_factory=dict)
    truncated: tuple[str, ...] = ()
    paused: tuple[PauseView, ...] = ()
