"""A request for each operation of the OpenAPI document, made from what the document says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from vapora.api.openapi import operations

# What a parameter or a field has to look like to be taken at all.
_FORMS = {
    "sha256": "0" * 64,
    "head": "0" * 40,
    "oid": "0" * 40,
    "position": 1,
    "number": 1,
    "scope": "agent",
    "role": "developer",
    "email": "ann@example.org",
    "path": "a.py",
    "name": "nothing",
}
_ID = re.compile(r"(^|_)ids?$|^agent$|^blocked_by$")


@dataclass
class Asked:
    """`body` None: the operation takes none, or a file (`is_upload`)."""

    operation: str
    method: str
    path: str
    query: dict[str, Any] = field(default_factory=dict)
    body: Any = None
    is_upload: bool = False

    def given(self, body: Any) -> dict[str, Any]:
        """For the client: a file, or `body` where the operation takes one."""
        if self.is_upload:
            return {"files": {"file": ("notes.txt", b"Notes", "text/plain")}}
        return {} if self.body is None else {"json": body}


def requests(document: dict[str, Any], name: str) -> Iterator[Asked]:
    """One for each operation; `name` stands wherever an id is asked for: in the path, the query and the body."""
    for path, method, operation in operations(document):
        filled, query = path, {}
        for parameter in operation.get("parameters", ()):
            value = _value(parameter["name"], parameter.get("schema", {}), document, name)
            if parameter["in"] == "path":
                filled = filled.replace(f"{{{parameter['name']}}}", str(value))
            elif parameter["in"] == "query" and (parameter.get("required") or _is_id(parameter["name"])):
                query[parameter["name"]] = value
        content = operation.get("requestBody", {}).get("content", {})
        json = content.get("application/json", {})
        body = _object(json["schema"], document, name) if json else None
        is_upload = "multipart/form-data" in content
        yield Asked(operation["operationId"], method.upper(), filled, query, body, is_upload)


def _object(schema: dict[str, Any], document: dict[str, Any], name: str) -> Any:
    schema = _resolved(schema, document)
    wanted = {
        one: part
        for one, part in schema.get("properties", {}).items()
        if one in schema.get("required", ()) or _is_id(one)
    }
    return {one: _value(one, part, document, name) for one, part in wanted.items()}


def _value(field_name: str, schema: dict[str, Any], document: dict[str, Any], name: str) -> Any:
    schema = _resolved(schema, document)
    if "anyOf" in schema:
        [schema, *_] = [_resolved(one, document) for one in schema["anyOf"] if one.get("type") != "null"]
    if schema.get("type") == "array":
        item = _value(field_name, schema.get("items", {}), document, name)
        return [item] if schema.get("minItems") or _is_id(field_name) else []
    if schema.get("type") == "object":
        return _object(schema, document, name)
    if "enum" in schema:
        return schema["enum"][0]
    if _is_id(field_name):
        return name
    if field_name in _FORMS:
        return _FORMS[field_name]
    plain = {"integer": max(1, schema.get("minimum", 1)), "number": 1, "boolean": True}
    return plain.get(schema.get("type", "string"), "x" * max(12, schema.get("minLength", 0)))


def _is_id(name: str) -> bool:
    return _ID.search(name) is not None


def _resolved(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        return _resolved(document["components"]["schemas"][schema["$ref"].rpartition("/")[2]], document)
    if len(schema.get("allOf", ())) == 1:
        return _resolved(schema["allOf"][0], document)
    return schema
