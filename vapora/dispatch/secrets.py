"""What is done to secrets: in the vault first, then the event that says so.

What a crash between the two leaves is a change that the vault has and no event names: it has the effect that was asked
for, and whoever asked got no answer and asks again, which the log then tells.
"""

from __future__ import annotations

import asyncio

from pydantic import SecretStr

from events.base import DomainEvent
from events.ids import SECRETS, StreamName, secret_stream
from events.secret import SecretDeleted, SecretRotated, SecretStored
from vapora.clock import Clock
from vapora.dispatch.request_keys import answer_to, position_of_effect
from vapora.domain import secret as secrets
from vapora.domain.secret import Secret
from vapora.errors import ConflictError, VersionConflictError
from vapora.log.client import Change, LogClient
from vapora.log.folds import Fold, StreamFolds
from vapora.objects import Where
from vapora.ports import Origin, RequestKey
from vapora.vault import Rotated, StoredSecret, Vault

_MOST_TRIES = 20
_SECRET = Fold("secret", secrets.FOLD_VERSION, Secret, secrets.evolve)


class SecretEvents:
    """Appends events to the streams of secrets, whatever else is appended there meanwhile."""

    def __init__(self, log: LogClient, clock: Clock, snapshots: Where | None = None) -> None:
        self._log = log
        self._clock = clock
        # A key that is in use for years is told of some thousand times.
        self._folds = StreamFolds(log, _SECRET, snapshots)

    async def tell(
        self, origin: Origin, stream: StreamName, event: DomainEvent, key: RequestKey | None = None, answer: str = ""
    ) -> int:
        """The position that holds it. `key`: marks in the same append that the request took effect, with `answer`."""
        for _ in range(_MOST_TRIES):
            found = await self._folds.load(stream)
            marker: tuple[Change, ...] = ()
            if key is not None:
                _, version = await answer_to(key, self._log, self._clock())
                marker = ((key.stream, version, (key.accepted(answer),)),)
            try:
                appended = await self._log.append(origin, (stream, found.version, (event,)), *marker)
                return position_of_effect(appended.position, marker)
            except VersionConflictError:
                continue
        raise ConflictError("The log of this secret grows faster than it can be written to.", remedy="Try again.")

    async def settled(self) -> None:
        await self._folds.settled()


class SecretStore:
    """The secrets of one workspace, for those who keep them. No method of it gives a value."""

    def __init__(self, workspace: str, vault: Vault, events: SecretEvents) -> None:
        self._workspace = workspace
        self._vault = vault
        self._events = events

    async def put(self, origin: Origin, name: str, value: SecretStr) -> tuple[StoredSecret, int]:
        """The new version, and the position of the event that names it. Raises what a `Vault` raises."""
        stored = await asyncio.to_thread(self._vault.put, self._workspace, name, value)
        event = SecretStored(name=name, version=stored.version)
        return stored, await self._events.tell(origin, secret_stream(name), event)

    async def delete(self, origin: Origin, name: str) -> tuple[StoredSecret, int]:
        stored = await asyncio.to_thread(self._vault.delete, self._workspace, name)
        event = SecretDeleted(name=name, version=stored.version)
        return stored, await self._events.tell(origin, secret_stream(name), event)

    async def rotate(self, origin: Origin, key: RequestKey | None = None) -> tuple[Rotated, int]:
        """`key`: with the same one it is done once; `rotated` reads the answer again."""
        rotated = await asyncio.to_thread(self._vault.rotate, self._workspace)
        event = SecretRotated(key=rotated.key, secrets=rotated.secrets)
        answer = f"{rotated.key} {rotated.secrets}"
        return rotated, await self._events.tell(origin, SECRETS, event, key, answer)


def rotated(answer: str) -> Rotated:
    """What a request under an Idempotency-Key was answered."""
    key, _, count = answer.partition(" ")
    return Rotated(key, int(count))
