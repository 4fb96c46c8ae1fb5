"""Facts about runs: one agent's attempt at one task, step by step."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, JsonValue

from events.agent import Equipment
from events.base import DomainEvent, Value
from events.content import Attachment, Content
from events.ids import ChecksVerdict, Provider, WaitReason
from events.money import Amount
from events.work import CommandResult, LineComment, Work, Workplace


class RunFork(Value):
    """A run that begins where `step` of an earlier one ended: with its conversation and the files of that moment."""

    run_id: str
    step: int = Field(ge=0)


class RunStarted(DomainEvent):
    """`steps` are fixed where there is no repository. With one, `workplace` is set, and the run works with tools until
    it says that it is done.

    `system` and `brief` are what the model is told first. They are kept, so that a run which is taken up after an
    upgrade asks the same. `purpose` review: it judges the commit `workplace.head` of somebody else's run and changes
    nothing. `model` is set where a person chose it. `attachments`: the files on the card when it began, which its model
    is shown or told of however the card changes meanwhile. `equipment`: the package and version that it works by to
    its end; None: its role's manifest.
    """

    TOPIC: ClassVar[str] = "run.started"
    VERSION: ClassVar[int] = 4

    run_id: str
    task_id: str
    project_id: str
    agent_id: str
    role: str
    task_type: str
    steps: tuple[str, ...]
    purpose: Literal["work", "review"] = "work"
    workplace: Workplace | None = None
    system: Content | None = None
    brief: Content | None = None
    forked_from: RunFork | None = None
    model: str | None = None
    attachments: tuple[Attachment, ...] = ()
    equipment: Equipment | None = None
    simulated: bool = False

    @classmethod
    def upcast(cls, version: int, data: dict[str, Any]) -> dict[str, Any]:
        """Version 1 had steps only, version 2 no attachments, version 3 no equipment."""
        return data if version in (1, 2, 3) else super().upcast(version, data)


class RunTakenOver(DomainEvent):
    """Another agent goes on with the run, behind all that is recorded of it. `handed_over_at`: the position at which
    the log says so. Whoever was given the run before that position records nothing more."""

    TOPIC: ClassVar[str] = "run.taken-over"

    run_id: str
    task_id: str
    agent_id: str
    from_agent: str
    handed_over_at: int = Field(ge=0)


class OfferedTool(Value):
    """A tool of a server as a run was offered it, by its name `<server>.<tool>`. `effect`, `outward`, `reads_outside`:
    as in `events.tool_server.ToolRule`, all said. `allowed`: the run's project allows it to send something out without
    anybody being asked."""

    name: str
    effect: Literal["pure", "outside"]
    outward: bool
    reads_outside: bool
    cost_microusd: int = Field(default=0, ge=0)
    timeout_s: float = Field(gt=0)
    allowed: bool = False


class ToolsOffered(DomainEvent):
    """The servers' tools that the run works with, as they were when it began: whatever a server says later, the model
    reads this. `specs`: JSON, a list of `{name, description, parameters}` in the order of `tools`. `missing`: servers
    that it should have had, with what stood in the way."""

    TOPIC: ClassVar[str] = "run.tools-offered"

    run_id: str
    task_id: str
    tools: tuple[OfferedTool, ...]
    specs: Content
    missing: dict[str, str] = Field(default_factory=dict)


class ToolBegun(DomainEvent):
    """A call that cannot be taken back goes out, recorded before it does: where no result follows, nobody knows what
    came of it, and it is not made again by itself."""

    TOPIC: ClassVar[str] = "run.tool-begun"

    run_id: str
    task_id: str
    step: int
    call: int = Field(ge=0)
    call_id: str
    name: str


class SetupRan(DomainEvent):
    """The project's setup commands, run in the worktree before the first step; `reused`: their product was kept from an
    earlier time, and nothing was run."""

    TOPIC: ClassVar[str] = "run.setup-ran"

    run_id: str
    task_id: str
    results: tuple[CommandResult, ...] = ()
    reused: bool = False
    copied: tuple[str, ...] = ()
    ok: bool


class Tokens(Value):
    """As billed: `input` includes cached tokens, `output` includes reasoning."""

    input: int = Field(ge=0)
    output: int = Field(ge=0)
    cache_read: int = Field(default=0, ge=0)
    cache_write: int = Field(default=0, ge=0)
    reasoning: int = Field(default=0, ge=0)


class ToolRequested(Value):
    """A tool that the model asked for in its answer. `signature`: the vendor's, to be sent back with the call."""

    id: str
    name: str
    arguments: dict[str, JsonValue]
    signature: str | None = None


