"""`vapora log`: the log itself, from a server or straight from its file."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic_core import to_json
from rich.console import RenderableType
from rich.text import Text

from vapora.cli.offline import Workspace, alone, open_log, pages, settings_for
from vapora.cli.output import FAILED, USAGE, Json, clip, console, emit, emit_json, local, parse_instant, stop
from vapora.cli.remote import connect
from vapora.cli.source import Data, data_to_read
from vapora.clock import just_before
from vapora.views import Chain, EventFilter, EventView

if TYPE_CHECKING:
    from vapora.log import EventLog
    from vapora.log.clock_correction import Correction

app = typer.Typer(help="Read the log.", no_args_is_help=True)


@dataclass(frozen=True, slots=True)
class _Source:
    """`read`: all events after a position, up to the present end. `head`: where that is about."""

    read: Callable[[int], Iterator[EventView]]
    head: Callable[[], int]
    filtered: bool

    def last(self, limit: int) -> list[EventView]:
        # Unfiltered, the last ones stand at the last positions; else somebody has to look through them all.
        return list(deque(self.read(0 if self.filtered else max(0, self.head() - limit)), maxlen=limit))


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Which events, and recorded between which instants."""

    filter: EventFilter
    since: str | None = None
    until: str | None = None


_EVERYTHING = _Wanted(EventFilter())

_PAUSE_S = 0.5


@app.command()
def tail(
    after: Annotated[int | None, typer.Option(min=0, help="From this position on; absent: the last --limit.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many (with --follow: to begin with).")] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    topic: Annotated[
        list[str] | None, typer.Option(help="Only events of this topic, as task.assigned; repeatable.")
    ] = None,
    stream: Annotated[str | None, typer.Option(help="Only this stream, as task:… or ledger.")] = None,
    actor: Annotated[str | None, typer.Option(help="Only what this one did, as user:local or coordinator.")] = None,
    correlation: Annotated[str | None, typer.Option(help="Only what goes back to this request.")] = None,
    since: Annotated[str | None, typer.Option(help="Recorded at this instant or later.")] = None,
    until: Annotated[str | None, typer.Option(help="Recorded at this instant or before.")] = None,
    data: Data = None,
    workspace: Workspace = "default",
    as_json: Json = False,
) -> None:
    """Events in the order in which they happened; with --json one object a line."""
    if follow and until is not None:
        stop(USAGE, "--follow waits for what comes, --until ends in the past.", "Leave out one of them.")
    filter_ = EventFilter(stream=stream, topics=tuple(topic or ()), actor=actor, correlation=correlation)
    wanted = _Wanted(filter_, since, until)
    with _source(data_to_read(data, workspace), workspace, wanted) as source:
        position = source.head() if after is None else after
        for event in source.last(limit) if after is None else islice(source.read(after), limit):
            _print(event, as_json)
            position = event.position
        while follow:
            for event in source.read(position):
                _print(event, as_json)
                position = event.position
            # Polled: the live socket carries rows, not events. Twice a second is a light load for either source.
            time.sleep(_PAUSE_S)


@app.command()
def show(
    position: Annotated[int, typer.Argument(min=1)],
    data: Data = None,
    workspace: Workspace = "default",
    as_json: Json = False,
) -> None:
    """One event with all it carries."""
    event = _at(position, data_to_read(data, workspace), workspace)
    emit(as_json, event, lambda: _whole(event))


@app.command()
def why(
    position: Annotated[int, typer.Argument(min=1)],
    data: Data = None,
    workspace: Workspace = "default",
    as_json: Json = False,
) -> None:
    """Why an event happened: from it back to the request, each because of the one below it."""
    folder = data_to_read(data, workspace)
    if folder is None:
        with connect(workspace) as client:
            chain = client.chain(position)
    else:
        chain = _chain(position, folder, workspace)
    emit(as_json, chain, lambda: _reasons(chain))


@app.command("correct-clock")
def correct_clock(
    data: Data = None,
    workspace: Workspace = "default",
    yes: Annotated[bool, typer.Option("--yes", help="Do it; else only say what it would do.")] = False,
    as_json: Json = False,
) -> None:
    """Let recorded time go on truly after events that were recorded with a clock that was ahead. No server may run."""
    from vapora import clock
    from vapora.log.clock_correction import ClockCorrector
    from vapora.log.places import open_log as open_for_writing

    settings = settings_for(data)
    with open_log(settings, workspace):
        pass  # there is one: else the next line would make it
    with alone(settings, workspace):
        log = open_for_writing(settings.log_place(workspace), workspace)
        try:
            corrector = ClockCorrector(log, clock.now, "user:local")
            planned = corrector.plan()
            position = corrector.carry_out() if yes else None
        finally:
            log.close()
    emit(
        as_json,
        {
            "recorded_until": planned.recorded_until,
            "corrected_to": planned.now,
            "booked": planned.booked,
            "windows": planned.windows,
            "position": position,
        },
        lambda: _corrected(planned, position),
    )


