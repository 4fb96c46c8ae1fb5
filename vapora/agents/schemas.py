"""From a function's type hints to what a model is told of it, and back from JSON to values."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, JsonValue, TypeAdapter, create_model
from pydantic.errors import PydanticUserError

from vapora.errors import BadInputError

_POSITIONAL_ONLY, _NAMED = inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD


def arguments_of(function: Callable[..., Any], name: str) -> type[BaseModel]:
    """The model of its arguments: each is named, has a type hint, and no other is taken. Raises `BadInputError`."""
    hints = hints_of(function, name)
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind not in (_NAMED, inspect.Parameter.KEYWORD_ONLY):
            raise BadInputError(
                f"The tool {name} takes {parameter.name} in a form that no model can give.",
                remedy="Give each argument a name of its own: no *args, no **kwargs, nothing positional only.",
            )
        if parameter.name not in hints:
            raise BadInputError(
                f"The argument {parameter.name} of the tool {name} has no type hint.",
                remedy=f"Write {parameter.name}: str, for one.",
            )
        default = ... if parameter.default is inspect.Parameter.empty else parameter.default
        fields[parameter.name] = (hints[parameter.name], default)
    try:
        return create_model(f"{name}_arguments", __config__=ConfigDict(extra="forbid"), **fields)
    except (PydanticUserError, NameError, TypeError) as error:
        raise BadInputError(
            f"The arguments of the tool {name} cannot be told to a model: {error}.",
            remedy="Use what JSON has: text, numbers, true and false, lists, dictionaries, pydantic models.",
        ) from error


def hints_of(function: Callable[..., Any], name: str) -> dict[str, Any]:
    try:
        return get_type_hints(function, include_extras=True)
    except (NameError, TypeError) as error:
        raise BadInputError(
            f"A type hint of {name} cannot be found: {error}.",
            remedy="Define the type at the top of its module or notebook cell, not inside of a function.",
        ) from error


def schema_of(model: type[BaseModel]) -> dict[str, JsonValue]:
    """A JSON Schema of type object, without the titles that pydantic makes up."""
    schema = model.model_json_schema()
    schema.pop("title", None)
    schema.setdefault("properties", {})
    for told in schema["properties"].values():
        told.pop("title", None)
    return dict(schema)


def adapter_of(hint: Any) -> TypeAdapter[Any]:
    return TypeAdapter(hint)


def text_of(value: Any, adapter: TypeAdapter[Any] | None = None) -> str:
    """A text as it is, anything else as JSON. Raises `ValueError` for what JSON does not have."""
    if isinstance(value, str):
        return value
    if isinstance(value, BaseModel):
        return value.model_dump_json()
    return (adapter or TypeAdapter(Any)).dump_json(value).decode()
