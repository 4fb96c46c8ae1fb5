"""What actors say to each other: values that pickle. Facts travel by the log; these are requests and their answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from events import DomainEvent
from events.agent import Equipment, HeldRun
from events.budget import Charge
from events.ids import Provider, StreamName, WaitReason
from events.run import ModelCalled, RunFork
from vapora.domain.next_step import MOST_MAYBE_BILLED
from vapora.domain.routing import Routing as Routing
from vapora.domain.run_end import Card, Ending
from vapora.domain.task import Task
from vapora.domain.task_state import TaskComment
from vapora.llm.protocol import Message, ToolSpec
from vapora.ports import Origin

# New events of one stream with the version that it must be at: what rides along in another's append.
CoAppend = tuple[StreamName, int, tuple[DomainEvent, ...]]


@dataclass(frozen=True, slots=True)
class Assignment:
    """A run that an agent is to bring to its end. `origin` carries the task's correlation; its causation is the
    position of the assignment. `task` is as it was when the run was given out.

    `purpose` review: the run judges somebody else's commit `head` (None: a text, which the run `task.run_id` left).
    `attempt`: 1 works on `vapora/<task>`, n on `vapora/<task>.<n>`. `comments`: what people and reviewers said since
    the run before began, oldest first. `fork`: where the run begins, if not at the branch's head. `model`: the one that
    a person chose. `paused`: it may not take a step until `resume` is called. `card`: the task when this was sent.
    `fresh`: it is sent for the first time, so nothing is known to stand in the run's stream yet. `handed_over`: the run
    was begun by another, or before this agent was started anew; `given_up`: what of it never came back there.
    `equipment`: what the agent's package said when the run was given out; None: its role's manifest holds.
    """

    run_id: str
    agent_id: str
    role: str
    task: Task
    origin: Origin
    purpose: Literal["work", "review"] = "work"
    head: str | None = None
    attempt: int = 1
    comments: tuple[TaskComment, ...] = ()
    fork: RunFork | None = None
    model: str | None = None
    paused: bool = False
    handed_over: bool = False
    given_up: HeldRun | None = None
    card: Card | None = None
    fresh: bool = False
    equipment: Equipment | None = None


@dataclass(frozen=True, slots=True)
class FollowUp:
    """The next step's instruction, known before this one is answered: its money can be held in the same append."""

    text: str
    max_output_tokens: int


@dataclass(frozen=True, slots=True)
class Call:
    """One step of a run, for the router to have answered. `run_version` is where the run's stream stands.

    `attempt` numbers this try of the step. `waiting`: what the run is marked as waiting for. `held`: the router is
    known to hold a choice for it, with its money reserved. `excluded`: models that are not to be asked, with the
    reason. `maybe_billed_left`: after so many calls without an answer that may have been billed, the router gives up.
    `providers`: who alone may see it; empty: all. `model`: the one that a person chose, with or without its provider.
    `opening`: what is to stand in the run's stream before the choice of a model, in the same append. `ending`: what
    joins the answer's append if it ends the run.
    """

    origin: Origin
    charge: Charge
    call_id: str
    step: int
    attempt: int
    run_version: int
    routing: Routing
    system: str
    messages: tuple[Message, ...]
    max_output_tokens: int
    temperature: float | None = None
    tools: tuple[ToolSpec, ...] = ()
    waiting: WaitReason | None = None
    held: bool = False
    follow_up: FollowUp | None = None
    excluded: tuple[tuple[Provider, str, str], ...] = ()
    maybe_billed_left: int = MOST_MAYBE_BILLED
    providers: tuple[str, ...] = ()
    model: str | None = None
    opening: tuple[DomainEvent, ...] = ()
    ending: Ending | None = None

    def barred(self, provider: str, model: str) -> str | None:
        """Why this model is not to be asked, whatever else holds; None where it may be."""
        if self.providers and provider not in self.providers:
            return f"the project is not shown to {provider}"
        if self.model is not None and self.model not in (model, f"{provider}/{model}"):
            return f"a person chose {self.model}"
        return None


@dataclass(frozen=True, slots=True)
class Answered:
    """`events`: what was appended to the run's stream, in order. `position` of the answer. `held`: the next step's
    money is reserved already."""

    events: tuple[DomainEvent, ...]
    answer: ModelCalled
    position: int
    held: bool = False


@dataclass(frozen=True, slots=True)
class OutOfBudget:
    """No room for any model. `contended`: calls in flight hold it, so it may come back by itself; else not before
    `until`, or a raised limit."""

    events: tuple[DomainEvent, ...]
    remedy: str
    contended: bool
    until: datetime | None


@dataclass(frozen=True, slots=True)
class NoProvider:
    """No configured provider can answer before `retry_at`."""

    events: tuple[DomainEvent, ...]
    remedy: str
    retry_at: datetime


@dataclass(frozen=True, slots=True)
class Unanswerable:
    """No model can take this call, today or later; or calls that may have been billed brought no answer too often."""

    events: tuple[DomainEvent, ...]
    reason: str


CallOutcome = Answered | OutOfBudget | NoProvider | Unanswerable


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts of a workspace that a provider's model is to make vectors of, in one call; `timeout_s` at most."""

    origin: Origin
    provider: str
    model: str
    texts: tuple[str, ...]
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Vectors:
    """One for each text, in their order. `simulated`: the rehearsal made them, and they say nothing."""

    vectors: tuple[tuple[float, ...], ...]
    simulated: bool


@dataclass(frozen=True, slots=True)
class NoVectors:
    """`reason`: a sentence for people."""

    reason: str


@dataclass(frozen=True, slots=True)
class Settlement:
    call_id: str
    attempt: int
    cost_microusd: int
    tokens_in: int
    tokens_out: int
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class Reserved:
    """`position` of the reservation; None where it was made before."""

    position: int | None


@dataclass(frozen=True, slots=True)
class NoRoom:
    """A reservation that was not made. `stop`: the scope's budget says to wait rather than to step down."""

    scope: str
    scope_id: str
    contended: bool
    stop: bool
    room_microusd: int


@dataclass(frozen=True, slots=True)
class Closing:
    """What joins an answer that ends its run: more events of the run, and the move of its card if that is as it was."""

    events: tuple[DomainEvent, ...]
    move: CoAppend


@dataclass(frozen=True, slots=True)
class Settled:
    """`next_held`: the next call's reservation stands. `closed`: the run's end and the card's move are known to."""

    position: int
    next_held: bool
    closed: bool = False
