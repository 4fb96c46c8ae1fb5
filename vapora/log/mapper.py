"""Events to bytes and back.

A stored `state` is one JSON object: {"v", "at", "ws", "by", "cor", "cau", "req", "data": {…}}. The writer joins it
from bytes and never parses an event; `data` is always the last member, so that a reader can hand it to pydantic
as it stands: pydantic reads JSON by JSON's rules (a list becomes a tuple, a string an enum), at half the cost of
going through Python objects.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring as _quoted
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError, from_json, to_json

from events.base import DomainEvent, Unknown, event_class
from events.recorded import Recorded
from vapora.errors import BadInputError, CorruptLogError, NewerEventError
from vapora.records import Encoded, StoredRecord

# Cannot occur inside a JSON string (its quotes would be escaped), and no member of the envelope is an object.
_DATA = b',"data":'


def encode(event: DomainEvent) -> Encoded:
    """The event as it will be stored, defaults included: a default that changes later must not change the past."""
    if isinstance(event, Unknown):
        raise BadInputError(f"{event.topic} is not known to this VAPORA: it can be read, not written.")
    try:
        data = event.__pydantic_serializer__.to_json(event)
    except PydanticSerializationError as error:
        raise BadInputError(f"{event.TOPIC} cannot be stored: {error}") from error
    return Encoded(event.TOPIC, event.VERSION, data)


def instant(at: datetime) -> str:
    """As it stands in an envelope: UTC, so that texts sort as times do."""
    return (at if at.tzinfo is UTC else at.astimezone(UTC)).isoformat(timespec="microseconds")


def envelope(at: str, workspace: str, actor: str, correlation: str, causation: int | None, request_id: str) -> bytes:
    """What all events of one append have in common; made once for all of them. `at` comes from `instant`."""
    # By hand, in half the time: each append makes one.
    cause = "null" if causation is None else str(causation)
    return (
        f'"at":"{at}","ws":{_quoted(workspace)},"by":{_quoted(actor)},"cor":{_quoted(correlation)},'
        f'"cau":{cause},"req":{_quoted(request_id)}'
    ).encode()


def seal(encoded: Encoded, envelope: bytes) -> bytes:
    """The stored `state`."""
    return b'{"v":%d,%b%b%b}' % (encoded.topic_version, envelope, _DATA, encoded.data)


def request_id(record: StoredRecord) -> str:
    """Which append wrote the record."""
    return str(_parted(record)[0].members["req"])


def workspace(record: StoredRecord) -> str:
    """Whose log the record was written to."""
    return str(_parted(record)[0].members["ws"])


def recorded_at(record: StoredRecord) -> datetime:
    """When the record was written."""
    return _parted(record)[0].at


class LazyRecord:
    """A record that is parsed only as far as somebody asks: the envelope alone, or the event with it. Each once."""

    __slots__ = ("_opened", "_parts", "position", "record", "stream", "topic", "version")

    def __init__(self, record: StoredRecord) -> None:
        self.record = record
        self.position = record.position
        self.stream = record.stream
        self.version = record.version
        self.topic = record.topic
        self._parts: tuple[_Envelope, bytes] | None = None
        self._opened: Recorded | None = None

    @property
    def actor(self) -> str:
        return str(self._envelope().members["by"])

    @property
    def correlation(self) -> str:
        return str(self._envelope().members["cor"])

    @property
    def recorded_at(self) -> datetime:
        return self._envelope().at

    @property
    def is_known(self) -> bool:
        """Whether this version knows topic and version; whether it knows all that is in it, opening it shows."""
        kind = event_class(self.topic)
        if kind is None:
            return False
        # Most are of today's version, and it is the first that a record says.
        today = self.record.state.startswith(b'{"v":%d,' % kind.VERSION)
        return today or bool(self._envelope().members["v"] <= kind.VERSION)

    def open(self) -> Recorded:
        """With `Unknown` for what a newer version wrote; `CorruptLogError` for what nobody can read."""
        if self._opened is None:
            self._opened = _opened(self.record, self._parts or _parted(self.record), lenient=True)
        return self._opened

    def _envelope(self) -> _Envelope:
        if self._parts is None:
            self._parts = _parted(self.record)
        return self._parts[0]


def open_record(record: StoredRecord, lenient: bool = False) -> Recorded:
    """The event in its envelope; `NewerEventError` or `CorruptLogError` name the position.

    `lenient`: for who reads all and needs but some of it, `Unknown` stands for what a newer version wrote.
    """
    return _opened(record, _parted(record), lenient)


def _opened(record: StoredRecord, parts: tuple[_Envelope, bytes], lenient: bool) -> Recorded:
    (members, at), data = parts
    version = members["v"]
    event = _event(record, version, data)
    if isinstance(event, Unknown) and not lenient:
        raise NewerEventError.at(record.position, event.why)
    return Recorded(
        record.position,
        record.stream,
        record.version,
        at,
        members["ws"],
        members["by"],
        members["cor"],
        members["cau"],
        members["req"],
        event,
        version,
    )


def _event(record: StoredRecord, version: int, data: bytes) -> DomainEvent:
    """`Unknown` for what a newer version wrote."""
    kind = event_class(record.topic)
    if kind is None:
        return _stand_in(record, version, f"the topic {record.topic!r} is not known here", data)
    if version > kind.VERSION:
        known = f"{record.topic} in version {version}, and here it is known up to {kind.VERSION}"
        return _stand_in(record, version, known, data)
    try:
        return _shared(kind, version, data) if len(data) <= _SHARED_BYTES else _read(kind, version, data)
    except ValidationError as error:
        members = _unknown_members(error)
        if not members:
            raise _corrupt(record, error) from error
        return _stand_in(record, version, f"{record.topic} with {members}, which is not known here", data)
    except (ValueError, TypeError, LookupError) as error:
        raise _corrupt(record, error) from error


def _read(kind: type[DomainEvent], version: int, data: bytes) -> DomainEvent:
    return kind.model_validate_json(data if version == kind.VERSION else to_json(kind.upcast(version, from_json(data))))


# Each event is read by several followers of a process, within a moment: the coordinator, the read models, knowledge.
_shared = lru_cache(maxsize=1_000)(_read)
# 4 MB of them at most.
_SHARED_BYTES = 4_096


def _unknown_members(error: ValidationError) -> str:
    """The texts that are no member of the set which stands there, if that is all that is wrong: a set that grew. A file
    that was damaged in just such a place is told by the chain (`vapora audit verify`), not here."""
    found = error.errors(include_url=False)
    if not all(one["type"] in ("enum", "literal_error") and isinstance(one["input"], str) for one in found):
        return ""
    return " and ".join(f"{'.'.join(map(str, one['loc']))} {one['input'][:_LONGEST_MEMBER]!r}" for one in found)


_LONGEST_MEMBER = 40


def _stand_in(record: StoredRecord, version: int, why: str, data: bytes) -> Unknown:
    try:
        return Unknown(of_topic=record.topic, of_version=version, why=why, data=from_json(data))
    except (ValidationError, ValueError) as error:
        raise _corrupt(record, error) from error


class _Envelope(NamedTuple):
    """Its members, which nobody changes, and when the record was written."""

    members: dict[str, Any]
    at: datetime


def _parted(record: StoredRecord) -> tuple[_Envelope, bytes]:
    """The envelope, and the bytes of the event."""
    head, found, tail = record.state.partition(_DATA)
    try:
        if not found or not tail.endswith(b"}"):
            raise ValueError("it does not have the form of a record")
        return _envelope(head), tail[:-1]
    except (ValueError, TypeError, AttributeError) as error:
        raise _corrupt(record, error) from error


# The events of one append have one envelope, and several followers read each.
@lru_cache(maxsize=1_024)
def _envelope(head: bytes) -> _Envelope:
    members = from_json(head + b"}")
    if not members.keys() >= _ENVELOPE:
        raise ValueError(f"it lacks {', '.join(sorted(_ENVELOPE - members.keys()))}")
    if not isinstance(members["v"], int):
        raise ValueError("its version is no number")
    return _Envelope(members, datetime.fromisoformat(members["at"]))


_ENVELOPE = frozenset({"v", "at", "ws", "by", "cor", "cau", "req"})


def _corrupt(record: StoredRecord, error: Exception) -> CorruptLogError:
    return CorruptLogError(
        f"Position {record.position} ({record.topic}) cannot be read: {error}",
        remedy="The file was changed or damaged: restore it from a backup.",
        position=record.position,
    )
