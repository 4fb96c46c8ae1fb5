"""Causes: a problem, why there was one, and what solved it; as people and agents record them."""

from __future__ import annotations

from dataclasses import dataclass

from events.base import DomainEvent
from events.knowledge import RelationRecorded, RelationRemoved
from vapora.commands import RecordRelation, RemoveRelation
from vapora.errors import NotFoundError

# To be raised with every change of `evolve` or of the state: what an older fold saved is then left aside.
FOLD_VERSION = 1


@dataclass(frozen=True, slots=True)
class Relation:
    recorded: RelationRecorded | None
    removed: bool = False


def evolve(state: Relation | None, event: DomainEvent) -> Relation | None:
    match event:
        case RelationRecorded():
            return Relation(event)
        case RelationRemoved():
            return Relation(state.recorded if state else None, removed=True)
        case _:
            return state


def decide(
    state: Relation | None, command: RecordRelation | RemoveRelation, relation_id: str
) -> tuple[DomainEvent, ...]:
    if isinstance(command, RecordRelation):
        return record(state, command, relation_id)
    return remove(state, command, relation_id)


def record(state: Relation | None, command: RecordRelation, relation_id: str) -> tuple[DomainEvent, ...]:
    """Nothing where it says so already."""
    event = RelationRecorded(relation_id=relation_id, **command.model_dump())
    return () if state is not None and not state.removed and state.recorded == event else (event,)


def remove(state: Relation | None, command: RemoveRelation, relation_id: str) -> tuple[DomainEvent, ...]:
    """`command.folded`: it stands among those that were folded from runs and reviews, which have no event of their own.
    Raises `NotFoundError`."""
    if state is not None and state.removed:
        return ()
    if state is None and not command.folded:
        raise NotFoundError(f"There is no relation '{relation_id}'.", remedy="List the relations.")
    return (RelationRemoved(relation_id=relation_id, reason=command.reason),)
