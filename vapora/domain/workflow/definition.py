"""What a workflow is. The form alone: whether its parts agree is seen by `vapora.domain.workflow.check`."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    StrictBool,
    StringConstraints,
    model_validator,
)
from pydantic_core import to_json

from vapora.commands.base import WHOLE, Cents, Name, Slug, Text

# A run is folded, drawn and looked through as a whole.
MOST_STAGES = 200
MOST_AGENTS = 50
ArtifactKind = Literal["adr", "code", "test-results", "review", "documentation", "text"]
StageName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+([-_][a-z0-9]+)*$", min_length=1, max_length=80)]
# A user's id, as `GET /auth/me` gives it, or an e-mail address.
PersonName = Annotated[str, StringConstraints(min_length=1, max_length=320)]
Seconds = Annotated[int, Field(ge=1, le=30 * 86_400), WHOLE]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _approval(value: Any) -> Any:
    """`true` asks whoever may review, `false` nobody."""
    return {True: {}, False: None}.get(value, value) if isinstance(value, bool) else value


def _named(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


def _undo(value: Any) -> Any:
    """A role, or several, with the card that ships; or the card too; or `revert`."""
    if value == "revert":
        return {"revert": True}
    if isinstance(value, str):
        return {"agents": [value]}
    return {"agents": value} if isinstance(value, list) else value


def _inputs(value: Any) -> Any:
    """A list of names is of inputs that have to be given."""
    if isinstance(value, list):
        return {one: {} for one in value} if all(isinstance(one, str) for one in value) else value
    return value


class Approval(_Part):
    """Who is asked. `when`: after the stage's work, which is shown then, or before it begins. `on_timeout`: what
    becomes of it when nobody has decided in time."""

    roles: Annotated[tuple[Slug, ...], Field(max_length=20)] = ()
    people: Annotated[tuple[PersonName, ...], Field(max_length=50)] = ()
    timeout_s: Seconds | None = None
    on_timeout: Literal["reject", "escalate"] = "reject"
    when: Literal["before", "after"] = "after"
    title: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] = ""


class Output(_Part):
    name: Slug
    kind: ArtifactKind = "text"


class Undo(_Part):
    """What is done to undo the stage: a card for each of `agents`, one after the other; or, with `revert`, one card for
    which VAPORA itself takes back what the stage's cards landed."""

    agents: Annotated[tuple[Slug, ...], Field(max_length=10)] = ()
    revert: StrictBool = False
    task: dict[str, JsonValue] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_of_them(self) -> Undo:
        if self.revert == bool(self.agents):
            raise ValueError("It names agents, or it says revert = true: one of them")
        return self


class Stage(_Part):
    """`role` makes one card, `agents` one for each role that it names; without them a `task` is for whoever can do it,
    and what has no task either only asks for an approval. `when`: a
    condition; where it does not hold the stage is skipped. `may_fail`: the run goes on where it fails."""

    name: StageName
    description: Text = ""
    role: Slug | None = None
    agents: Annotated[tuple[Slug, ...], Field(max_length=MOST_AGENTS)] = ()
    parallel: StrictBool = False
    max_parallel: Annotated[int, Field(ge=1, le=MOST_AGENTS), WHOLE] | None = None
    needs: Annotated[tuple[str, ...], Field(max_length=MOST_STAGES)] | None = None
    inputs: Annotated[tuple[Slug, ...], Field(max_length=50)] = ()
    outputs: Annotated[tuple[Annotated[Output, BeforeValidator(_named)], ...], Field(max_length=50)] = ()
    when: Annotated[str, StringConstraints(strip_whitespace=True, max_length=1_000)] = ""
    approval: Annotated[Approval | None, BeforeValidator(_approval)] = None
    compensate: Annotated[Undo | None, BeforeValidator(_undo)] = None
    retries: Annotated[int, Field(ge=0, le=10), WHOLE] = 0
    backoff_s: Annotated[int, Field(ge=0, le=86_400), WHOLE] = 5
    timeout_s: Seconds | None = None
    may_fail: StrictBool = False
    task: dict[str, JsonValue] = Field(default_factory=dict)

    @property
    def roles(self) -> tuple[str | None, ...]:
        """Of its cards, in order. None: whoever can do the task."""
        return self.agents or ((self.role,) if self.role is not None or self.task else ())

    @property
    def at_once(self) -> int:
        """So many of its cards at a time."""
        return (self.max_parallel or MOST_AGENTS) if self.parallel else 1


class InputRule(_Part):
    """`default`: what it is where nobody gives it; none: it has to be given, unless `required` is false."""

    description: Text = ""
    required: StrictBool = True
    default: JsonValue = None


class CronRule(_Part):
    cron: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    zone: Annotated[str, StringConstraints(min_length=1, max_length=64)] = "UTC"
    inputs: dict[str, JsonValue] = Field(default_factory=dict)


class ScheduleTrigger(_Part):
    schedule: CronRule


class Definition(_Part):
    """`budget_cents`: what all cards of a run may cost together; `undo_percent` of it is kept for the cards that undo
    stages, where there may be any. `max_parallel`: so many cards of a run at a time.
    `project_id`: where its cards are made, unless a stage's task or who starts it says otherwise."""

    name: Name
    description: Text = ""
    trigger: Literal["manual"] | ScheduleTrigger = "manual"
    project_id: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    inputs: Annotated[dict[Slug, InputRule], BeforeValidator(_inputs), Field(max_length=50)] | None = None
    budget_cents: Cents | None = None
    undo_percent: Annotated[int, Field(ge=0, le=90), WHOLE] = 20
    max_parallel: Annotated[int, Field(ge=1, le=1_000), WHOLE] | None = None
    stages: Annotated[tuple[Stage, ...], Field(min_length=1, max_length=MOST_STAGES)]

    @property
    def kept_cents(self) -> int:
        """What of the budget cards that do the work of stages may not use."""
        agents_undo = any(one.compensate is not None and one.compensate.agents for one in self.stages)
        return (self.budget_cents or 0) * self.undo_percent // 100 if agents_undo else 0

    def stage(self, name: str) -> Stage:
        return next(one for one in self.stages if one.name == name)

    def needs(self) -> dict[str, tuple[str, ...]]:
        """What each stage waits for. Where no stage says, each waits for the one before; where one does, those that say
        nothing wait for nothing."""
        if any(one.needs is not None for one in self.stages):
            return {one.name: tuple(dict.fromkeys(one.needs or ())) for one in self.stages}
        before: tuple[str, ...] = ()
        found = {}
        for one in self.stages:
            found[one.name] = before
            before = (one.name,)
        return found


def upstream(needs: dict[str, tuple[str, ...]], stage: str) -> set[str]:
    """All that a stage waits for, directly or not; itself among them where it stands in a ring."""
    found: set[str] = set()
    ahead = list(needs.get(stage, ()))
    while ahead:
        one = ahead.pop()
        if one not in found:
            found.add(one)
            ahead += needs.get(one, ())
    return found


def stored(definition: Definition) -> dict[str, Any]:
    """As it stands in events."""
    return definition.model_dump(mode="json", exclude_defaults=True)


def read(data: dict[str, Any]) -> Definition:
    """What `stored` gave. Those of one workflow are one object, however many runs have it."""
    return _read(to_json(data))


@lru_cache(maxsize=200)
def _read(text: bytes) -> Definition:
    return Definition.model_validate_json(text)
