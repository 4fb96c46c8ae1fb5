"""What the code of an agent asks for, one step after the other, and what it is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import JsonValue

StepKind = Literal["model", "tool", "value"]


@dataclass(frozen=True, slots=True)
class Request:
    """Step `number` of a run, from 0. `name`: of the tool or of the value. `asked`: what is compared when the code runs
    again. `value`: JSON, once the code has found it out."""

    number: int
    kind: StepKind
    name: str
    asked: Mapping[str, JsonValue]
    value: str | None = None

    @property
    def text(self) -> str:
        """The same for the same request, byte for byte."""
        return json.dumps(dict(self.asked), ensure_ascii=False, sort_keys=True)


@dataclass(frozen=True, slots=True)
class Wish:
    """A tool that a model asks for in its answer, by its full name."""

    name: str
    arguments: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Told:
    """`ok`: false where a tool did not do what was asked, and `text` says why; `lost`: nobody knows whether it did.
    `wishes`: tools that a model asks for. `known`: false for a value that is not recorded yet."""

    text: str = ""
    ok: bool = True
    lost: bool = False
    wishes: tuple[Wish, ...] = ()
    known: bool = True
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Compute:
    """Find a value out, in the code's own thread."""

    function: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Returned:
    """The code came to its end: with a work product, None where it has none."""

    product: str | None


@dataclass(frozen=True, slots=True)
class Raised:
    """It ended with an error, or gave up. `counts`: whether that says something about the agent."""

    reason: str
    counts: bool = True


Ended = Returned | Raised
