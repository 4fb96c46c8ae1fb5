"""Intents, and at the same time the bodies of requests.

A request body is parsed straight into one of these; the path supplies what the body does not carry.
Validation here is about form; whether the thing may happen now is decided by the rules in `vapora.domain`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    SecretStr,
    StrictBool,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import from_json

from events.content import Content
from events.ids import BoardType, MergePolicy, Review, TaskState, WhenExceeded
from events.work import Check, LineComment

# A kebab-case word: role ids, task types, agent ids.
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", min_length=1, max_length=80)]
# The patterns are for the document: white space around is taken off before lengths are looked at.
Title = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=3, max_length=500),
    Field(json_schema_extra={"pattern": r"\S[\s\S]+\S"}),
]
Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    Field(json_schema_extra={"pattern": r"\S"}),
]
Text = Annotated[str, StringConstraints(max_length=100_000)]
Comment = Annotated[str, StringConstraints(strip_whitespace=True, max_length=5_000)]
# An instant in ISO 8601, or a day; without anchors, so that it can be a part of another pattern.
INSTANT = (
    r"(000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})"
    r"-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|[12][0-9]))"
    r"([T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.,][0-9]{1,9})?)?(Z|[+ -]([01][0-9]|2[0-3]):?[0-5][0-9])?)?"
)


def _whole(value: Any) -> Any:
    """What JSON Schema calls an integer: 45.0 is one; `true` and "45" are none."""
    if isinstance(value, (bool, str)):
        raise ValueError("must be a whole number")
    return int(value) if isinstance(value, float) and value.is_integer() else value


# Behind the bounds: in front of them they would not stand in the document.
WHOLE = BeforeValidator(_whole)
Priority = Annotated[int, Field(ge=0, le=100), WHOLE]
Cents = Annotated[int, Field(ge=0, le=10**12), WHOLE]


def _json_object(value: Any) -> Any:
    """`context` may come as an object or as a JSON string of one (B3)."""
    if isinstance(value, str):
        try:
            # Stricter than `json`: no NaN, no half characters, no depth that would break a reader.
            return from_json(value or "{}", allow_inf_nan=False)
        except ValueError as error:
            raise ValueError(f"not valid JSON: {error}") from None
    return value


def _in_utc(value: datetime) -> datetime:
    """An instant without a zone is taken as UTC. One at the edge of the calendar has no UTC form to be stored in."""
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError:
        raise ValueError("is out of range") from None


def _instant_text(value: Any) -> Any:
    """Pydantic alone would take a number too, as seconds since 1970."""
    if isinstance(value, datetime) or (isinstance(value, str) and _INSTANT.fullmatch(value)):
        return value
    raise ValueError("must be an instant such as 2027-01-31T12:00:00Z")


_INSTANT = re.compile(INSTANT)
Context = Annotated[
    dict[str, JsonValue],
    BeforeValidator(_json_object),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "object", "additionalProperties": True},
                {"type": "string", "contentMediaType": "application/json", "description": "JSON of an object."},
            ]
        }
    ),
]
Instant = Annotated[
    datetime,
    BeforeValidator(_instant_text),
    AfterValidator(_in_utc),
    Field(json_schema_extra={"pattern": f"^{INSTANT}$", "examples": ["2027-01-31T12:00:00Z"]}),
]
Notifications = Annotated[tuple[Literal["review", "done", "failed"], ...], Field(max_length=3)]
# An IANA name such as Europe/Vienna; whether it is known is up to who shows times in it.
TimeZone = Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,2})?$", max_length=64)]
Blockers = Annotated[tuple[str, ...], Field(max_length=200)]


class Command(BaseModel):
    # No NaN, no infinity: no event could hold them.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _drop_null(schema: dict[str, Any], model: type[Any]) -> None:
    """In the description too, only what may be emptied takes null; nothing has a default that a client might send."""
    for name, field in schema.get("properties", {}).items():
        field.pop("default", None)
        if name not in model.NULLABLE:
            options = [one for one in field.pop("anyOf", ()) if one != {"type": "null"}]
            field.update(options[0] if len(options) == 1 else {"anyOf": options} if options else {})


class Edit(Command):
    """An edit says what changes: a field that is left out stays, one of `NULLABLE` that is null is emptied."""

    model_config = ConfigDict(json_schema_extra=_drop_null)

    NULLABLE: ClassVar[frozenset[str]] = frozenset()

    @field_validator("*", mode="before")
    @classmethod
    def _null_empties(cls, value: Any, info: ValidationInfo) -> Any:
        if value is None and info.field_name not in cls.NULLABLE:
            raise ValueError("cannot be null: leave it out, and it stays as it is")
        return value

    def changes(self) -> dict[str, Any]:
        """What was said, by field; None for what is to be emptied."""
        return self.model_dump(exclude_unset=True)


RepoText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4_096)]
BranchName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
ShellLine = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000)]
Oid = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}([0-9a-f]{24})?$")]
SandboxName = Literal["auto", "bubblewrap", "sandlock", "none"]


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
    """`task_type` is the routing type; absent, it is inferred and marked so. `role` narrows the candidates."""

    project_id: str
    title: Title
    description: Text = ""
    type: BoardType = BoardType.FEATURE
    task_type: Slug | None = None
    role: Slug | None = None
    priority: Priority = 50
    review: Review = Review.HUMAN
    deadline: Instant | None = None
    context: Context = Field(default_factory=dict)
    blocked_by: Blockers = ()
    assignee: Name | None = None


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


class StoreSecret(Command):
    """A new value; it is shown nowhere, by nothing."""

    value: SecretStr = Field(
        min_length=1, max_length=65_536, description="At most 64 KiB of text. It is stored encrypted, and never shown."
    )
