"""How the parts tell an operator what they do: readable lines in development, JSON in production (M14.11, M14.12).

A line says who wrote it and for whom: `bound` puts fields on all lines that are written meanwhile. In JSON each line is
flat, with a trace id that is worked out from the correlation, so that lines, spans and events find each other.

A line that cannot be written (full disk, closed pipe, closed stream) is dropped and counted, never raised: it must not
fail a request or end a background task. Once lines can be written again, one of them says how many are missing.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Literal

import structlog

from vapora import trace_ids
from vapora.unicode import printable

Form = Literal["console", "json"]
# What a line of JSON may hold of itself.
_SCALARS = (str, int, float, bool, type(None))

_fields: ContextVar[Mapping[str, str]] = ContextVar("journal", default={})  # noqa: B039 - never changed, only replaced
# The live span in which a line is written, in hexadecimal; who records spans says so.
span_now: Callable[[], str | None] = lambda: None  # noqa: E731


def fields() -> Mapping[str, str]:
    """What stands on each line that is written now: `actor`, `workspace`, `correlation`, `task`, `run`."""
    return _fields.get()


class within:
    """These fields as well on each line that is written meanwhile, also by tasks that begin now."""

    __slots__ = ("_more", "_token")

    def __init__(self, more: Mapping[str, str]) -> None:
        self._more = more

    def __enter__(self) -> None:
        self._token = _fields.set({**_fields.get(), **self._more})

    def __exit__(self, *_: object) -> None:
        _fields.reset(self._token)


def bound(**more: str) -> within:
    """`within` for fields that are named here."""
    return within(more)


@contextmanager
def only(**fields: str) -> Iterator[None]:
    """These fields and no others."""
    token = _fields.set(fields)
    try:
        yield
    finally:
        _fields.reset(token)


class _Outlet:
    """Where lines go: standard error, or standard output for those of JSON, which machines collect there. The stream is
    looked up for each line: a test or a notebook may replace it."""

    def __init__(self) -> None:
        self.form: Form = "console"
        self.dropped = 0
        self._reported = 0
        # Re-entrant: the report about dropped lines is written while the lock is held.
        self._lock = threading.RLock()

    def write(self, line: str) -> None:
        with self._lock:
            missing = self.dropped > self._reported
            try:
                # A line that failed half-way may have left its beginning in the stream.
                stream = sys.stdout if self.form == "json" else sys.stderr
                stream.write(f"\n{line}\n" if missing else f"{line}\n")
                stream.flush()
            except Exception:  # OSError, ValueError (closed), AttributeError (no stream): nowhere to say so
                self.drop()
                return
            if missing:
                self._reported = self.dropped
                structlog.get_logger("journal").warning("lines could not be written", since_start=self.dropped)

    def drop(self) -> None:
        with self._lock:
            self.dropped += 1


_outlet = _Outlet()


class _Logger:
    """What structlog hands rendered lines to; one method a level."""

    def __init__(self, name: str = "") -> None:
        self.name = name

    def msg(self, line: str) -> None:
        _outlet.write(line)

    log = debug = info = warn = warning = msg
    fatal = failure = err = error = critical = exception = msg


class _Handler(logging.Handler):
    """For libraries that use `logging`, such as uvicorn: the same stream, the same form."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
        except Exception:  # arguments that do not fit the text, or a broken __str__
            _outlet.drop()
        else:
            _outlet.write(line)


def dropped() -> int:
    """How many lines this process could not write since it started."""
    return _outlet.dropped


def configure(form: Form = "console", level: int = logging.INFO) -> None:
    """Set up logging for this process: readable lines go to standard error, JSON to standard output. May be called
    again."""
    _outlet.form = form
    before: list[structlog.types.Processor] = [
        _add_fields,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    last: tuple[structlog.types.Processor, ...] = (
        (_add_place(), _flatten, structlog.processors.JSONRenderer())
        if form == "json"
        else (_show, structlog.dev.ConsoleRenderer(colors=_is_terminal()))
    )
    structlog.configure(
        processors=[*before, *last],
        wrapper_class=_safe(structlog.make_filtering_bound_logger(level)),
        logger_factory=_Logger,
        cache_logger_on_first_use=True,
    )
    _configure_libraries(before, last)


def _add_fields(logger: Any, name: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A line's own word wins: it may speak of another actor than the one that writes it."""
    return {**_fields.get(), **line}


def _add_place() -> structlog.types.Processor:
    """Who writes: the logger, this process and its version; and in which trace."""
    here = {"node": os.environ.get("NODE_NAME") or socket.gethostname(), "pid": os.getpid(), "version": _version()}

    def add(logger: Any, name: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        record = line.get("_record")
        line["logger"] = record.name if record is not None else getattr(logger, "name", "")
        line.update(here)
        if isinstance(correlation := line.get("correlation"), str):
            line["trace_id"] = f"{trace_ids.trace_id_of(correlation):032x}"
        if (span := span_now()) is not None:
            line["span_id"] = span
        return line

    return add


def _flatten(logger: Any, name: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """One level, for collectors that take a line apart without a schema."""
    return {key: value if isinstance(value, _SCALARS) else str(value) for key, value in line.items()}


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # takes a while to import, and is wanted here alone

    try:
        return version("vapora")
    except PackageNotFoundError:  # run from a folder, and not installed
        return "unknown"


def _show(logger: Any, name: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A vendor's error or a task's title may hold what a terminal obeys."""
    return {key: printable(value) if isinstance(value, str) else value for key, value in line.items()}


def _safe(base: type[Any]) -> type[Any]:
    """A bound logger whose processors may fail too, on a value that cannot be rendered."""

    class Safe(base):  # type: ignore[misc]
        def _proxy_to_logger(self, method_name: str, event: str | None = None, **event_kw: Any) -> Any:
            try:
                return super()._proxy_to_logger(method_name, event, **event_kw)
            except Exception:  # counted; there is no other place to say it
                _outlet.drop()

    return Safe


def _configure_libraries(before: list[structlog.types.Processor], last: tuple[structlog.types.Processor, ...]) -> None:
    handler = _Handler(logging.WARNING)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before,
            processors=[*last[:-1], structlog.stdlib.ProcessorFormatter.remove_processors_meta, last[-1]],
        )
    )
    # Used where no logger up to the root has a handler: those of an embedding program stay as they are.
    logging.lastResort = handler
    # Handlers that others have set up (Ray's) would print their own failure to the same broken stream, and raise there.
    logging.raiseExceptions = False


def _is_terminal() -> bool:
    try:
        return sys.stderr.isatty()
    except Exception:  # closed, or there is none
        return False
