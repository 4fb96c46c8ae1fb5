"""Saved folds: what an actor made of the log up to a position, so that its next start folds only the rest.

They are a convenience and never the truth. A file that is missing, broken, of another log or of another version of the
fold is left aside with a line in the journal, and the fold starts from the beginning; the whole folder may be deleted
at any time. So nothing here raises for what a file holds, nor for a disk that takes none.

They are objects (`vapora.objects`): files of a folder, or of a store that several nodes share, so that an actor which
starts on another node finds them. One is one line of JSON, the label, and then the data. The label names the last event
that was folded (`EventRef`), which the reader looks up in the log: a snapshot beyond the log's end, or of a log that
was since replaced by a backup, has no such event.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import structlog
from pydantic import TypeAdapter, ValidationError

from events.recorded import Recorded
from vapora.errors import LogError
from vapora.objects import Where, opened

T = TypeVar("T")

_FORMAT = 1
_NAME = re.compile(r"[a-z0-9-]{1,64}")
_LONGEST_LABEL = 4_096


@dataclass(frozen=True, slots=True)
class EventRef:
    """An event of the log, so described that no other log has the same."""

    position: int
    stream: str
    version: int
    request_id: str
    recorded_at: str

    @classmethod
    def of(cls, recorded: Recorded) -> EventRef:
        at = recorded.recorded_at.isoformat()
        return cls(recorded.position, recorded.stream, recorded.version, recorded.request_id, at)


@dataclass(frozen=True, slots=True)
class Snapshot(Generic[T]):
    """`mark`: the last event of the log that `data` knows of. `version`: of the stream that is folded, if it is one."""

    mark: EventRef
    version: int
    data: T


@dataclass(frozen=True, slots=True)
class _Label:
    format: int
    name: str
    fold: str
    mark: EventRef
    version: int
    size: int
    sha256: str


_LABEL = TypeAdapter(_Label)


_ADAPTERS: dict[Any, TypeAdapter[Any]] = {}


def _adapter(kind: type[T]) -> TypeAdapter[T]:
    """Made once for each kind: to make one takes longer than all else that a cell does as it wakes."""
    found: TypeAdapter[T] | None = _ADAPTERS.get(kind)
    if found is None:
        found = _ADAPTERS[kind] = TypeAdapter(kind)
    return found


class SnapshotStore(Generic[T]):
    """The saved state of one fold. `fold` names its code's version: what another one saved is not read.

    Both methods block: call them outside the event loop.
    """

    def __init__(self, where: Where, name: str, fold: str, kind: type[T]) -> None:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name for a snapshot")
        self._objects = opened(where)
        self._object = f"{name}.snapshot"
        self._name = name
        self._fold = fold
        self._adapter = _adapter(kind)
        self._journal = structlog.get_logger("snapshots")

    def load(self) -> Snapshot[T] | None:
        """What was saved last; None where there is nothing that can be used."""
        try:
            stored = self._objects.read(self._object)
            if stored is None:
                return None
            written, _, data = stored.partition(b"\n")
            label = _LABEL.validate_json(written[:_LONGEST_LABEL])
            why = self._objection(label, data)
            if not why:
                return Snapshot(label.mark, label.version, self._adapter.validate_json(data))
        except (LogError, ValidationError) as error:
            why = str(error).splitlines()[0]
        self.ignore(why)
        return None

    def _objection(self, label: _Label, data: bytes) -> str:
        if (label.format, label.name, label.fold) != (_FORMAT, self._name, self._fold):
            return f"it is {label.name} of the fold {label.fold} in format {label.format}"
        whole = (label.size, label.sha256) == (len(data), _digest(label.mark, label.version, data))
        return "" if whole else "it was damaged"

    def ignore(self, why: str) -> None:
        """Say that the snapshot is left aside, and that the fold starts from the beginning."""
        self._journal.warning("snapshot left aside, folding from the beginning", place=self._place, why=why)

    def save(self, snapshot: Snapshot[T]) -> bool:
        """In place of the one before, or not at all: a crash leaves either, whole. Whether it was saved."""
        data = self._adapter.dump_json(snapshot.data)
        digest = _digest(snapshot.mark, snapshot.version, data)
        label = _Label(_FORMAT, self._name, self._fold, snapshot.mark, snapshot.version, len(data), digest)
        try:
            self._objects.write(self._object, _LABEL.dump_json(label) + b"\n" + data)
        except LogError as error:
            self._journal.warning("snapshot not saved; the next start takes longer", place=self._place, why=str(error))
            return False
        return True

    @property
    def _place(self) -> str:
        return f"{self._objects}/{self._object}"


def _digest(mark: EventRef, version: int, data: bytes) -> str:
    found = hashlib.sha256(repr((mark, version)).encode())
    found.update(data)
    return found.hexdigest()
