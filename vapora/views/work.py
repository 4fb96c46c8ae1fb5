"""Projects, tasks, agents, money and the log, as answers show them."""

from __future__ import annotations

from datetime import datetime
from typing import Generic, Literal, Self, TypeVar

from pydantic import AliasChoices, Field, JsonValue

from events.ids import (
    BoardType,
    ChecksVerdict,
    MergePolicy,
    Review,
    Scope,
    TaskState,
    Tier,
    WaitReason,
    WhenExceeded,
)
from events.recorded import Recorded
from events.work import Check
from events.workspace import KnowledgeSettings
from vapora.views.base import View as View
from vapora.views.landing import Landed, LandingProblem

Item = TypeVar("Item")


class Page(View, Generic[Item]):
    """A list: `next` is the cursor of the page that follows, null on the last."""

    items: tuple[Item, ...]
    next: str | None = None


class Accepted(View):
    """What a write answers: the thing's id and the log position that holds it."""

    id: str
    position: int


class OperatorToken(View):
    """What lets requests say which commands are run: to be sent as `Authorization: Bearer`."""

    token: str


class TaskAccepted(View):
    task_id: str
    position: int


class Progress(View):
    """`position`: how far the read models have come; `head`: the last position of the log."""

    position: int
    head: int


class Status(Progress):
    """`failed`: what stopped a projection, by its name; `rebuilding`: those that are rebuilt while their old rows are
    served, and how far each has come; `clock`: what is wrong with the clock that events are recorded by, empty where
    nothing is."""

    failed: dict[str, str]
    rebuilding: dict[str, int]
    clock: str = ""


IdKind = Literal["task", "project", "run", "agent"]


class Named(View):
    """What an id stands for. `name`: a task's title, a project's or agent's name, a run's task."""

    kind: IdKind
    id: str
    name: str


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
    search_vectors: str | None = None
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


class Agent(View):
    id: str
    role: str
    name: str
    # `draining`: it ends what it has and gets nothing new; `offline`: it does not answer, or does not advance.
    state: Literal["idle", "busy", "draining", "offline", "disabled"]
    # Why it is in a state in which it gets no work.
    reason: str = ""
    load: float
    capacity: int
    running: int
    capabilities: tuple[str, ...]
    task_types: tuple[str, ...]
    # The package that it is of, with its version; empty: none.
    package: str = ""
    version: str = ""
    position: int


class Profile(View):
    """Ability in one task type, as the coordinator sees it now."""

    task_type: str
    runs: int
    success_rate: float
    expertise: float
    confidence: float
    simulated: bool


class CurvePoint(View):
    day: str
    task_type: str
    runs: int
    success_rate: float
    cost_microusd: int
    simulated: bool


class Learning(View):
    profiles: tuple[Profile, ...]
    curve: tuple[CurvePoint, ...]


class BudgetView(View):
    """Limits and use of one scope. `utilisation` is the worse of both windows, spent over limit. `spent_microusd` and
    `held_microusd`, over its whole life, are a task's alone: None for everything else."""

    scope: Scope
    id: str
    tier: Tier
    when_exceeded: WhenExceeded
    monthly_limit_cents: int | None
    weekly_limit_cents: int | None
    limit_cents: int | None = None
    overflow_cents: int
    monthly_spent_microusd: int
    weekly_spent_microusd: int
    monthly_held_microusd: int
    weekly_held_microusd: int
    spent_microusd: int | None = None
    held_microusd: int | None = None
    utilisation: float
    simulated: bool = False
    position: int


class Limits(View):
    """What one scope may spend; None: no limit. `limit_cents`, over its whole life, is a task's alone."""

    monthly_limit_cents: int | None = None
    weekly_limit_cents: int | None = None
    limit_cents: int | None = None
    overflow_cents: int = 0
    when_exceeded: WhenExceeded = WhenExceeded.FALLBACK


class LimitsChanged(View):
    """What was changed to what, at one position: whoever changes the same limits at once comes before or after."""

    before: Limits
    after: Limits
    position: int


