"""Versions of what can be edited: what an answer is tagged with, and what a request makes a condition of.

A tag has two parts, `"<version>-<digest>"`. The version changes when a person or program edits the thing, the digest
whenever the answer says anything else: a card's cost grows while its agent works. `If-Match` looks at the version
alone, so that an agent at work is in nobody's way; `If-None-Match` at the whole answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Generic, TypeVar

from fastapi import Depends, Header, Response
from pydantic import BaseModel

from events.ids import StreamName
from projections import log_index
from projections.engine.transaction import ReadSnapshot
from vapora.errors import BadInputError, UnavailableError
from vapora.ports import IfMatch

_TAG = re.compile(r'(?:W/)?"([0-9a-z]{1,40})-([0-9a-f]{1,64})"')
_LIST = r'^\s*(\*|(W/)?"[!#-~]*"(\s*,\s*(W/)?"[!#-~]*")*)\s*$'
_LONGEST = 1_000

V = TypeVar("V", bound=BaseModel)


class NotModified(Exception):
    """The caller has this very answer already."""

    def __init__(self, tag: str) -> None:
        super().__init__(tag)
        self.tag = tag


@dataclass(frozen=True, slots=True)
class Versioned(Generic[V]):
    """What is shown, and which version of it that is; None: the read models cannot say at the moment."""

    view: V
    version: str | None


def versioned_if_there(rows: ReadSnapshot, view: V | None, projection: str, stream: StreamName) -> Versioned[V] | None:
    return None if view is None else versioned(rows, view, projection, stream)


def versioned(rows: ReadSnapshot, view: V, projection: str, stream: StreamName) -> Versioned[V]:
    """A view of a thing that is decided on one stream: its version is the position of that stream's last event, as far
    as these rows know it."""
    known_to = rows.checkpoints()[projection].position
    try:
        return Versioned(view, str(log_index.last_of(rows, stream, known_to)))
    except UnavailableError:
        return Versioned(view, None)  # while the index is being built


class Conditional:
    """Puts the tag on an answer, and spares the answer where the caller has it."""

    def __init__(
        self,
        response: Response,
        if_none_match: Annotated[
            str | None,
            Header(
                alias="If-None-Match",
                description="ETags of answers that you have: if it is still one of them, 304 without a body.",
                max_length=_LONGEST,
                json_schema_extra={"pattern": _LIST},
            ),
        ] = None,
    ) -> None:
        self._response = response
        self._known = if_none_match

    def tagged(self, found: Versioned[V]) -> V:
        """Raises `NotModified`."""
        if found.version is not None:
            digest = sha256(found.view.model_dump_json().encode()).hexdigest()[:16]
            tag = f'"{found.version}-{digest}"'
            if self._known is not None and (self._known.strip() == "*" or digest in _parts(self._known, 2)):
                raise NotModified(tag)
            self._response.headers["ETag"] = tag
        return found.view


Reading = Annotated[Conditional, Depends(Conditional)]


async def _if_match(
    if_match: Annotated[
        str | None,
        Header(
            alias="If-Match",
            description="ETags as GET answered them: it is changed only if nobody has edited it since; else 412.",
            max_length=_LONGEST,
            json_schema_extra={"pattern": _LIST},
        ),
    ] = None,
) -> IfMatch | None:
    if if_match is None:
        return None
    if not re.fullmatch(_LIST[1:-1], if_match):
        raise BadInputError(
            "If-Match takes ETags in double quotes, separated by commas, or *.",
            remedy="Send the header ETag of the answer just as it came.",
            field="If-Match",
            where="header",
        )
    return IfMatch(frozenset(_parts(if_match, 1)), any_version=if_match.strip() == "*")


# What a PATCH, PUT or DELETE is made for; None: whatever the thing is at.
Condition = Annotated[IfMatch | None, Depends(_if_match)]


def _parts(header: str, part: int) -> set[str]:
    """Of each tag of ours; weak or strong makes no difference, since compressing an answer may have weakened it."""
    return {str(found[part]) for found in _TAG.finditer(header)}
