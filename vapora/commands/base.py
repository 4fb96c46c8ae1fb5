"""What every command is made of."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)
from pydantic_core import from_json

# A kebab-case word: role ids, task types, agent ids.
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", min_length=1, max_length=80)]
# The patterns are for the document: white space around is taken off before lengths are looked at.
Title = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=3, max_length=500),
    Field(json_schema_extra={"pattern": r"\S[\s\S]+\S"}),
]
Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    Field(json_schema_extra={"pattern": r"\S"}),
]
Text = Annotated[str, StringConstraints(max_length=100_000)]
Comment = Annotated[str, StringConstraints(strip_whitespace=True, max_length=5_000)]
# An instant in ISO 8601, or a day; without anchors, so that it can be a part of another pattern.
INSTANT = (
    r"(000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})"
    r"-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|[12][0-9]))"
    r"([T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.,][0-9]{1,9})?)?(Z|[+ -]([01][0-9]|2[0-3]):?[0-5][0-9])?)?"
)


def _whole(value: Any) -> Any:
    """What JSON Schema calls an integer: 45.0 is one; `true` and "45" are none."""
    if isinstance(value, (bool, str)):
        raise ValueError("must be a whole number")
    return int(value) if isinstance(value, float) and value.is_integer() else value


# Behind the bounds: in front of them they would not stand in the document.
WHOLE = BeforeValidator(_whole)
Priority = Annotated[int, Field(ge=0, le=100), WHOLE]
Cents = Annotated[int, Field(ge=0, le=10**12), WHOLE]


def _json_object(value: Any) -> Any:
    """`context` may come as an object or as a JSON string of one (B3)."""
    if isinstance(value, str):
        try:
            # Stricter than `json`: no NaN, no half characters, no depth that would break a reader.
            return from_json(value or "{}", allow_inf_nan=False)
        except ValueError as error:
            raise ValueError(f"not valid JSON: {error}") from None
    return value


def _in_utc(value: datetime) -> datetime:
    """An instant without a zone is taken as UTC. One at the edge of the calendar has no UTC form to be stored in."""
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError:
        raise ValueError("is out of range") from None


def _instant_text(value: Any) -> Any:
    """Pydantic alone would take a number too, as seconds since 1970."""
    if isinstance(value, datetime) or (isinstance(value, str) and _INSTANT.fullmatch(value)):
        return value
    raise ValueError("must be an instant such as 2027-01-31T12:00:00Z")


_INSTANT = re.compile(INSTANT)
Context = Annotated[
    dict[str, JsonValue],
    BeforeValidator(_json_object),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "object", "additionalProperties": True},
                {"type": "string", "contentMediaType": "application/json", "description": "JSON of an object."},
            ]
        }
    ),
]
Instant = Annotated[
    datetime,
    BeforeValidator(_instant_text),
    AfterValidator(_in_utc),
    Field(json_schema_extra={"pattern": f"^{INSTANT}$", "examples": ["2027-01-31T12:00:00Z"]}),
]
Notifications = Annotated[tuple[Literal["review", "done", "failed"], ...], Field(max_length=3)]
# An IANA name such as Europe/Vienna; whether it is known is up to who shows times in it.
TimeZone = Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,2})?$", max_length=64)]
Blockers = Annotated[tuple[str, ...], Field(max_length=200)]
# Printable, without commas, since people separate them so, and with no white space around it.
Label = Annotated[
    str,
    StringConstraints(
        pattern=r"^[^\s,\x00-\x1f\x7f-\x9f]([^,\x00-\x1f\x7f-\x9f]*[^\s,\x00-\x1f\x7f-\x9f])?$",
        min_length=1,
        max_length=50,
    ),
]
Labels = Annotated[tuple[Label, ...], Field(max_length=20)]


class Command(BaseModel):
    # No NaN, no infinity: no event could hold them.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _drop_null(schema: dict[str, Any], model: type[Any]) -> None:
    """In the description too, only what may be emptied takes null; nothing has a default that a client might send."""
    for name, field in schema.get("properties", {}).items():
        field.pop("default", None)
        if name not in model.NULLABLE:
            options = [one for one in field.pop("anyOf", ()) if one != {"type": "null"}]
            field.update(options[0] if len(options) == 1 else {"anyOf": options} if options else {})


class Edit(Command):
    """An edit says what changes: a field that is left out stays, one of `NULLABLE` that is null is emptied."""

    model_config = ConfigDict(json_schema_extra=_drop_null)

    NULLABLE: ClassVar[frozenset[str]] = frozenset()

    @field_validator("*", mode="before")
    @classmethod
    def _null_empties(cls, value: Any, info: ValidationInfo) -> Any:
        if value is None and info.field_name not in cls.NULLABLE:
            raise ValueError("cannot be null: leave it out, and it stays as it is")
        return value

    def changes(self) -> dict[str, Any]:
        """What was said, by field; None for what is to be emptied."""
        return self.model_dump(exclude_unset=True)


RepoText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4_096)]
BranchName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
ShellLine = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000)]
Oid = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}([0-9a-f]{24})?$")]
SandboxName = Literal["auto", "bubblewrap", "sandlock", "none"]
