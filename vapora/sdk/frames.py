"""Answers as tables: of pandas, or of polars where that is asked for. Neither is imported before it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, overload

from pydantic import BaseModel

from vapora.errors import BadInputError

if TYPE_CHECKING:
    import pandas
    import polars

FrameKind = Literal["pandas", "polars"]
Shape = TypeVar("Shape", bound=BaseModel)


class Table:
    """What can be had as a data frame. Money stays in whole micro-dollars, instants keep their time zone (UTC)."""

    def _records(self) -> Iterable[Mapping[str, Any]]:
        """The rows of its table."""
        raise NotImplementedError

    @overload
    def to_frame(self, kind: Literal["pandas"] = "pandas") -> pandas.DataFrame: ...
    @overload
    def to_frame(self, kind: Literal["polars"]) -> polars.DataFrame: ...
    def to_frame(self, kind: FrameKind = "pandas") -> Any:
        """A row for each thing, a column for each field. Of what is nested one level is kept, as `waiting.reason`; a
        list of texts stays one, any other list is its length. Raises `ModuleNotFoundError` with what to install."""
        columns = Columns()
        for record in self._records():
            columns.add(record)
        return columns.frame(kind)


class Rows(tuple[Shape, ...], Table):
    """All items of an answer: a tuple that shows itself as a table, and becomes one with `to_frame()`."""

    __slots__ = ()

    def _records(self) -> Iterable[Mapping[str, Any]]:
        return map(record, self)

    def _repr_html_(self) -> str:
        from vapora.sdk.show import rows_html

        return rows_html(self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))

    def __str__(self) -> str:
        from vapora.sdk.show import rows_text

        return rows_text(self)


class Columns:
    """A table that grows row by row; what a row does not have is None."""

    def __init__(self) -> None:
        self._columns: dict[str, list[Any]] = {}
        self._length = 0

    def add(self, record: Mapping[str, Any]) -> None:
        for name, value in record.items():
            if name not in self._columns:
                self._columns[name] = [None] * self._length
            self._columns[name].append(value)
        self._length += 1
        for values in self._columns.values():
            if len(values) < self._length:
                values.append(None)

    def frame(self, kind: FrameKind) -> Any:
        if kind not in ("pandas", "polars"):
            raise BadInputError(f"There are no frames of {kind!r}.", remedy="Ask for 'pandas' or 'polars'.")
        library = required(kind)
        # A column whose first rows are empty would get its type from those alone.
        return library.DataFrame(self._columns, **({"infer_schema_length": None} if kind == "polars" else {}))


def required(name: str, extra: str = "vapora[notebook]") -> Any:
    """A library that only notebooks need. Raises `ModuleNotFoundError` with what to install."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        package = name.partition(".")[0]
        if (error.name or "").partition(".")[0] == package:
            error.msg = f"This needs {package}: install {extra}, or {package} alone."
        raise


def record(shown: BaseModel) -> dict[str, Any]:
    """The fields of one thing as the cells of a row."""
    cells: dict[str, Any] = {}
    # In the order in which they were declared.
    for name in type(shown).model_fields:
        value = getattr(shown, name)
        if isinstance(value, BaseModel):
            value = {field: getattr(value, field) for field in type(value).model_fields}
        if isinstance(value, Mapping):
            # What costs are grouped by are columns of their own.
            front = "" if name == "key" else f"{name}."
            cells |= {f"{front}{inner}": _cell(one) for inner, one in value.items() if not isinstance(one, Mapping)}
        else:
            cells[name] = _cell(value, name in _texts(type(shown)))
    return cells


@cache
def _texts(shape: type[BaseModel]) -> frozenset[str]:
    """The fields that are lists of texts, also where they are empty."""
    inner = {name: get_args(field.annotation)[:1] for name, field in shape.model_fields.items()}
    return frozenset(
        name for name, args in inner.items() if args and isinstance(args[0], type) and issubclass(args[0], str)
    )


def _cell(value: Any, are_texts: bool = False) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, BaseModel):
        return str(value)
    if isinstance(value, (tuple, list, frozenset, set)):
        return [one.value if isinstance(one, Enum) else one for one in value] if are_texts else len(value)
    return value
