"""A small language for conditions on what came of stages: `stages.review.outcome == "approved" and inputs.deploy`.

    or-part   = and-part { "or" and-part }
    and-part  = not-part { "and" not-part }
    not-part  = "not" not-part | "(" or-part ")" | value [ ("==" | "!=" | "<" | "<=" | ">" | ">=" | "in") value ]
    value     = text in quotes | number | true | false | null | "[" values "]" | name { "." name }

It reads names and compares; it can do nothing else, and takes as long as it is long.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from vapora.errors import BadInputError

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"[^"\\]*"|'[^'\\]*')|(?P<number>-?\d+(?:\.\d+)?)"""
    r"""|(?P<name>[A-Za-z_][\w-]*(?:\.[\w-]+)*)|(?P<sign>==|!=|<=|>=|<|>|\(|\)|\[|\]|,))"""
)
_WORDS: dict[str, Any] = {"true": True, "false": False, "null": None}
_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "in": lambda left, right: left in right,
}
# Brackets within brackets.
_DEEPEST = 20
Path = tuple[str, ...]
_Eval = Callable[[Mapping[str, Any]], Any]


@dataclass(frozen=True)
class Condition:
    """`names`: all that it looks at, such as `("stages", "review", "outcome")`."""

    text: str
    names: tuple[Path, ...]
    _holds: _Eval

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Where two values cannot be compared, it does not. A name that is not there is null."""
        return bool(self._holds(values))


@lru_cache(maxsize=1_000)
def parse(text: str) -> Condition:
    """Raises `BadInputError` with the place of what cannot be read."""
    reader = _Reader(text)
    found = reader.any_of()
    if reader.token is not None:
        raise reader.error(f"'{reader.token}' is too much")
    return Condition(text, tuple(dict.fromkeys(reader.names)), found)


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._kind = ""
        self._depth = 0
        self.token: str | None = None
        self.names: list[Path] = []
        self._next()

    def error(self, why: str) -> BadInputError:
        return BadInputError(f"The condition cannot be read at character {self._at}: {why}.")

    def _next(self) -> None:
        found = _TOKEN.match(self._text, self._at)
        if found is None:
            rest = self._text[self._at :].strip()
            if rest:
                raise self.error(f"nothing begins with '{rest[:10]}'")
            self.token, self._kind = None, ""
            return
        self._at = found.end()
        self._kind = str(found.lastgroup)
        self.token = found.group(self._kind)

    def _take(self, *tokens: str) -> str | None:
        if self._kind in ("name", "sign") and self.token in tokens:
            taken = self.token
            self._next()
            return taken
        return None

    def any_of(self) -> _Eval:
        parts = [self._all_of()]
        while self._take("or"):
            parts.append(self._all_of())
        return parts[0] if len(parts) == 1 else lambda values: any(one(values) for one in parts)

    def _all_of(self) -> _Eval:
        parts = [self._one()]
        while self._take("and"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else lambda values: all(one(values) for one in parts)

    def _one(self) -> _Eval:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self.error("it is nested too deeply")
        found = self._whole()
        self._depth -= 1
        return found

    def _whole(self) -> _Eval:
        if self._take("not"):
            inner = self._one()
            return lambda values: not inner(values)
        if self._take("("):
            inner = self.any_of()
            if not self._take(")"):
                raise self.error("a bracket is not closed")
            return inner
        left = self._value()
        sign = self._take(*_OPERATORS)
        if sign is None:
            return left
        right, compare = self._value(), _OPERATORS[sign]

        def compared(values: Mapping[str, Any]) -> bool:
            try:
                return bool(compare(left(values), right(values)))
            except TypeError:
                return False

        return compared

    def _value(self) -> _Eval:
        token, kind = self.token, self._kind
        if token is None:
            raise self.error("it ends too early")
        if self._take("["):
            return self._list()
        if kind == "sign" or token in ("and", "or", "not", "in"):
            raise self.error(f"'{token}' is no value")
        self._next()
        if kind == "text":
            return lambda _: token[1:-1]
        if kind == "number":
            number = float(token) if "." in token else int(token)
            return lambda _: number
        if token in _WORDS:
            word = _WORDS[token]
            return lambda _: word
        path = tuple(token.split("."))
        self.names.append(path)
        return lambda values: _look_up(values, path)

    def _list(self) -> _Eval:
        items: list[_Eval] = []
        while not self._take("]"):
            if items and not self._take(","):
                raise self.error("a comma or ] is missing")
            items.append(self._value())
        return lambda values: [one(values) for one in items]


def _look_up(values: Mapping[str, Any], path: Path) -> Any:
    found: Any = values
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found
