"""The files of an installation, read without any server."""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from vapora.cli.output import FAILED, USAGE, stop

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

    said: dict[str, Any] = {name: value for name, value in {"data": data, **given}.items() if value is not None}
    try:
        return Settings(**said)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        stop(USAGE, f"The setting {name} cannot be used: {first['msg']}.", f"Check VAPORA_{name.upper()}.")


def workspaces(settings: Settings) -> list[str]:
    """Those that have a log in the data folder."""
    folders = (path.parent.name for path in (settings.data / "workspaces").glob("*/log.db"))
    # An import that was killed leaves a folder behind whose name begins with a dot.
    return sorted(name for name in folders if not name.startswith("."))


@contextmanager
def open_log(settings: Settings, workspace: str) -> Iterator[EventLog]:
    """The workspace's log for reading, also beside a running server."""
    from vapora.log.sqlite import SQLiteLog

    path = settings.log_file(workspace)
    if not path.is_file():
        stop(USAGE, f"There is no log at {path}.", "Check --data (or VAPORA_DATA) and --workspace.")
    log = SQLiteLog.open_for_reading(path)
    try:
        yield log
    finally:
        log.close()


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
    with _lock(settings) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            _refuse(settings, f"by process {lock.read().strip() or 'unknown'}")
        # A server that another tool started (`serve run`) takes no such lock.
        if _is_open_elsewhere(settings.read_file(workspace)):
            _refuse(settings, "by a server")
        yield


def _lock(settings: Settings) -> IO[str]:
    try:
        return (settings.data / "lock").open("a+")
    except OSError as error:
        stop(FAILED, f"The data folder {settings.data} cannot be used ({error.strerror}).", "Make it writable.")


def _refuse(settings: Settings, by: str) -> NoReturn:
    stop(FAILED, f"The data in {settings.data} is in use {by}.", "Stop that first: it keeps the read models itself.")


def _is_open_elsewhere(path: Path) -> bool:
    """Whether another process has this SQLite file open.

    Leaving write-ahead mode needs the file to oneself, and is done at once where nobody else has it: a question that
    needs no lock file, which a kill -9 would leave behind. Only for read models: the log's file is never touched.
    """
    if not path.is_file():
        return False
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=0.2)
    try:
        (mode,) = connection.execute("PRAGMA journal_mode = DELETE").fetchone()
        return str(mode).lower() == "wal"
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            return True
        raise
    finally:
        connection.close()
