"""Intents about projects, tasks, runs, agents, budgets and settings."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, ConfigDict, Field, StrictBool, StringConstraints, field_validator, model_validator

from events.content import Content
from events.ids import BoardType, MergePolicy, Review, TaskState, WhenExceeded
from events.work import Check, LineComment
from vapora.commands.base import (
    WHOLE,
    Blockers,
    BranchName,
    Cents,
    Command,
    Comment,
    Context,
    Edit,
    Instant,
    Labels,
    Name,
    Notifications,
    Oid,
    Priority,
    RepoText,
    SandboxName,
    ShellLine,
    Slug,
    Text,
    TimeZone,
    Title,
)
from vapora.commands.knowledge import SetKnowledge

# Where search has its vectors from: learned here, nowhere, or made by a provider's model.
SearchVectors = Annotated[
    str, StringConstraints(pattern=r"^(built-in|none|[a-z][a-z0-9_-]{0,79}:[!-~]{1,200})$", max_length=300)
]


class ProjectCheck(Command):
    """A command that has to succeed before work counts as green; `timeout_s`: at most so long."""

    name: Name
    command: ShellLine
    timeout_s: Annotated[int, Field(ge=1, le=3_600), WHOLE] = 600

    def check(self) -> Check:
        return Check(name=self.name, command=self.command, timeout_s=self.timeout_s)


class CreateProject(Command):
    """What follows `repo` is for work in a repository, and has no effect without one."""

    name: Name
    description: Text = ""
    repo: RepoText | None = None
    base_branch: BranchName | None = None
    setup: Annotated[tuple[ShellLine, ...], Field(max_length=50)] | None = None
    checks: Annotated[tuple[ProjectCheck, ...], Field(max_length=50)] | None = None
    copies: Annotated[tuple[RepoText, ...], Field(alias="copy", max_length=50)] = ()
    read_only: Annotated[tuple[RepoText, ...], Field(max_length=50)] = ()
    merge_policy: MergePolicy = MergePolicy.MANUAL
    sandbox: SandboxName | None = None
    providers: Annotated[tuple[Slug, ...], Field(max_length=50)] = ()


class EditProject(Edit):
    NULLABLE: ClassVar[frozenset[str]] = frozenset({"repo", "base_branch", "setup", "checks", "sandbox"})

    name: Name | None = None
    description: Text | None = None
    repo: RepoText | None = None
    base_branch: BranchName | None = None
    setup: Annotated[tuple[ShellLine, ...], Field(max_length=50)] | None = None
    checks: Annotated[tuple[ProjectCheck, ...], Field(max_length=50)] | None = None
    copies: Annotated[tuple[RepoText, ...] | None, Field(alias="copy", max_length=50)] = None
    read_only: Annotated[tuple[RepoText, ...], Field(max_length=50)] | None = None
    merge_policy: MergePolicy | None = None
    sandbox: SandboxName | None = None
    providers: Annotated[tuple[Slug, ...], Field(max_length=50)] | None = None


class AcceptProjectFile(Command):
    """`sha256`: of the text of `.vapora/project.toml` that was read."""

    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class AcceptFoundFile(AcceptProjectFile):
    """With what the base branch holds now: `found` None where it has no such file."""

    found: str | None
    text: Content


class Pause(Command):
    reason: Comment = ""


class Resume(Command):
    pass


class PauseProject(Pause):
    pass


class ResumeProject(Resume):
    pass


class PauseWorkspace(Pause):
    pass


class ResumeWorkspace(Resume):
    pass


class ArchiveProject(Command):
    pass


class ChangeSettings(Command):
    """All settings of a workspace: what is left out takes its default. A card that names no review or priority gets
    these."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] = ""
    default_review: Review = Review.HUMAN
    default_priority: Priority = 50
    most_runs: Annotated[int, Field(ge=1, le=100_000), WHOLE] | None = None
    most_runs_of: Annotated[dict[Slug, Annotated[int, Field(ge=1, le=100_000), WHOLE]], Field(max_length=200)] = Field(
        default_factory=dict
    )
    knowledge: SetKnowledge = SetKnowledge()
    search_vectors: SearchVectors | None = None


