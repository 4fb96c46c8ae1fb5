"""Every field that the API takes or gives is explained, and nothing is explained that is not there."""

from __future__ import annotations

from typing import Any

from tests.api.doors import Door
from vapora.api.field_texts import COMMON, PARAMETERS, SHAPES, shape_of


def properties(document: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Shape, field and description."""
    return [
        (name, field, text.get("description", ""))
        for name, schema in document["components"]["schemas"].items()
        for field, text in schema.get("properties", {}).items()
    ]


async def test_every_field_and_parameter_has_a_description(door: Door) -> None:
    document = door.app.openapi()

    bare = [f"{shape}.{field}" for shape, field, text in properties(document) if not text]
    assert not bare, "describe these in vapora/api/field_texts.py, or with Field(description=…)"
    silent = {
        f"{path}: {one['name']}"
        for path, item in document["paths"].items()
        for operation in item.values()
        for one in operation.get("parameters", ())
        if not one.get("description")
    }
    assert not silent


async def test_nothing_is_described_that_is_not_there(door: Door) -> None:
    document = door.app.openapi()
    used = {(shape_of(shape), field) for shape, field, _ in properties(document)}
    path_parameters = {
        one["name"]
        for item in document["paths"].values()
        for operation in item.values()
        for one in operation.get("parameters", ())
        if one["in"] == "path"
    }

    assert not {(shape, field) for shape, texts in SHAPES.items() for field in texts} - used
    assert not COMMON.keys() - {field for shape, field in used if field not in SHAPES.get(shape, {})}
    assert not PARAMETERS.keys() - path_parameters
