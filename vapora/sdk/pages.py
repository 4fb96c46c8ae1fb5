"""Made from async_pages.py by `python -m tests.sdk.make`: change that file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, TypeVar, overload

from pydantic import BaseModel

from vapora.sdk.frames import Columns, FrameKind, Rows, record

if TYPE_CHECKING:
    import pandas
    import polars

Shape = TypeVar("Shape", bound=BaseModel)


class Pages(Generic[Shape]):
    """An iterator over all items of a list. A page is asked for when its first item is taken, and forgotten with its
    last one: a list of any length takes the memory of a page. It can be gone through once; `all()` and `to_frame()`
    take what is left."""

    def __init__(self, items: Iterator[Shape]) -> None:
        self._items = items

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Shape:
        return next(self._items)

    def all(self) -> Rows[Shape]:
        """All that is left, in memory."""
        return Rows(item for item in self._items)

    @overload
    def to_frame(self, kind: Literal["pandas"] = "pandas") -> pandas.DataFrame: ...
    @overload
    def to_frame(self, kind: Literal["polars"]) -> polars.DataFrame: ...
    def to_frame(self, kind: FrameKind = "pandas") -> Any:
        """All that is left, as a table: see `Rows.to_frame`."""
        columns = Columns()
        for item in self._items:
            columns.add(record(item))
        return columns.frame(kind)

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("A list that is half read cannot be pickled: pickle its all().")