class ChangePreferences(Command):
    """All that a person prefers: what is left out takes its default. `notifications`: states that a card may come to
    of which the person wants to be told."""

    theme: Literal["system", "light", "dark"] = "system"
    density: Literal["comfortable", "compact"] = "comfortable"
    time_zone: TimeZone = ""
    notifications: Notifications = ("review", "failed")

    @field_validator("notifications")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) < len(value):
            raise ValueError("names a state twice")
        return value


class SubmitTask(Command):
    """`task_type` is the routing type; absent, it is inferred and marked so. `role` narrows the candidates, `agent`
    names the only one; then an absent `task_type` is the first one that it takes. `labels`: words of people's own, by
    which cards are found; nothing is decided by them."""

    project_id: str
    title: Title
    description: Text = ""
    type: BoardType = BoardType.FEATURE
    task_type: Slug | None = None
    role: Slug | None = None
    agent: Slug | None = None
    priority: Priority = 50
    review: Review = Review.HUMAN
    deadline: Instant | None = None
    context: Context = Field(default_factory=dict)
    blocked_by: Blockers = ()
    assignee: Name | None = None
    labels: Labels = ()


class EditTask(Edit):
    NULLABLE: ClassVar[frozenset[str]] = frozenset({"deadline", "assignee"})

    title: Title | None = None
    description: Text | None = None
    type: BoardType | None = None
    priority: Priority | None = None
    review: Review | None = None
    deadline: Instant | None = None
    blocked_by: Blockers | None = None
    assignee: Name | None = None
    labels: Labels | None = None


class MoveTask(Command):
    """`before`: the id of the card to stand in front of, null for the end; with the card's own state it only reorders.
    If that card has left the column meanwhile, this one keeps its place. Cards in done and failed are not reordered."""

    state: TaskState
    before: str | None = None
    comment: Comment = ""


class ApproveTask(Command):
    """`head`: the commit that was looked at. Refused where the branch has moved since."""

    head: Oid
    comment: Comment = ""


class CommentOnLine(Command):
    path: RepoText
    line: Annotated[int, Field(ge=1), WHOLE] | None = None
    side: Literal["old", "new"] = "new"
    text: Annotated[Comment, StringConstraints(min_length=1)]

    def value(self) -> LineComment:
        return LineComment(path=self.path, line=self.line, side=self.side, text=self.text)


class RequestChanges(Command):
    head: Oid
    comment: Comment = ""
    comments: Annotated[tuple[CommentOnLine, ...], Field(max_length=500)] = ()


class CommentTask(Command):
    """`answers`: the `call_id` of the agent's question that this answers."""

    text: Annotated[Text, StringConstraints(strip_whitespace=True, min_length=1)]
    path: RepoText | None = None
    line: Annotated[int, Field(ge=1), WHOLE] | None = None
    side: Literal["old", "new"] = "new"
    head: Oid | None = None
    answers: Annotated[str, StringConstraints(min_length=1, max_length=500)] | None = None


def _file_name(name: str) -> str:
    """What a browser or a shell would take for a path is none; nor is what shows another end than it has."""
    if name in (".", "..") or _NO_FILE_NAME.search(name):
        raise ValueError("must be the name of a file, without a folder or control characters")
    return name


_NO_FILE_NAME = re.compile("[/\\\\\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
FileName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(_file_name)
]


class AttachFile(Command):
    """A file whose content is stored under its SHA-256 `digest`; the shell has looked at what it is."""

    name: FileName
    digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    size: Annotated[int, Field(ge=0)]
    media_type: str
    width: Annotated[int, Field(gt=0)] | None = None
    height: Annotated[int, Field(gt=0)] | None = None


class DetachFile(Command):
    name: str


class MergeTask(Command):
    """`force`: land although a check is red. It is audited."""

    strategy: Literal["squash", "merge", "rebase"] = "squash"
    message: Text = ""
    force: StrictBool = False


class StartAttempt(Command):
    """`from_step`: of the card's newest run, whose conversation and files up to there are the beginning."""

    agent: Slug | None = None
    model: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    from_step: Annotated[int, Field(ge=0), WHOLE] | None = None


