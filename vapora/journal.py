"""How the parts tell an operator what they do: readable lines in development, JSON in production (M14.11, M14.12)."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Literal, TextIO, cast

import structlog

from vapora.unicode import printable


class _StandardError:
    """Whatever it is at the moment: somebody may have put another stream in its place, and taken it away again."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


def configure(form: Literal["console", "json"] = "console", level: int = logging.INFO) -> None:
    """Set up structured logging for this process; lines go to standard error."""
    last: tuple[structlog.types.Processor, ...] = (
        (structlog.processors.JSONRenderer(),)
        if form == "json"
        else (_show, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()))
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            *last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, _StandardError())),
        cache_logger_on_first_use=True,
    )


def _show(logger: Any, name: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A vendor's error or a task's title may hold what a terminal obeys."""
    return {key: printable(value) if isinstance(value, str) else value for key, value in line.items()}
