"""How commands speak: results to stdout, as a table for people or as JSON for programs; all else to stderr.

Titles, names, comments and answers come from people and models. `console` shows them as what they are, whatever a
command hands it: no control character reaches the terminal, and nothing in them is markup.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import IO, Annotated, Any, NoReturn, TypeVar

import typer
from pydantic import BaseModel, ValidationError
from pydantic_core import to_json
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from vapora import clock
from vapora.unicode import printable, printable_json

Shape = TypeVar("Shape", bound=BaseModel)
GOOD, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130

At = Annotated[str | None, typer.Option(help="As it was at a position or an instant in the past.")]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable: JSON on stdout and nothing else there.")]


class _Console(Console):
    """Rich's, for text that somebody else wrote. Its own control sequences (colours, the cursor) are not text."""

    def render_str(self, text: str, **options: Any) -> Text:
        # Before anything is measured, so that columns stay columns.
        return super().render_str(printable(text), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=printable(segment.text))


def console(out: IO[str] | None = None, *, stderr: bool = False, soft_wrap: bool = False) -> Console:
    """The only way to a terminal. The width is the terminal's, 80 where there is none."""
    return _Console(file=out, stderr=stderr, soft_wrap=soft_wrap, highlight=False, markup=False, emoji=False)


def emit(as_json: bool, value: Any, show: Callable[[], RenderableType]) -> None:
    """`value` as JSON, or what `show` draws. A table is only drawn where somebody looks at it."""
    if as_json:
        emit_json(value)
    else:
        # Soft wrapping would break tables.
        console().print(show())


def emit_json(value: Any, out: IO[str] | None = None) -> None:
    """On one line."""
    typer.echo(printable_json(to_json(value, fallback=str).decode()), file=out)


def say(text: str) -> None:
    """To people, not into the result."""
    console(stderr=True, soft_wrap=True).print(text)


def stop(code: int, text: str, remedy: str = "") -> NoReturn:
    """End with a clear line on stderr."""
    say(f"{text} {remedy}".strip())
    raise typer.Exit(code)


def checked(shape: type[Shape], fields: Mapping[str, Any]) -> Shape:
    """What options say, as the command that is sent; wrong usage where it is none, with the place."""
    try:
        return shape.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        stop(USAGE, f"{place + ': ' if place else ''}{first['msg'].removeprefix('Value error, ')}.")


def pair(option: str, text: str) -> tuple[str, Any]:
    """What an option says as NAME=VALUE; wrong usage where it says no such thing."""
    name, sign, value = text.partition("=")
    if not sign or not name:
        stop(USAGE, f"{option} takes NAME=VALUE, not {text!r}.")
    return name, value_of(value)


def value_of(text: str) -> Any:
    """What it says as JSON; where it is none, the text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def parse_instant(text: str) -> datetime:
    """What an option says; wrong usage where it is no instant."""
    try:
        return clock.parse_instant(text)
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
    """What people wrote, in a table or a sentence."""
    return printable(str(text))


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
    """On one line, of at most so many characters."""
    line = printable(" ".join(text.split()))
    return line if len(line) <= width else f"{line[: width - 1]}…"
