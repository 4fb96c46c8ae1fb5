"""Texts of people and models that try to act on the terminal of whoever looks at them."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from rich.console import RenderableType

from tests.cli.conftest import Run, invoke, make_card
from tests.cli.test_commands import wait_for
from tests.test_unicode import ANY_TEXT, HOSTILE, acts
from vapora.cli import board, output, task
from vapora.cli.demo import display as screen
from vapora.cli.demo.progress import DemoProgress
from vapora.views import Board

TITLE = f"[red]Title[/red] :bomb: {HOSTILE}"
# What rich itself sends: colours, and nothing that somebody wrote.
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def harmless(shown: str) -> bool:
    return not any(map(acts, _COLOURS.sub("", shown)))


@pytest.fixture(scope="module")
def task_id(url: str) -> str:
    """A task with hostile text wherever somebody can write one, with its run."""
    made = invoke("projects", "add", f"Name {HOSTILE}", "--description", HOSTILE, "--json", VAPORA_URL=url).json
    words = ("--description", HOSTILE, "--context", json.dumps({"note": HOSTILE}))
    more = ("--project", made["id"], "--role", "tester", "--json")
    found = str(invoke("task", "add", TITLE, *words, *more, VAPORA_URL=url).json["task_id"])
    wait_for(url, found, "review")
    said = invoke("task", "move", found, "todo", "--comment", HOSTILE, VAPORA_URL=url)
    assert said.code == 0
    wait_for(url, found, "review")
    return found


@pytest.mark.parametrize("environ", [{}, {"FORCE_COLOR": "1", "TERM": "xterm-256color"}], ids=["pipe", "terminal"])
@pytest.mark.parametrize(
    "command",
    [
        "board",
        "task list",
        "task show TASK",
        "task why TASK",
        "projects",
        "log tail --limit 500",
        "audit list",
        "costs",
    ],
)
def test_what_somebody_wrote_is_shown_and_not_obeyed(
    command: str, environ: dict[str, str], task_id: str, url: str
) -> None:
    said = invoke(*command.replace("TASK", task_id).split(), VAPORA_URL=url, **environ)

    assert said.code == 0
    assert harmless(said.out)


def test_a_title_is_no_markup_and_its_escapes_are_seen(task_id: str, url: str) -> None:
    shown = invoke("task", "show", task_id, VAPORA_URL=url, COLUMNS="300").out

    assert "[red]Title[/red] :bomb:" in shown
    assert "\\x1b[31mred" in shown


def test_json_keeps_the_text_and_hides_nothing_in_it(task_id: str, url: str) -> None:
    said = invoke("task", "show", task_id, "--json", VAPORA_URL=url)

    assert said.json["title"] == TITLE
    assert not any(map(acts, said.out))
    for line in invoke("log", "tail", "--json", "--limit", "500", VAPORA_URL=url).out.splitlines():
        assert json.loads(line)["position"]
        assert not any(map(acts, line))


def test_errors_show_it_too(vapora: Run) -> None:
    said = vapora("task", "show", f"x{HOSTILE}")

    assert said.code != 0
    assert harmless(said.err)


def _one(text: str) -> Any:
    return make_card("t", title=text, description=text, comment=text, waiting="budget", context={"a": text})


def _scene(text: str) -> RenderableType:
    progress = DemoProgress(("t",), changed_at=0)
    progress.tasks["t"] = _one(text).model_copy(update={"assigned_agent": text, "state": "in-progress"})
    return screen.draw(progress, text, 1, rehearsal=True)


_DRAWN: dict[str, Callable[[str], RenderableType]] = {
    "board": lambda text: board.draw(Board(position=1, columns={"todo": (_one(text),)})),
    "card": lambda text: task.draw(_one(text)),
    "live screen": _scene,
    "line of the demo": lambda text: screen.line(_one(text), 1),
    "table that forgot": lambda text: _forgetful(text),
}


def _forgetful(text: str) -> RenderableType:
    shown = output.table(text, text)
    shown.add_row(text)
    return shown


@pytest.mark.parametrize("name", _DRAWN)
@given(text=ANY_TEXT)
def test_whatever_is_drawn_holds_no_control_character(name: str, text: str) -> None:
    out = io.StringIO()
    output.console(out).print(_DRAWN[name](text))
    assert harmless(out.getvalue())
