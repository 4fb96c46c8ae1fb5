"""What is known of an issue or pull request that belongs to a card, folded from its stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from events.base import DomainEvent
from events.tracker import IssueLinked, PullLinked, TrackerReceived, TrackerSent

# To be raised with every change of `evolve` or of the state: what an older fold saved is then left aside.
FOLD_VERSION = 1
LinkKind = Literal["issue", "pull"]


@dataclass(frozen=True, slots=True)
class Link:
    """`made`: which of issue and card was made of the other. `digest`, `state`: of the thing
    as it was seen last. `received`: the digest of each comment by its key; `sent`: keys of comments that are ours;
    `carried`: positions of events that were carried over."""

    tracker_id: str
    task_id: str
    kind: LinkKind
    number: str
    url: str
    made: Literal["card", "issue"] = "card"
    digest: str = ""
    state: Literal["open", "closed", "merged"] = "open"
    branch: str = ""
    received: Mapping[str, str] = field(default_factory=dict)
    sent: frozenset[str] = frozenset()
    carried: frozenset[int] = frozenset()

    @property
    def key(self) -> tuple[str, LinkKind, str]:
        return self.tracker_id, self.kind, self.number


def evolve(state: Link | None, event: DomainEvent) -> Link | None:
    match event:
        case IssueLinked():
            fresh = Link(event.tracker_id, event.task_id, "issue", event.number, event.url, event.made)
            before = state or fresh
            # A card of its own for an issue that was opened again: what was received before is not news.
            return replace(
                before,
                task_id=event.task_id,
                url=event.url,
                made=event.made,
                digest=event.digest,
                state=event.state,
                carried=before.carried | {event.position},
            )
        case PullLinked():
            carried = frozenset({event.position})
            made = Link(event.tracker_id, event.task_id, "pull", event.number, event.url, branch=event.branch)
            if state is None:
                return replace(made, carried=carried)
            return replace(state, carried=state.carried | carried)
        case TrackerReceived() if state is not None:
            if event.thing in ("issue", "pull"):
                seen = event.state or state.state
                return replace(state, digest=event.digest, state=seen)
            received = {**state.received, f"{event.thing}/{event.remote_id}": event.digest}
            return replace(state, received=received)
        case TrackerSent() if state is not None:
            ours = {f"{event.thing}/{event.remote_id}"} if event.thing not in ("issue", "pull") else set()
            return replace(
                state,
                digest=event.digest or state.digest,
                state=event.state or state.state,
                sent=state.sent | ours,
                carried=state.carried | {event.position},
            )
        case _:
            return state
