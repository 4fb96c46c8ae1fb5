"""What a server says of its tools, as a model may be shown it. Everything here comes from outside and is only data."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import JsonValue

from vapora.domain.tool_names import TOOL_PATTERN
from vapora.mcp.values import LARGEST_SCHEMA_BYTES, LONGEST_DESCRIPTION, MOST_TOOLS, FoundTool
from vapora.unicode import mended

_DEEPEST = 16
_MOST_PARTS = 5_000
# What describes a schema and not what is wanted; some vendors refuse it.
_LEFT_OUT = frozenset({"$schema", "$id", "$defs", "definitions", "$comment"})


def found_tools(listed: Iterable[Any]) -> tuple[tuple[FoundTool, ...], dict[str, str]]:
    """The tools that can be used, each name once, and those that cannot, with the reason."""
    found: dict[str, FoundTool] = {}
    left_out: dict[str, str] = {}
    for one in listed:
        name = mended(str(one.name))
        if not re.fullmatch(TOOL_PATTERN, name):
            left_out[name[:128]] = "its name has characters that no tool may have"
        elif name in found:
            left_out[name] = "it is listed twice; the first holds"
        elif len(found) == MOST_TOOLS:
            left_out[name] = f"a server may have {MOST_TOOLS} tools"
        else:
            schema = shown_schema(one.input_schema)
            if schema is None:
                left_out[name] = f"its schema is no object, or longer than {LARGEST_SCHEMA_BYTES:,} bytes"
                continue
            found[name] = FoundTool(name, _described(one), schema, _hints(one))
    return tuple(found.values()), left_out


def shown_schema(schema: Any) -> dict[str, JsonValue] | None:
    """A JSON Schema of type object, each reference replaced by what it names; None for what cannot be shown."""
    if not isinstance(schema, Mapping):
        return None
    definitions = {
        f"#/{place}/{name}": one
        for place in ("$defs", "definitions")
        if isinstance(named := schema.get(place), Mapping)
        for name, one in named.items()
    }
    try:
        plain = _Plain(definitions).of(schema)
    except RecursionError:
        return None
    if plain.get("type", "object") != "object":
        return None
    plain["type"] = "object"
    if not isinstance(plain.setdefault("properties", {}), dict):
        return None
    return plain if len(json.dumps(plain)) <= LARGEST_SCHEMA_BYTES else None


class _Plain:
    """Replaces references. One that names itself ends after some rounds, and what grows without end is given up."""

    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self._definitions = definitions
        self._left = _MOST_PARTS

    def of(self, value: Any, depth: int = 0) -> Any:
        self._left -= 1
        if self._left < 0:
            raise RecursionError
        if depth > _DEEPEST:
            return {}
        if isinstance(value, list):
            return [self.of(one, depth + 1) for one in value]
        if isinstance(value, str):
            return mended(value)
        if not isinstance(value, Mapping):
            return value
        if isinstance(reference := value.get("$ref"), str):
            return self.of(self._definitions.get(reference, {}), depth + 1)
        return {mended(str(key)): self.of(one, depth + 1) for key, one in value.items() if key not in _LEFT_OUT}


def _described(tool: Any) -> str:
    text = mended(tool.description or tool.title or "")
    return text if len(text) <= LONGEST_DESCRIPTION else f"{text[:LONGEST_DESCRIPTION]}…"


def _hints(tool: Any) -> dict[str, JsonValue]:
    return {} if tool.annotations is None else tool.annotations.model_dump(mode="json", exclude_none=True)
