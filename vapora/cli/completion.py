"""What the shell completes beside commands and options: names and ids that the server knows.

Somebody waits with the finger on the tab key: nothing is said and nothing is offered where the server is away, does not
answer within two seconds, or wants to know who asks.
"""

from __future__ import annotations

import shlex
from itertools import islice
from typing import TYPE_CHECKING

from vapora.errors import VaporaError

if TYPE_CHECKING:
    from vapora.sdk import Client
    from vapora.views import IdKind

_ANSWERS_WITHIN_S = 2.0
_MOST = 100


def tasks(incomplete: str) -> list[tuple[str, str]]:
    """The cards whose ids begin so, with their titles."""
    return _ids(incomplete, "task")


def runs(incomplete: str) -> list[tuple[str, str]]:
    return _ids(incomplete, "run")


def projects(incomplete: str) -> list[tuple[str, str]]:
    """The projects that are called so: by name, or by id where a shell would take the name for several words."""
    try:
        with _client() as client:
            known = list(islice(client.projects(), _MOST))
    except VaporaError:
        return []
    offered = [(one.name, one.id) if shlex.quote(one.name) == one.name else (one.id, one.name) for one in known]
    return [one for one in offered if one[0].startswith(incomplete)]


def _ids(incomplete: str, kind: IdKind) -> list[tuple[str, str]]:
    try:
        with _client() as client:
            return [(one.id, one.name) for one in client.ids(incomplete or f"{kind}-", kind)]
    except VaporaError:
        return []


def _client() -> Client:
    from vapora.cli.remote import connect

    return connect(timeout=_ANSWERS_WITHIN_S, retries=0)
