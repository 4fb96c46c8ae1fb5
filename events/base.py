"""The form of every domain event: frozen, closed, and stored under a topic of its own.

A topic and its version are for ever. No import path is stored, so classes may move; a stored shape
may only change together with an `upcast` and a new golden file in `tests/golden/`. An enumeration may grow without
one: who does not know the new member reads the event that has it as `Unknown`, and all others as before.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, JsonValue

_registry: dict[str, type[DomainEvent]] = {}


class DomainEvent(BaseModel):
    """Something that happened. Subclasses set `TOPIC`, and raise `VERSION` when their shape changes.

    A class that sets `IS_STORED` to False itself has no topic: what others have in common, or a stand-in.
    """

    # No NaN, no infinity: JSON has none, so they would be stored as null and could not be read again.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    IS_STORED: ClassVar[bool] = True
    TOPIC: ClassVar[str]
    VERSION: ClassVar[int] = 1

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if not vars(cls).get("IS_STORED", True):
            return
        # `in vars`: a subclass without a topic of its own would silently inherit its parent's.
        if "TOPIC" not in vars(cls):
            raise TypeError(f"{cls.__name__} needs a TOPIC of its own")
        taken = _registry.get(cls.TOPIC)
        if taken is not None and taken.__qualname__ != cls.__qualname__:
            raise TypeError(f"topic {cls.TOPIC!r} belongs to {taken.__name__} already")
        _registry[cls.TOPIC] = cls

    @classmethod
    def upcast(cls, version: int, data: dict[str, Any]) -> dict[str, Any]:
        """Bring the stored fields of an older `version` into today's shape."""
        raise ValueError(f"{cls.TOPIC} has no upcast from version {version} to {cls.VERSION}")

    @property
    def topic(self) -> str:
        return self.TOPIC

    def as_json(self) -> dict[str, Any]:
        """What it says, as JSON has it."""
        return self.model_dump(mode="json")


class Unknown(DomainEvent):
    """Stands for an event that a newer version wrote: of a topic, a version of one, or with a member of a closed set
    that this one does not know. `why` says which.

    A reader that does not need the topic passes it by. One that does must stop there, and say so.
    """

    IS_STORED: ClassVar[bool] = False
    TOPIC: ClassVar[str] = "unknown"

    of_topic: str
    of_version: int
    why: str
    data: dict[str, JsonValue]

    @property
    def topic(self) -> str:
        return self.of_topic

    def as_json(self) -> dict[str, Any]:
        return dict(self.data)


def changes(event: DomainEvent, subject: str, mode: Literal["json", "python"] = "python") -> dict[str, Any]:
    """What an event that edits a thing makes of it, by field. A field that is None did not change, one that is named in
    `cleared` is empty (None) from then on. `subject`: the field that names the thing."""
    fields = event.model_dump(mode=mode, exclude={subject, "cleared"}, exclude_none=True)
    return fields | dict.fromkeys(getattr(event, "cleared", ()))


class Value(BaseModel):
    """A part of an event: frozen and closed as the event is."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def event_class(topic: str) -> type[DomainEvent] | None:
    """The class that is stored under `topic`, or None where this version knows none."""
    return _registry.get(topic)


def topics() -> dict[str, type[DomainEvent]]:
    """Every registered topic with its class."""
    return dict(_registry)