class PickAttempt(Command):
    """`number`: whose work is the card's from now on."""

    number: Annotated[int, Field(ge=1), WHOLE]


class ResolveTask(Command):
    """Send work that could not be landed back to its agent, with the paths that the base branch changed as well."""

    comment: Comment = ""


class CancelRunBody(Command):
    reason: Comment = ""


class CancelRun(CancelRunBody):
    run_id: str


class PauseRun(Pause):
    """`run_id`: refused where the card has another run by now."""

    run_id: str


class ResumeRun(Resume):
    run_id: str


class DecideToolCallBody(Command):
    """Whether a call may go out. `seen`: the digest that the card shows behind the call."""

    decision: Literal["allow", "refuse"]
    seen: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{12}$")]
    comment: Comment = ""


class DecideToolCall(DecideToolCallBody):
    run_id: str


class RedeemCode(Command):
    """`code`: what `vapora up --open` gave to the browser."""

    code: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$", min_length=1, max_length=200)]


class RequeueTask(Command):
    """`deliveries`: of the dead letter that is put back."""

    deliveries: Annotated[int, Field(ge=0), WHOLE]


class RegisterAgent(Command):
    """`task_types`, `capabilities` and `capacity` default to what the role's manifest says."""

    role: Slug
    id: Slug | None = None
    name: Name | None = None
    capabilities: tuple[Slug, ...] | None = None
    task_types: tuple[Slug, ...] | None = None
    capacity: Annotated[int, Field(ge=1, le=1_000), WHOLE] | None = None


class EditAgent(Edit):
    """`enabled: false` lets the agent end what it has and gives it nothing new."""

    name: Name | None = None
    capabilities: tuple[Slug, ...] | None = None
    task_types: tuple[Slug, ...] | None = None
    capacity: Annotated[int, Field(ge=1, le=1_000), WHOLE] | None = None
    enabled: StrictBool | None = None


class ReplaceAgent(Command):
    """An agent as it shall be. What is left out becomes what its role's manifest says; a role never changes."""

    role: Slug | None = None
    name: Name | None = None
    capabilities: tuple[Slug, ...] | None = None
    task_types: tuple[Slug, ...] | None = None
    capacity: Annotated[int, Field(ge=1, le=1_000), WHOLE] | None = None
    enabled: StrictBool = True


class DrainAgent(Command):
    """`limit_s`: after so many seconds others take over what the agent still has; without it, it ends all of it."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, max_length=1_000)] = ""
    limit_s: Annotated[int, Field(ge=0, le=604_800), WHOLE] | None = None


class RemoveAgent(Command):
    pass


class SetBudget(Command):
    """The limits of a role, project, agent or workspace; null: no limit. A limit that is not named stays as it is, as
    does `when_exceeded`; an `overflow_cents` that is not named is 0."""

    monthly_limit_cents: Cents | None = None
    weekly_limit_cents: Cents | None = None
    overflow_cents: Cents = 0
    when_exceeded: WhenExceeded = WhenExceeded.FALLBACK


class SetTaskBudget(Command):
    """What a task may cost over its whole life; null: no limit. What is not named is as in `SetBudget`."""

    limit_cents: Cents | None = None
    overflow_cents: Cents = 0
    when_exceeded: WhenExceeded = WhenExceeded.FALLBACK


def _require_something(command: Command) -> Command:
    if not command.model_fields_set:
        raise ValueError(f"name at least one of {', '.join(type(command).model_fields)}")
    return command


class EditBudget(Command):
    """Limits of a role, project, agent or workspace: what is not named stays as it is, and null takes a limit away."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    monthly_limit_cents: Cents | None = None
    weekly_limit_cents: Cents | None = None
    overflow_cents: Cents = 0
    when_exceeded: WhenExceeded = WhenExceeded.FALLBACK

    _not_empty = model_validator(mode="after")(_require_something)


class EditTaskBudget(Command):
    """What a task may cost over its whole life: what is not named stays as it is, and null takes the limit away."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    limit_cents: Cents | None = None
    overflow_cents: Cents = 0
    when_exceeded: WhenExceeded = WhenExceeded.FALLBACK

    _not_empty = model_validator(mode="after")(_require_something)
