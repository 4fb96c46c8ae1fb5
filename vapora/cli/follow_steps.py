"""A run's steps as lines, and following them while it goes on."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Protocol

from rich.console import Group, RenderableType
from rich.text import Text

from vapora.cli.output import clip, console, dollars, emit_json
from vapora.views import Execution, Progress, Step

ENDED = ("succeeded", "failed", "cancelled")
_LOOK_EVERY_S = 0.5
# Where nobody sees a line change, a step that takes longer says so this often.
_STILL_S = 10.0
_MARKS = {"running": "…", "done": "✓", "failed": "✗", "cancelled": "–"}
_STYLES = {"running": "yellow", "done": "green", "failed": "red", "cancelled": "dim"}


class Followed(Protocol):
    """What of `vapora.sdk.Client` is needed."""

    def steps(self, run_id: str) -> Iterator[Step]: ...
    def run(self, run_id: str) -> Execution: ...
    def progress(self) -> Progress: ...


def listed(steps: tuple[Step, ...]) -> RenderableType:
    if not steps:
        return "It has done nothing yet."
    return Group(*(line(one) for one in steps))


def line(step: Step) -> Text:
    number = "" if step.step < 0 else str(step.step)
    told = [_seconds(step)] if step.duration_ms else []
    if step.server:
        told.insert(0, f"by the server {clip(step.server, 40)}")
    if step.cost_microusd:
        told.append(dollars(step.cost_microusd, step.simulated))
    if step.exit_code:
        told.append(f"exit code {step.exit_code}")
    if step.error and step.error not in step.line:
        told.append(clip(step.error, 100))
    return Text.assemble(
        (f"{_MARKS[step.state]} ", _STYLES[step.state]),
        f"{number:>3}  {step.kind:<6} ",
        clip(step.line, 100),
        (f"  ({', '.join(told)})" if told else "", "dim"),
    )


def follow(client: Followed, run_id: str, as_json: bool) -> Execution:
    """Prints each step when it has ended, and says what is under way, until the run has ended: the run then."""
    out = _Lines(as_json)
    seen: set[str] = set()
    position = -1
    while True:
        run = client.run(run_id)
        at = client.progress().position
        if at != position:
            position = at
            steps = tuple(client.steps(run_id))
            for one in steps:
                if one.state != "running" and one.id not in seen:
                    seen.add(one.id)
                    out.ended(one)
            # The one that began first is what it is at.
            out.at(next((one for one in steps if one.state == "running"), None))
        if run.state in ENDED:
            out.over(run)
            return run
        out.tick(run)
        time.sleep(_LOOK_EVERY_S)


class _Lines:
    """To a terminal, with a last line that changes; into a pipe, only lines that stay."""

    def __init__(self, as_json: bool) -> None:
        self._json = as_json
        self._live = sys.stdout.isatty() and not as_json
        self._out = console(soft_wrap=True)
        self._current: Step | None = None
        self._since = self._told = time.monotonic()

    def ended(self, step: Step) -> None:
        if self._json:
            emit_json(step)
            return
        self._clear()
        self._out.print(line(step))

    def at(self, step: Step | None) -> None:
        if (step and step.id) != (self._current and self._current.id):
            self._since = self._told = time.monotonic()
        self._current = step

    def tick(self, run: Execution) -> None:
        if self._json:
            return
        now = time.monotonic()
        what = f"waits: {run.reason}" if run.state == "waiting" else self._current.line if self._current else "works"
        told = f"… {clip(what, 60)}, {now - self._since:.0f} s"
        if self._live:
            self._clear()
            self._out.print(Text(told, "yellow"), end="")
        elif now - self._told >= _STILL_S:
            self._told = now
            self._out.print(told)

    def over(self, run: Execution) -> None:
        if self._json:
            return
        self._clear()
        cost = dollars(run.cost_microusd, run.simulated)
        said = f": {clip(run.reason or run.summary, 200)}" if run.reason or run.summary else ""
        self._out.print(f"The run {run.state} ({cost}){said}")

    def _clear(self) -> None:
        if self._live:
            sys.stdout.write("\r\x1b[2K")
            sys.stdout.flush()


def _seconds(step: Step) -> str:
    return f"{(step.duration_ms or 0) / 1_000:.1f} s"
