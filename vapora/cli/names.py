"""What people call things: a project by its name, and everything by the beginning of its id, as git does it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from vapora.cli import completion
from vapora.cli.output import USAGE, clip, stop
from vapora.views import IdKind

if TYPE_CHECKING:
    from vapora.sdk import Client

TaskId = Annotated[
    str,
    typer.Argument(metavar="TASK", help="The task's id, or enough of its beginning.", autocompletion=completion.tasks),
]
RunId = Annotated[
    str,
    typer.Argument(metavar="RUN", help="The run's id, or enough of its beginning.", autocompletion=completion.runs),
]
ProjectName = Annotated[
    str | None,
    typer.Option(help="The project: its name, or the beginning of its id.", autocompletion=completion.projects),
]

_ID = re.compile(r"[a-z0-9][a-z0-9.-]{0,79}")


def whole_id(client: Client, given: str, kind: IdKind) -> str:
    """The id that begins with `given`. With several the candidates are named, and it is wrong usage; what none begins
    with is left to the server, whose refusal says what to do."""
    found = client.ids(given, kind) if _ID.fullmatch(given) else ()
    if len(found) > 1:
        candidates = "".join(f"\n  {one.id}  {clip(one.name, 60)}" for one in found)
        stop(USAGE, f"{len(found)} {kind}s have an id that begins with {given!r}:{candidates}")
    return found[0].id if found else given


def task_id(client: Client, given: str) -> str:
    return whole_id(client, given, "task")


def run_id(client: Client, given: str) -> str:
    return whole_id(client, given, "run")


def project_id(client: Client, given: str) -> str:
    """By its name first: people give names, and an id begins with `project-`."""
    from vapora.sdk import AmbiguousError
    from vapora.sdk.waiting import named

    try:
        found = named(given, client.projects())
    except AmbiguousError as error:
        stop(USAGE, str(error))
    return found.id if found else whole_id(client, given, "project")
