"""Every operation of the HTTP API, from its OpenAPI document."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from docs.generate.markdown import contents, joined, plain, table
from vapora.api.app import document as described
from vapora.api.openapi import TAGS, operations

_INTRODUCTION = """# HTTP API

Every operation with what it takes and answers. [Manners](../../api.md) tells what holds for all of them: errors, pages,
positions, keys of requests, limits. A running server shows the same under `/docs`, and gives the document itself as
`/openapi.json`."""

Json = Mapping[str, Any]


def pages() -> Mapping[str, str]:
    document = described()
    by_tag: dict[str, list[tuple[str, str, Json]]] = defaultdict(list)
    for path, method, operation in operations(document):
        by_tag[operation["tags"][0]].append((path, method, operation))
    told = {tag["name"]: tag["description"] for tag in TAGS}
    names = [name for name in told if name in by_tag]
    made = {f"api/{name}.md": _page(document, name, told[name], by_tag[name]) for name in names}
    schemas = _schemas(document)
    made["api/shapes.md"] = schemas
    made["api/index.md"] = joined(_INTRODUCTION, contents([*names, "shapes"]))
    return made


def _page(document: Json, name: str, told: str, found: list[tuple[str, str, Json]]) -> str:
    parts = [f"# {name.capitalize()}", told]
    for path, method, operation in found:
        parts += [f"## {operation['summary']}", f"`{method.upper()} {path}`", plain(operation.get("description", ""))]
        parameters = [
            (f"`{one['name']}`", one["in"], _shape(one["schema"]), plain(one.get("description", "")))
            for one in (_resolved(document, one) for one in operation.get("parameters", []))
        ]
        parts.append(table(("parameter", "in", "type", "meaning"), parameters))
        for media, content in operation.get("requestBody", {}).get("content", {}).items():
            parts.append(f"Body: {_shape(content['schema'])} (`{media}`).")
        answers = [
            (f"{status}", _answer(one), plain(one["description"])) for status, one in _answers(document, operation)
        ]
        parts.append(table(("status", "answer", "meaning"), answers))
    return joined(*parts)


def _resolved(document: Json, one: Json) -> Json:
    while "$ref" in one:
        found: Any = document
        for step in one["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        one = found
    return one


def _answers(document: Json, operation: Json) -> Iterator[tuple[str, Json]]:
    for status, answer in operation["responses"].items():
        yield status, _resolved(document, answer)


def _answer(answer: Json) -> str:
    return ", ".join(_shape(content["schema"]) for content in answer.get("content", {}).values() if "schema" in content)


def _schemas(document: Json) -> str:
    parts = ["# Shapes", "What bodies and answers are made of."]
    for name, schema in sorted(document["components"]["schemas"].items()):
        required = schema.get("required", [])
        fields = [
            (f"`{field}`", _shape(one), "yes" if field in required else "", plain(one.get("description", "")))
            for field, one in schema.get("properties", {}).items()
        ]
        values = ", ".join(f"`{one}`" for one in schema.get("enum", []))
        parts += [f"## {name}", plain(schema.get("description", "")), values]
        parts.append(table(("field", "type", "required", "meaning"), fields))
    return joined(*parts)


def _shape(schema: Json) -> str:
    """A type in words, with a link to a shape that has a name."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](shapes.md#{name.lower()})"
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return " or ".join(dict.fromkeys(_shape(one) for one in schema[key]))
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return " or ".join(f"`{one}`" for one in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_shape(schema.get('items', {}))}"
    if isinstance(more := schema.get("additionalProperties"), dict) and more:
        return f"object of {_shape(more)}"
    shown = schema.get("type", "anything")
    return f"{shown} ({schema['format']})" if "format" in schema else str(shown)
