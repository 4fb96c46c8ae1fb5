"""What the router carries along while it brings one call to its end, and the pure parts of that."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from actors.messages import Along, Call
from events import DomainEvent
from events.budget import Charge
from events.ids import Provider, WaitReason, run_stream
from events.routing import ProviderSelected
from events.run import ModelCalled, ModelCallFailed, ModelCallWithdrawn, RunContinued, Tokens, ToolRequested
from vapora.domain.budget import Standing
from vapora.domain.models import ModelSpec
from vapora.domain.routing import Option, Plan
from vapora.errors import ProviderError
from vapora.llm.protocol import Message, ModelAnswer, ModelRequest
from vapora.ports import Origin


@dataclass(frozen=True, slots=True)
class Choice:
    """A model whose worst case is reserved under (`call_id`, `attempt`) until `expires_at`."""

    call_id: str
    attempt: int
    spec: ModelSpec
    amount_microusd: int
    standing: Standing
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Held:
    """A choice for the next step, made and paid for with the answer before it. `version`: where the run's stream stands
    then."""

    choice: Choice
    origin: Origin
    charge: Charge
    step: int
    version: int

    def withdrawn(self) -> Along:
        """What the run's stream says if it is never sent."""
        return run_stream(self.charge.run_id), self.version, (withdrawn(self.charge, self.step, self.choice),)


@dataclass(slots=True)
class Journey:
    """`version`: where the run's stream stands; `events`: what was appended to it on the way; `excluded`: models that
    cannot take this call, with the reason."""

    call: Call
    version: int
    events: list[DomainEvent] = field(default_factory=list)
    excluded: dict[tuple[Provider, str], str] = field(default_factory=dict)

    def along(self, events: tuple[DomainEvent, ...]) -> Along:
        return run_stream(self.call.charge.run_id), self.version, events

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
        self.events.extend(events)
        self.version += len(events)


def build_request(call: Call, model: str, timeout_s: float) -> ModelRequest:
    return ModelRequest(
        model=model,
        system=call.system,
        messages=call.messages,
        max_output_tokens=call.max_output_tokens,
        temperature=call.temperature,
        tools=call.tools,
        timeout_s=timeout_s,
    )


def following_call(call: Call, answer: str) -> Call:
    """The call of the next step, given this one's answer."""
    if call.follow_up is None:
        raise ValueError("the call has no step after it")
    run_id, _, _ = call.call_id.rpartition("/")
    return replace(
        call,
        call_id=f"{run_id}/{call.step + 1}",
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
        follow_up=None,
    )


def selected(call: Call, plan: Plan, option: Option, standing: Standing, simulated: bool) -> ProviderSelected:
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


def failed(call: Call, choice: Choice, error: ProviderError, simulated: bool) -> ModelCallFailed:
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


def withdrawn(charge: Charge, step: int, choice: Choice) -> ModelCallWithdrawn:
    return ModelCallWithdrawn(
        run_id=charge.run_id,
        task_id=charge.task_id,
        call_id=choice.call_id,
        step=step,
        attempt=choice.attempt,
        provider=choice.spec.provider,
        model=choice.spec.model,
    )


def tokens(answer: ModelAnswer) -> Tokens:
    usage = answer.usage
    return Tokens(
        input=usage.input_tokens,
        output=usage.output_tokens,
        cache_read=usage.cache_read_tokens,
        cache_write=usage.cache_write_tokens,
        reasoning=usage.reasoning_tokens,
    )


def tool_calls(answer: ModelAnswer) -> tuple[ToolRequested, ...]:
    return tuple(ToolRequested(**one.model_dump()) for one in answer.tool_calls)
