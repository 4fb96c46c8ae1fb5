"""An answer that fits a JSON Schema, where code asks for one: the least that fits, and the same every time."""

from __future__ import annotations

import json
from typing import Any

from vapora.agents.typed import MARK

_WORD = "rehearsal"
_DEEPEST = 20


def is_asked_for(said: str) -> bool:
    return MARK in said


def answer(said: str) -> str:
    """As JSON. `said`: the prompt, which ends with the schema."""
    schema, _ = json.JSONDecoder().raw_decode(said.rpartition(MARK)[2].lstrip())
    return json.dumps(_example(schema, schema.get("$defs", {}), 0), ensure_ascii=False)


def _example(schema: Any, known: dict[str, Any], depth: int) -> Any:
    if depth > _DEEPEST or not isinstance(schema, dict):
        return None
    if "$ref" in schema:
        return _example(known.get(schema["$ref"].rpartition("/")[2]), known, depth + 1)
    for certain in ("const", "default"):
        if certain in schema:
            return schema[certain]
    if "enum" in schema:
        return schema["enum"][0]
    for several in ("anyOf", "oneOf", "allOf"):
        if schema.get(several):
            return _example(schema[several][0], known, depth + 1)
    match schema.get("type"):
        case "object":
            told = schema.get("properties", {})
            return {name: _example(told.get(name, {}), known, depth + 1) for name in schema.get("required", ())}
        case "array":
            fewest = schema.get("minItems", 1 if "items" in schema else 0)
            return [_example(schema.get("items", {}), known, depth + 1) for _ in range(fewest)]
        case "integer" | "number":
            return schema.get("minimum", schema.get("exclusiveMinimum", -1) + 1)
        case "boolean":
            return False
        case "null":
            return None
        case _:
            return _WORD.ljust(schema.get("minLength", 0), "l")[: schema.get("maxLength")]