class ModelCalled(DomainEvent):
    """An answer, recorded together with the settlement of its money before anybody saw it.

    Not every answer is good work: `vapora.domain.answer` judges it. `finish_detail`: the vendor's own word for why it
    stopped, where that was neither the ordinary end nor a tool. `usage_doubt`: why its usage cannot be true, or that
    there is none; then the worst case was booked, and `tokens` are 0. `native`: the turn as JSON in the vendor's own
    form, where the vendor wants more back with the tool calls than they tell, such as its signed thoughts.
    """

    TOPIC: ClassVar[str] = "run.model-called"
    VERSION: ClassVar[int] = 3

    run_id: str
    task_id: str
    call_id: str
    step: int
    attempt: int = 1
    provider: Provider
    model: str
    answer: Content
    tool_calls: tuple[ToolRequested, ...] = ()
    native: Content | None = None
    finish: Literal["stop", "length", "tool", "refusal", "other"]
    finish_detail: str = ""
    tokens: Tokens
    usage_doubt: str = ""
    cost_microusd: Amount
    latency_ms: int = Field(ge=0)
    simulated: bool = False

    @classmethod
    def upcast(cls, version: int, data: dict[str, Any]) -> dict[str, Any]:
        """Version 1 did not say which attempt it was; there was one answer a step. Version 2 had no `native`."""
        if version < 2:
            data |= {"attempt": 1, "finish_detail": "", "usage_doubt": ""}
        if version < 3:
            data |= {"native": None}
        return data


class ModelCallFailed(DomainEvent):
    """A provider gave no answer. `booked`: its worst case was booked, since it may have billed us."""

    TOPIC: ClassVar[str] = "run.model-call-failed"

    run_id: str
    task_id: str
    call_id: str
    step: int
    attempt: int
    provider: Provider
    model: str
    error: str
    message: str
    retryable: bool
    booked: bool
    simulated: bool = False


class ModelCallLost(DomainEvent):
    """A crash took the answer of a call that was under way; its worst case was booked."""

    TOPIC: ClassVar[str] = "run.model-call-lost"

    run_id: str
    task_id: str
    call_id: str
    step: int
    attempt: int


class ModelCallWithdrawn(DomainEvent):
    """The router stopped before the call went out: nothing was sent, and its money was released with this."""

    TOPIC: ClassVar[str] = "run.model-call-withdrawn"

    run_id: str
    task_id: str
    call_id: str
    step: int
    attempt: int
    provider: Provider
    model: str


class CodeStepAsked(DomainEvent):
    """The code of an agent written in Python asks for step `step` of its run, from 0. `asked`: all of it, as JSON, with
    which the code is compared when it runs again after a crash. `name`: of the tool, or of a value.

    What came of a `model` or a `tool` follows with the same `step`; of a `value`, which the code found out by itself,
    it stands here as JSON.
    """

    TOPIC: ClassVar[str] = "run.code-step-asked"

    run_id: str
    task_id: str
    step: int = Field(ge=0)
    kind: Literal["model", "tool", "value"]
    name: str = ""
    asked: Content
    value: Content | None = None
    simulated: bool = False


