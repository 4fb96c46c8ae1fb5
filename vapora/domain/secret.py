"""What the stream of a secret folds to. Nothing is decided on it: the vault numbers the versions, and the log tells."""

from __future__ import annotations

from dataclasses import dataclass

from events.base import DomainEvent
from events.secret import SecretDeleted, SecretStored

# To be raised with every change of `evolve` or of the state: what an older fold saved is then left aside.
FOLD_VERSION = 1


@dataclass(frozen=True, slots=True)
class Secret:
    """The newest version that the log knows; `deleted` is the last that a deletion took with it."""

    version: int = 0
    deleted: int = 0


def evolve(state: Secret | None, event: DomainEvent) -> Secret | None:
    before = state or Secret()
    match event:
        case SecretStored(version=version):
            return Secret(max(before.version, version), before.deleted)
        case SecretDeleted(version=version):
            return Secret(max(before.version, version), max(before.deleted, version))
        case _:
            return before