class BudgetEdited(BudgetView):
    """The budget with its new limits, and what they were before."""

    before: Limits


class Cost(View):
    """`unknown_calls`: those among `calls` whose bill is not known, with `unknown_microusd` of `cost_microusd`.

    No answer came, or one without a usage that can be true, so the worst case was booked. Their tokens are not counted.
    """

    key: dict[str, str]
    cost_microusd: int
    tokens_in: int
    tokens_out: int
    calls: int
    unknown_calls: int = 0
    unknown_microusd: int = 0
    simulated: bool


class Decision(View):
    position: int
    kind: Literal["agent", "reviewer", "provider", "budget"]
    chosen: str
    reason: str
    candidates: tuple[dict[str, JsonValue], ...] = ()
    policy: str = ""
    propensity: float | None = None
    budget: str = ""


class Why(View):
    decisions: tuple[Decision, ...]


class DeadLetterView(View):
    """A task that was delivered `deliveries` times and could not be given out. `id` is the task's, `position` that of
    the event which made it to do."""

    id: str
    subject: str
    deliveries: int
    position: int


class QueueView(View):
    """`kind`: the log itself, or NATS. `depth`: what waits, by subject, without dead letters. Where the queue is away,
    `problem` says why, `depth` is empty, and work goes on from the log; `dead_letters_known` is false, and
    `dead_letters` are those that were seen last, if any were."""

    kind: Literal["log", "nats"]
    connected: bool
    problem: str | None
    depth: dict[str, int]
    waiting: int
    dead_letters: tuple[DeadLetterView, ...]
    dead_letters_known: bool = True


class EventView(View):
    """An event with its envelope, as `/events` shows it."""

    position: int
    stream: str
    version: int
    topic: str
    recorded_at: datetime
    workspace: str
    actor: str
    correlation: str
    causation: int | None
    event: dict[str, JsonValue]

    @classmethod
    def of(cls, recorded: Recorded, *, whole: bool = True) -> Self:
        """`whole=False`: the envelope alone."""
        return cls(
            position=recorded.position,
            stream=recorded.stream,
            version=recorded.version,
            topic=recorded.topic,
            recorded_at=recorded.recorded_at,
            workspace=recorded.workspace,
            actor=recorded.actor,
            correlation=recorded.correlation,
            causation=recorded.causation,
            event=recorded.event.as_json() if whole else {},
        )


class AuditEntry(View):
    """Who did what to what, when, and how it came out (M11.12).

    `action`: create, update, delete, execute, assign, complete, override, query-secret, view-audit, deny; `unknown` for
    an event that a newer version wrote. `result`: success, failure, partial-success. `causation`: the position of what
    led to it, null: a request.
    """

    position: int
    timestamp: datetime
    actor: str
    action: str
    resource_type: str
    resource_id: str
    result: str
    details: str
    topic: str
    correlation: str
    causation: int | None


class Chain(View):
    """From an event back to the request that led to it, each because of the one after it."""

    items: tuple[EventView, ...]
    complete: bool


class CellCounts(View):
    """Workspaces by whether their actors run. An archived one is among those asleep while nobody reads it."""

    awake: int = 0
    asleep: int = 0
    archived: int = 0


class Liveness(View):
    """That a server answers; of what stands behind it this says nothing."""

    status: Literal["ok"]
    version: str


class Health(View):
    """What follows `version` is told to who is known, or where nobody signs in."""

    status: Literal["ok", "starting", "failing"]
    version: str
    model: Literal["real", "rehearsal"] | None = None
    providers: dict[str, str] = Field(default_factory=dict)
    # `provider/model` → why, for single models that are left alone now; their provider may be up all the same.
    paused_models: dict[str, str] = Field(default_factory=dict)
    reason: str = ""
    problems: tuple[str, ...] = Field(default=())
    # Where work is taken from: `log`, `nats`, or the log because NATS is away, and why it is.
    queue: str = ""
    cells: CellCounts = CellCounts()
