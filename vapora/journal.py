"""How the parts tell an operator what they do: readable lines in development, JSON in production (M14.11, M14.12)."""

from __future__ import annotations

import logging
import sys
from typing import Literal, TextIO, cast

import structlog


class _StandardError:
    """Whatever it is at the moment: somebody may have put another stream in its place, and taken it away again."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


def configure(form: Literal["console", "json"] = "console", level: int = logging.INFO) -> None:
    """Set up structured logging for this process; lines go to standard error."""
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, _StandardError())),
        cache_logger_on_first_use=True,
    )
