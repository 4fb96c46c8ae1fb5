"""What is asked is decided on the log and appended; and decided again if somebody was quicker.

A repeated request with the same Idempotency-Key is recognised by an event that was appended together with the first
one's effect, so that there is no moment in which only one of the two stands.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import JsonValue

from events.base import DomainEvent
from events.ids import StreamName
from vapora.clock import Clock
from vapora.dispatch.request_keys import answer_to, position_of_effect
from vapora.errors import ConflictError, VersionConflictError
from vapora.log.client import Change, LogClient
from vapora.log.folds import LoadedFold
from vapora.ports import Origin, RequestKey
from vapora.views import Accepted

_MOST_TRIES = 20


@dataclass(frozen=True, slots=True)
class Decision:
    """The id that the request is answered with, and the events of one stream; none if nothing is to change.

    `expected`: the versions of other streams that it was decided on. `others`: what is appended to those together.
    """

    id: str
    stream: StreamName
    version: int
    events: tuple[DomainEvent, ...]
    position: int = 0  # of the stream's last event: what a request without effect answers
    expected: Mapping[StreamName, int] = field(default_factory=dict)
    others: tuple[Change, ...] = ()


def decision_on(
    id_: str,
    stream: StreamName,
    on: LoadedFold[Any],
    events: tuple[DomainEvent, ...],
    expected: Mapping[StreamName, int] | None = None,
) -> Decision:
    return Decision(id_, stream, on.version, events, on.position, expected or {})


async def carry_out(
    log: LogClient,
    clock: Clock,
    origin: Origin,
    decide: Callable[[], Awaitable[Decision]],
    key: RequestKey | None,
    said: Mapping[str, JsonValue] | None = None,
) -> Accepted:
    """`decide` is asked again for each try. `said`: what the answer holds beside the id and the position, and what
    stands nowhere else in the log. Raises what `decide` raises, and `ConflictError` after many tries; then nothing is
    appended."""
    for _ in range(_MOST_TRIES):
        marker: tuple[Change, ...] = ()
        version = 0
        if key is not None:
            earlier, version = await answer_to(key, log, clock())
            if earlier is not None:
                return earlier.accepted
        decision = await decide()
        if not decision.events:
            # Nothing is left to be done perhaps because the same request came twice at once.
            answered = None if key is None else (await answer_to(key, log, clock()))[0]
            return Accepted(id=decision.id, position=decision.position) if answered is None else answered.accepted
        if key is not None:
            marker = ((key.stream, version, (key.accepted(decision.id, said),)),)
        try:
            change = (decision.stream, decision.version, decision.events)
            appended = await log.append(origin, change, *decision.others, *marker, expected=decision.expected)
        except VersionConflictError:
            continue
        return Accepted(id=decision.id, position=position_of_effect(appended.position, marker))
    raise ConflictError("The thing changes faster than the request can be decided.", remedy="Try again.")
