"""How commands speak: results to stdout, as a table for people or as JSON for programs; all else to stderr."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, NoReturn

import typer
from pydantic_core import to_json
from rich.console import Console, RenderableType
from rich.markup import escape
from rich.table import Table

from vapora import clock

GOOD, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130

At = Annotated[str | None, typer.Option(help="As it was at a position or an instant in the past.")]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable: JSON on stdout and nothing else there.")]


def emit(as_json: bool, value: Any, show: Callable[[], RenderableType]) -> None:
    """`value` as JSON, or what `show` draws. A table is only drawn where somebody looks at it."""
    if as_json:
        typer.echo(to_json(value, fallback=str))
    else:
        # Soft wrapping would break tables; the width is the terminal's, 80 where there is none.
        Console(highlight=False).print(show())


def say(text: str) -> None:
    """To people, not into the result."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(text, markup=False)


def stop(code: int, text: str, remedy: str = "") -> NoReturn:
    """End with a clear line on stderr."""
    say(f"{text} {remedy}".strip())
    raise typer.Exit(code)


def instant(text: str) -> datetime:
    """What an option says; wrong usage where it is no instant."""
    try:
        return clock.instant(text)
    except ValueError:
        stop(USAGE, f"{text!r} is no instant.", "Write it as 2026-11-22T10:00:00Z.")


def table(title: str, *columns: str, right: Sequence[str] = (), fixed: Sequence[str] = ()) -> Table:
    """Readable in 80 columns: long words fold, `fixed` columns (ids, amounts) never do."""
    made = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        made.add_column(
            column,
            justify="right" if column in right else "left",
            no_wrap=column in right or column in fixed,
            overflow="fold",
        )
    return made


def cell(text: object) -> str:
    """What people wrote is text, not rich's markup."""
    return escape(str(text))


def dollars(microusd: int, simulated: bool = False) -> str:
    """Dollars with cents; below a cent with four digits, since nothing that was spent should look like nothing."""
    if 0 < microusd < 10_000:
        hundredths = -(-microusd // 100)  # rounded up, as all money is
        shown = f"${hundredths / 10_000:.4f}"
    else:
        cents = -(-microusd // 10_000)
        shown = f"${cents // 100:,}.{cents % 100:02d}"
    return f"{shown} simulated" if simulated else shown


def limit(cents: int | None) -> str:
    return "–" if cents is None else f"${cents // 100:,}.{cents % 100:02d}"


def local(at: datetime) -> str:
    """Local time, ISO, to the second: the offset says which local that is."""
    return at.astimezone().isoformat(sep=" ", timespec="seconds")


def clip(text: str, width: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= width else f"{line[: width - 1]}…"
