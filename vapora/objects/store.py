"""What each place of objects can do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StoredObject:
    """`size`: in bytes."""

    name: str
    size: int
    modified_at: datetime


class Objects(Protocol):
    """Blocking: call it outside the event loop. A name is a path of parts with `/` between them. Every method raises
    `LogError` where the place cannot be used; its text holds no secret."""

    def read(self, name: str) -> bytes | None:
        """None where there is none."""
        ...

    def write(self, name: str, data: bytes) -> None:
        """In place of what was there: whole, and stored for certain when this returns. One writes a name at a time."""
        ...

    def take(self, name: str, file: Path) -> None:
        """The same with what a file holds, however large."""
        ...

    def fetch(self, name: str, file: Path) -> bool:
        """Into a file, however large. False: there is none."""
        ...

    def find(self, name: str) -> StoredObject | None: ...

    def listed(self, prefix: str = "") -> Iterator[StoredObject]:
        """Those whose name begins with `prefix`, a path that ends with `/` or is empty; in the order of their names."""
        ...

    def remove(self, name: str) -> None: ...

    def __str__(self) -> str:
        """The place, for people."""
        ...
