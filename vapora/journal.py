"""How the parts tell an operator what they do: readable lines in development, JSON in production (M14.11, M14.12).

A line that cannot be written (full disk, closed pipe, closed stream) is dropped and counted, never raised: it must not
fail a request or end a background task. Once lines can be written again, one of them says how many are missing.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import MutableMapping
from typing import Any, Literal

import structlog

from vapora.unicode import printable


class _Outlet:
    """Standard error of this process. The stream is looked up for each line: a test or a notebook may replace it."""

    def __init__(self) -> None:
        self.dropped = 0
        self._reported = 0
        # Re-entrant: the report about dropped lines is written while the lock is held.
        self._lock = threading.RLock()

    def write(self, line: str) -> None:
        with self._lock:
            missing = self.dropped > self._reported
            try:
                # A line that failed half-way may have left its beginning in the stream.
                sys.stderr.write(f"\n{line}\n" if missing else f"{line}\n")
                sys.stderr.flush()
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


def configure(form: Literal["console", "json"] = "console", level: int = logging.INFO) -> None:
    """Set up logging for this process; lines go to standard error. May be called again."""
    before: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    last: tuple[structlog.types.Processor, ...] = (
        (structlog.processors.JSONRenderer(),)
        if form == "json"
        else (_show, structlog.dev.ConsoleRenderer(colors=_is_terminal()))
    )
    structlog.configure(
        processors=[*before, *last],
        wrapper_class=_safe(structlog.make_filtering_bound_logger(level)),
        logger_factory=lambda *_: _Logger(),
        cache_logger_on_first_use=True,
    )
    _configure_libraries(before, last)


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
            foreign_pre_chain=before, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
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
