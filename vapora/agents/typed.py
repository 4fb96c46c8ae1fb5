"""Typed answers: a model is told a JSON Schema, and what it answers is read by a pydantic model."""

from __future__ import annotations

import json
import re
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

T = TypeVar("T")

# What introduces the schema in a prompt; the rehearsal model looks for it.
MARK = "Answer with JSON alone, without a fence and without any other word. It has to fit this JSON Schema:"
_FENCED = re.compile(r"```(?:json)?\s*\n(.*?)\n?```", re.DOTALL)
_MOST_FAULTS = 10


def instruction(kind: type[Any]) -> str:
    """What follows the prompt."""
    schema = kind.model_json_schema() if _is_model(kind) else TypeAdapter(kind).json_schema()
    return f"{MARK}\n{json.dumps(schema, ensure_ascii=False, sort_keys=True)}"


def read(kind: type[T], text: str) -> T:
    """Raises `ValidationError`. What stands around the JSON is left aside: models say more than they are asked."""
    adapter: TypeAdapter[T] = TypeAdapter(kind)
    wrong: ValidationError | None = None
    for part in (text.strip(), *_inner(text)):
        try:
            return adapter.validate_json(part)
        except ValidationError as error:
            # What was looked at last is nearest to what was meant.
            wrong = error
    assert wrong is not None
    raise wrong


def correction(error: ValidationError) -> str:
    """What the model is told once where its answer did not fit."""
    return f"That does not fit:\n{faults(error)}\n\nAnswer once more, with all of it: JSON alone that fits the schema."


def faults(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False)
    lines = [f"- {'.'.join(map(str, one['loc'])) or 'the answer'}: {one['msg']}" for one in found[:_MOST_FAULTS]]
    return "\n".join(lines)


def _inner(text: str) -> list[str]:
    """JSON in a fence, or from the first bracket to the last."""
    found = [one.strip() for one in _FENCED.findall(text)]
    for opening, closing in ("{}", "[]"):
        begin, end = text.find(opening), text.rfind(closing)
        if 0 <= begin < end:
            found.append(text[begin : end + 1])
    return found


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
