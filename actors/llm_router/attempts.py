"""What the router carries along while it brings one call to its end, and the pure parts of that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from actors.llm_router.sizes import CallSizes
from actors.messages import Call, Closing, CoAppend, Settlement
from events import DomainEvent
from events.budget import Charge
from events.content import Content
from events.ids import Provider, WaitReason, run_stream, task_stream
from events.money import MicroUsd
from events.routing import ProviderSelected
from events.run import ModelCalled, ModelCallFailed, ModelCallWithdrawn, RunContinued, Tokens, ToolRequested
from vapora.domain import usage as usage_rules
from vapora.domain.budget import BudgetStatus, ReserveSpend
from vapora.domain.models import ModelSpec
from vapora.domain.next_step import MOST_MAYBE_BILLED
from vapora.domain.routing import Option, RoutingPlan
from vapora.errors import ProviderError
from vapora.llm.protocol import Message, ModelAnswer, ModelRequest, Usage
from vapora.llm.turns import shown
from vapora.ports import Origin
from vapora.unicode import says_something


@dataclass(frozen=True, slots=True)
class ChosenModel:
    """A model whose worst case is reserved under (`call_id`, `attempt`) until `expires_at`. `simulated`: as rehearsed
    money, which pays for no real call."""

    call_id: str
    attempt: int
    spec: ModelSpec
    amount_microusd: int
    standing: BudgetStatus
    expires_at: datetime
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class Ahead:
    """The choice for the step after this one, before its money is held: `wish` asks for it, `events` say so in the
    run's stream. `sizes`: of its call, as it is expected."""

    choice: ChosenModel
    wish: ReserveSpend
    events: tuple[ProviderSelected, ...]
    sizes: CallSizes


@dataclass(frozen=True, slots=True)
class Held:
    """A choice for the next step, made and paid for with the answer before it. `version`: where the run's stream stands
    then; `sizes`: of the call that is expected."""

    choice: ChosenModel
    origin: Origin
    charge: Charge
    step: int
    version: int
    sizes: CallSizes

    def withdrawn(self) -> CoAppend:
        """What the run's stream says if it is never sent."""
        return run_stream(self.charge.run_id), self.version, (withdrawn(self.charge, self.step, self.choice),)


@dataclass(slots=True)
class CallAttempts:
    """`version`: where the run's stream stands; `events`: what was appended to it on the way; `excluded`: models that
    cannot take this call, with the reason; `said`: what models failed of, in words; `maybe_billed`: calls without an
    answer that may have been billed; `images`: the bytes of the call's images, as base64 by digest; `sizes`: of the
    call's requests."""

    call: Call
    version: int
    sizes: CallSizes
    events: list[DomainEvent] = field(default_factory=list)
    excluded: dict[tuple[Provider, str], str] = field(default_factory=dict)
    said: dict[tuple[Provider, str], str] = field(default_factory=dict)
    maybe_billed: int = 0
    images: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, call: Call, sizes: CallSizes, images: Mapping[str, str]) -> CallAttempts:
        excluded = {(provider, model): why for provider, model, why in call.excluded}
        return cls(call, call.run_version, sizes, excluded=excluded, images=images)

    def along(self, events: tuple[DomainEvent, ...]) -> CoAppend:
        return run_stream(self.call.charge.run_id), self.version + len(self._unsaid), events

    def opening(self) -> tuple[CoAppend, ...]:
        """The run's beginning, as long as it does not stand: in front of all that the first choice leads to."""
        return ((run_stream(self.call.charge.run_id), self.version, self._unsaid),) if self._unsaid else ()

    @property
    def _unsaid(self) -> tuple[DomainEvent, ...]:
        return () if self.events else self.call.opening

    def chosen(self, event: ProviderSelected, *, proven: bool) -> tuple[DomainEvent, ...]:
        """`event`, behind the end of the wait that the run was marked with, if this choice ends it.

        Money that is there ends a wait for money. A wait for a provider ends with a model that answered last time; one
        that only might answer leaves the card as it is, else each vain try would be two more changes of it.
        """
        ends = proven or self.call.waiting is not WaitReason.PROVIDER
        return (*(self._continued() if ends else ()), event)

    def answered(self, event: ModelCalled) -> tuple[DomainEvent, ...]:
        """`event`, behind the end of a wait that it ends."""
        return *self._continued(), event

    def _continued(self) -> tuple[DomainEvent, ...]:
        if self.call.waiting is None or any(isinstance(one, RunContinued) for one in self.events):
            return ()
        return (RunContinued(run_id=self.call.charge.run_id, task_id=self.call.charge.task_id),)

    def appended(self, events: tuple[DomainEvent, ...]) -> None:
        events = (*self._unsaid, *events)
        self.events.extend(events)
        self.version += len(events)

    def failed(self, choice: ChosenModel, error: ProviderError) -> None:
        self.said[choice.spec.provider, choice.spec.model] = f"{error}"
        self.maybe_billed += error.maybe_billed