class ToolUsed(DomainEvent):
    """A tool that the model asked for, and what came of it, recorded before the model is asked again.

    `step` and `call_id` are those of the answer that asked for it, `call` the place among its calls, from 0. Where `ok`
    is false, `result` says what went wrong; the model reads it all the same. `commit` is the branch's newest after it.
    `data`: what the platform itself needs of it, such as the verdict of a review.
    """

    TOPIC: ClassVar[str] = "run.tool-used"

    run_id: str
    task_id: str
    step: int
    call: int = Field(ge=0)
    call_id: str
    name: str
    arguments: Content
    effect: str
    ok: bool
    result: Content
    truncated: bool = False
    exit_code: int | None = None
    duration_ms: int = Field(ge=0)
    commit: str | None = None
    sandbox: str | None = None
    data: dict[str, JsonValue] = Field(default_factory=dict)
    simulated: bool = False


class QuestionAsked(DomainEvent):
    """The agent asks a person; the answer is a comment on the card, and then the result of the tool call."""

    TOPIC: ClassVar[str] = "run.question-asked"

    run_id: str
    task_id: str
    agent_id: str
    step: int
    call: int
    call_id: str
    question: str


class ChecksRan(DomainEvent):
    """The project's checks on the commit `head`. `round`: 1 for the first time that the agent said it was done."""

    TOPIC: ClassVar[str] = "run.checks-ran"

    run_id: str
    task_id: str
    head: str
    round: int = Field(gt=0)
    verdict: ChecksVerdict
    results: tuple[CommandResult, ...] = ()
    sandbox: str
    simulated: bool = False


class ArtifactRecorded(DomainEvent):
    """A work product. `kind` is one of the catalogue's artifact kinds."""

    TOPIC: ClassVar[str] = "run.artifact-recorded"

    run_id: str
    task_id: str
    name: str
    kind: str
    content: Content
    simulated: bool = False


class AskedCall(Value):
    """The call of a tool that a person is asked about, as it would go out. `arguments`: as JSON. `seen`: the digest of
    tool and arguments, which the person's decision names."""

    tool: str
    arguments: Content
    seen: str


class RunWaiting(DomainEvent):
    """`call`: what a person is to allow or refuse, where it waits for that."""

    TOPIC: ClassVar[str] = "run.waiting"
    VERSION: ClassVar[int] = 3

    run_id: str
    task_id: str
    reason: WaitReason
    remedy: str
    call: AskedCall | None = None

    @classmethod
    def upcast(cls, version: int, data: dict[str, Any]) -> dict[str, Any]:
        """Readers of version 1 took a reason that they did not know for damage; version 2 had no `call`."""
        return data if version in (1, 2) else super().upcast(version, data)


class RunContinued(DomainEvent):
    """What it waited for is there."""

    TOPIC: ClassVar[str] = "run.continued"

    run_id: str
    task_id: str


class Verdict(Value):
    """What a review says of the commit `head`."""

    verdict: Literal["approve", "request-changes"]
    head: str
    comment: str
    comments: tuple[LineComment, ...] = ()


class RunSucceeded(DomainEvent):
    """`work`: what stands on its branch, where it worked in a repository. `review`: what a run with that purpose
    decided."""

    TOPIC: ClassVar[str] = "run.succeeded"
    VERSION: ClassVar[int] = 2

    run_id: str
    task_id: str
    agent_id: str
    role: str
    task_type: str
    summary: str
    work: Work | None = None
    review: Verdict | None = None
    simulated: bool = False

    @classmethod
    def upcast(cls, version: int, data: dict[str, Any]) -> dict[str, Any]:
        """Version 1 left texts only."""
        return data if version == 1 else super().upcast(version, data)


class RunFailed(DomainEvent):
    """`counts`: whether it says something about the agent (R17: not for want of a provider or budget)."""

    TOPIC: ClassVar[str] = "run.failed"

    run_id: str
    task_id: str
    agent_id: str
    role: str
    task_type: str
    reason: str
    counts: bool = True
    simulated: bool = False


class RunCancelled(DomainEvent):
    TOPIC: ClassVar[str] = "run.cancelled"

    run_id: str
    task_id: str
    agent_id: str
    reason: str
    simulated: bool = False
