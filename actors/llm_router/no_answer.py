"""What a call comes back with where there is no answer: who did not, why, and what would help."""

from __future__ import annotations

from datetime import timedelta

from actors.llm_router.attempts import CallAttempts
from actors.llm_router.budget_client import BudgetClient
from actors.llm_router.circuit_breaker import CircuitBreaker
from actors.llm_router.selection import ModelChoice
from actors.llm_router.vendor_sentences import VendorSentences, listed, shortened
from actors.messages import CallOutcome, NoProvider, NoRoom, OutOfBudget, Unanswerable
from actors.money import turn_comes
from vapora.clock import Clock
from vapora.domain.routing import RoutingPlan
from vapora.llm.catalogue import Catalogue


class NoAnswer:
    def __init__(
        self,
        choice: ModelChoice,
        breaker: CircuitBreaker,
        sentences: VendorSentences,
        clock: Clock,
        catalogue: Catalogue,
    ) -> None:
        self._choice = choice
        self._breaker = breaker
        self._sentences = sentences
        self._clock = clock
        self._catalogue = catalogue

    def nobody(self, attempts: CallAttempts, all_up: RoutingPlan) -> CallOutcome:
        """No model can be asked now. `all_up`: what the plan would be if every provider answered."""
        if all_up.options:
            return self.provider(attempts)
        offered = {spec.key for spec in self._choice.models}
        why = {
            one.model: attempts.said.get((one.provider, one.model), one.excluded)
            for one in all_up.candidates
            if one.excluded and (one.provider, one.model) in offered
        }
        reason = f"No model can take this call. {listed(why.items()) or 'None is configured.'}"
        if (spec := all_up.would_do) is not None:
            reason = f"{reason} {spec.model} would do: it needs {self._catalogue.endpoint(spec.provider).switch}."
        return Unanswerable(tuple(attempts.events), shortened(reason))

    def provider(self, attempts: CallAttempts, at_least_s: float = 0) -> NoProvider:
        """Whoever can take the call does not answer."""
        out = ", ".join(f"{name}: {why}" for name, why in self._choice.out().items())
        said = self._sentences.told(attempts.call.origin.workspace)
        remedy = f"No provider answers ({out or 'too many attempts failed'}). It is tried again by itself."
        remedy = shortened(f"{remedy} Check keys and addresses with `vapora doctor`. {said}".strip())
        retry_at = max(self._breaker.next_up(), self._clock() + timedelta(seconds=at_least_s))
        return NoProvider(tuple(attempts.events), remedy, retry_at)

    def left(self, outcome: NoProvider) -> float:
        """Seconds until it may be tried again."""
        return max((outcome.retry_at - self._clock()).total_seconds(), 0.0)


async def no_room(money: BudgetClient, attempts: CallAttempts, room: NoRoom) -> OutOfBudget:
    events, where = tuple(attempts.events), f"the budget of {room.scope} {room.scope_id}"
    if room.contended:
        return OutOfBudget(events, turn_comes(room), contended=True, until=None)
    until = await money.window_turns_at(attempts.call.origin)
    remedy = (
        f"No room for this call is left in {where}. Raise its limit, allow an overflow, configure a local model, "
        f"or wait until {until:%Y-%m-%d %H:%M} UTC."
    )
    return OutOfBudget(events, remedy, contended=False, until=until)