def _corrected(planned: Correction, position: int | None) -> str:
    lines = [f"recorded time  {local(planned.recorded_until)} -> {local(planned.now)}"]
    if (windows := planned.windows) is not None:
        lines += [
            f"budget windows {windows.before.month} and {windows.before.week} -> "
            f"{windows.windows.month} and {windows.windows.week}; what was spent in them still counts",
        ]
    if planned.booked:
        lines.append(f"calls without an outcome, booked at their worst case: {planned.booked}")
    done = "Nothing is changed yet: add --yes." if position is None else f"Recorded at position {position}."
    return "\n".join([*lines, done])


def _chain(position: int, data: Path, workspace: str) -> Chain:
    found = [_at(position, data, workspace)]
    # A cause stands before what it led to: a log that says otherwise must not lead round in circles.
    while (cause := found[-1].causation) is not None and 0 < cause < found[-1].position:
        found.append(_at(cause, data, workspace))
    return Chain(items=tuple(found), complete=found[-1].causation is None)


def _reasons(chain: Chain) -> RenderableType:
    lines = [
        f"{one.position:>7}  {one.topic:<26} {one.stream}  by {one.actor}  {_gist(one)}".rstrip() for one in chain.items
    ]
    last = chain.items[-1]
    end = f"asked for by {last.actor}, request {last.correlation}" if chain.complete else "the rest is not in this log"
    return Text("\n".join([*lines, f"         {end}"]))


def _at(position: int, data: Path | None, workspace: str) -> EventView:
    if data is None:
        with connect(workspace) as client:
            return client.event(position)
    with _source(data, workspace) as source:
        event = next(source.read(position - 1), None)
    if event is None or event.position != position:
        stop(FAILED, f"There is no event at position {position}.")
    return event


@contextmanager
def _source(data: Path | None, workspace: str, wanted: _Wanted = _EVERYTHING) -> Iterator[_Source]:
    if data is None:
        with connect(workspace) as client:

            def ask(after: int) -> Iterator[EventView]:
                named = wanted.filter.model_dump(exclude={"topics"})
                return client.events(after, topic=wanted.filter.topics, since=wanted.since, until=wanted.until, **named)

            yield _Source(ask, lambda: client.progress().head, wanted != _EVERYTHING)
        return
    with open_log(settings_for(data), workspace) as log:
        _require_topics(log, wanted.filter.topics)
        yield _Source(lambda after: _read(log, after, wanted), log.head, wanted != _EVERYTHING)


def _require_topics(log: EventLog, asked: tuple[str, ...]) -> None:
    """As a server answers; but what a newer version wrote to this log may be asked for."""
    from events import topics

    strange = [one for one in asked if one not in topics()]
    if strange and (unknown := sorted(set(strange) - log.topics().keys())):
        stop(FAILED, f"There is no topic {unknown[0]!r}.", f"There are: {', '.join(sorted(topics()))}.")


def _read(log: EventLog, after: int, wanted: _Wanted) -> Iterator[EventView]:
    from vapora.log.search import last_until_in

    if wanted.since:
        after = max(after, last_until_in(log, just_before(parse_instant(wanted.since))))
    last = last_until_in(log, parse_instant(wanted.until)) if wanted.until else None
    for page in pages(log, after, wanted.filter.topics):
        for recorded in page:
            if last is not None and recorded.position > last:
                return
            if wanted.filter.fits(recorded):
                yield EventView.of(recorded)


def _print(event: EventView, as_json: bool) -> None:
    if as_json:
        emit_json(event)
        return
    at = event.recorded_at.astimezone().isoformat(sep=" ", timespec="milliseconds")[11:23]
    line = f"{event.position:>7} {at} {event.topic:<26} {event.stream}  {_gist(event)}"
    out = console(soft_wrap=True)
    out.print(clip(line, out.width) if out.is_terminal else line)


def _gist(event: EventView) -> str:
    """What tells one event from its neighbours, in a few words."""
    told = ("title", "agent_id", "provider", "model", "state", "reason", "amount_microusd", "cost_microusd", "name")
    said = {name: event.event[name] for name in told if event.event.get(name) not in (None, "")}
    return " ".join(f"{name}={clip(str(value), 60)}" for name, value in said.items())


def _whole(event: EventView) -> RenderableType:
    lines = [
        f"position     {event.position}",
        f"topic        {event.topic}",
        f"stream       {event.stream} version {event.version}",
        f"at           {local(event.recorded_at)}",
        f"by           {event.actor} in {event.workspace}",
        f"correlation  {event.correlation}",
        f"because of   {'a request' if event.causation is None else f'position {event.causation}'}",
        to_json(event.event, indent=2).decode(),
    ]
    return Text("\n".join(lines))
