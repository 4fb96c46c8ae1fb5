"""Facts about the secrets of a workspace. No event holds a value, or anything that a value could be found from.

Who it was stands in the envelope, as for every event.
"""

from __future__ import annotations

from typing import ClassVar

from events.base import DomainEvent


class SecretStored(DomainEvent):
    """The vault holds a new value under this name. Versions count up for ever, also past a deletion."""

    TOPIC: ClassVar[str] = "secret.stored"

    name: str
    version: int


class SecretDeleted(DomainEvent):
    """No version of it is kept any more; `version` is the last one that there was."""

    TOPIC: ClassVar[str] = "secret.deleted"

    name: str
    version: int


class SecretUsed(DomainEvent):
    """A part of the system was given the value, for `purpose`; recorded before it gets it.

    Not once for each use of it: a part that keeps the value in memory says so when it takes it (after each start, and
    for each new version), and then at most once an hour for as long as it goes on using it.
    """

    TOPIC: ClassVar[str] = "secret.used"

    name: str
    version: int
    purpose: str


class SecretRotated(DomainEvent):
    """The key that encrypts the workspace's secrets was replaced; values and versions stayed. `secrets` counts the
    versions that are encrypted by the new one, `key` names it."""

    TOPIC: ClassVar[str] = "secret.rotated"

    key: str
    secrets: int