def build_request(
    call: Call, sizes: CallSizes, spec: ModelSpec, timeout_s: float, images: Mapping[str, str]
) -> ModelRequest:
    """What is sent. `images`: the bytes of those of the call, as base64 by digest."""
    return ModelRequest(
        model=spec.model,
        system=call.system,
        messages=shown(sizes.messages(spec), images if spec.vision else None),
        max_output_tokens=sizes.room(spec),
        temperature=call.temperature,
        tools=call.tools,
        timeout_s=timeout_s,
    )


def following_call(call: Call, answer: str) -> Call:
    """The call of the next step, given this one's answer."""
    if call.follow_up is None:
        raise ValueError("the call has no step after it")
    return replace(
        call,
        call_id=f"{call.charge.run_id}/{call.step + 1}",
        step=call.step + 1,
        attempt=1,
        messages=(
            *call.messages,
            Message(role="assistant", text=answer),
            Message(role="user", text=call.follow_up.text),
        ),
        max_output_tokens=call.follow_up.max_output_tokens,
        waiting=None,
        held=False,
        opening=(),
        ending=None,
        follow_up=None,
        excluded=(),
        maybe_billed_left=MOST_MAYBE_BILLED,
    )


def selected(
    call: Call, plan: RoutingPlan, option: Option, standing: BudgetStatus, simulated: bool
) -> ProviderSelected:
    """The decision with all that it was taken from."""
    return ProviderSelected(
        run_id=call.charge.run_id,
        task_id=call.charge.task_id,
        call_id=call.call_id,
        step=call.step,
        attempt=call.attempt,
        provider=option.spec.provider,
        model=option.spec.model,
        policy=plan.policy,
        reason=plan.reason,
        tier=standing.tier,
        budget=standing.reason,
        candidates=plan.candidates,
        fallback_reason=plan.fallback_reason,
        simulated=simulated,
    )


def failed(call: Call, choice: ChosenModel, error: ProviderError, simulated: bool) -> ModelCallFailed:
    return ModelCallFailed(
        run_id=call.charge.run_id,
        task_id=call.charge.task_id,
        call_id=call.call_id,
        step=call.step,
        attempt=choice.attempt,
        provider=choice.spec.provider,
        model=choice.spec.model,
        error=error.kind,
        message=error.message,
        retryable=error.retryable,
        booked=error.maybe_billed,
        simulated=simulated,
    )


def text_of(answer: ModelAnswer) -> str:
    """A text that shows nothing is kept as none, so that the event alone tells whether there is one."""
    return answer.text if says_something(answer.text) else ""


def called(
    call: Call,
    choice: ChosenModel,
    answer: ModelAnswer,
    content: Content,
    native: Content | None,
    cost: Callable[[Usage], MicroUsd],
    latency_ms: int,
    simulated: bool,
) -> ModelCalled:
    """The answer as it is recorded. Where its usage is in doubt, the call cost what was reserved for it."""
    usage = answer.usage
    doubt = usage_rules.doubt(usage, choice.spec, answered=bool(content.size or answer.tool_calls))
    if usage is None or doubt:
        spent, price = Tokens(input=0, output=0), MicroUsd(choice.amount_microusd)
    else:
        spent, price = tokens(usage), cost(usage)
    return ModelCalled(
        run_id=call.charge.run_id,
        task_id=call.charge.task_id,
        call_id=call.call_id,
        step=call.step,
        attempt=choice.attempt,
        provider=choice.spec.provider,
        model=choice.spec.model,
        answer=content,
        tool_calls=tool_calls(answer),
        native=native,
        finish=answer.finish,
        finish_detail=answer.finish_detail,
        tokens=spent,
        usage_doubt=doubt or "",
        cost_microusd=price,
        latency_ms=latency_ms,
        simulated=simulated,
    )


def closing(call: Call, event: ModelCalled, answer: ModelAnswer) -> Closing | None:
    """What joins the answer in its append if it ends the run."""
    ending = call.ending
    ended, moves = ((), ()) if ending is None else ending.after(event, text_of(answer))
    if ending is None or not moves:
        return None
    return Closing(ended, (task_stream(call.charge.task_id), ending.card.version, moves))


def withdrawn(charge: Charge, step: int, choice: ChosenModel) -> ModelCallWithdrawn:
    return ModelCallWithdrawn(
        run_id=charge.run_id,
        task_id=charge.task_id,
        call_id=choice.call_id,
        step=step,
        attempt=choice.attempt,
        provider=choice.spec.provider,
        model=choice.spec.model,
    )


def settlement(event: ModelCalled) -> Settlement:
    return Settlement(
        event.call_id,
        event.attempt,
        event.cost_microusd,
        event.tokens.input,
        event.tokens.output,
        estimated=bool(event.usage_doubt),
    )


def tokens(usage: Usage) -> Tokens:
    return Tokens(
        input=usage.input_tokens,
        output=usage.output_tokens,
        cache_read=usage.cache_read_tokens,
        cache_write=usage.cache_write_tokens,
        reasoning=usage.reasoning_tokens,
    )


def tool_calls(answer: ModelAnswer) -> tuple[ToolRequested, ...]:
    return tuple(ToolRequested(**one.model_dump()) for one in answer.tool_calls)
