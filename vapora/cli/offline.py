"""The data of an installation, read without any server: its files, or its PostgreSQL database."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from vapora.cli.output import FAILED, USAGE, say, stop
from vapora.startup import lock

if TYPE_CHECKING:
    from events import Recorded
    from vapora.log import EventLog
    from vapora.settings import Settings

_PAGE = 2_000

Data = Annotated[Path | None, typer.Option("--data", help="The data folder; absent, VAPORA_DATA or .vapora.")]
Workspace = Annotated[str, typer.Option(help="The workspace.", envvar="VAPORA_WORKSPACE")]


def settings_for(data: Path | None, **given: object) -> Settings:
    """The settings with what the command line says on top; a value that cannot work ends with exit code 2."""
    from pydantic import ValidationError

    from vapora.settings import Settings
    from vapora.startup import names

    for odd in names.check(os.environ):
        say(odd)
    said: dict[str, Any] = {name: value for name, value in {"data": data, **given}.items() if value is not None}
    try:
        return Settings(**said)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        stop(USAGE, f"The setting {name} cannot be used: {first['msg']}.", f"Check VAPORA_{name.upper()}.")


@contextmanager
def open_log(settings: Settings, workspace: str) -> Iterator[EventLog]:
    """The workspace's log for reading, also beside a running server."""
    from vapora.log.places import open_for_reading

    place = settings.log_place(workspace)
    if not has_log(settings, workspace):
        named = "--data (or VAPORA_DATA)" if isinstance(place, Path) else "VAPORA_DATABASE_URL"
        stop(USAGE, f"There is no log at {place}.", f"Check {named} and --workspace.")
    log = open_for_reading(place)
    try:
        yield log
    finally:
        log.close()


def has_log(settings: Settings, workspace: str) -> bool:
    from events.ids import PEOPLE
    from vapora.log.places import workspaces

    place = settings.log_place(workspace)
    if isinstance(place, Path):
        return place.is_file()
    # The log of people is no workspace; where it is not there yet, opening it says so.
    return workspace == PEOPLE or workspace in workspaces(settings)


def pages(log: EventLog, after: int = 0, topics: tuple[str, ...] = ()) -> Iterator[list[Recorded]]:
    """The log in order, some thousand events at a time; with `Unknown` for what a newer version wrote."""
    import events  # noqa: F401  # registers every topic
    from vapora.log import open_record

    while records := log.after(after, _PAGE, topics):
        yield [open_record(record, lenient=True) for record in records]
        after = records[-1].position


def stream(log: EventLog, name: str) -> Iterator[Recorded]:
    """One stream from its first event to its last."""
    from vapora.log import open_record

    version = 0
    while records := log.read(name, version, _PAGE):
        yield from map(open_record, records)
        version = records[-1].version


@contextmanager
def alone(settings: Settings, workspace: str) -> Iterator[None]:
    """Nobody else works on this data meanwhile: a server that runs is a refusal, one that starts finds it locked."""
    from projections.engine.store import engine

    with _lock(settings):
        # A server that another tool started (`serve run`), or on another machine, takes no such lock.
        place = settings.read_place(workspace)
        if engine(place).is_in_use():
            _refuse(str(place), "by a server")
        yield


@contextmanager
def _lock(settings: Settings) -> Iterator[None]:
    """That of the data folder, which with a database may well be on another machine."""
    if settings.database_url is not None and not settings.data.is_dir():
        yield
        return
    try:
        held = lock.take(settings.data)
    except lock.InUseError as error:
        owner = error.details["owner"]
        _refuse(str(settings.data), "by another process" if owner is None else f"by process {owner.pid}")
    try:
        yield
    finally:
        held.release()


def _refuse(place: str, by: str) -> NoReturn:
    stop(FAILED, f"The data in {place} is in use {by}.", "Stop that first: it keeps the read models itself.")
