"""The demo against a real platform in this process, whose models answer at once."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from vapora.cli.demo.command import DemoPlan, run
from vapora.errors import ConfigurationError
from vapora.platform import Platform
from vapora.settings import Settings

Run = Callable[..., Any]
TASKS: tuple[dict[str, Any], ...] = (
    {"title": "Write unit tests for slugs", "role": "tester", "review": "none"},
    {"title": "Implement the slug generator", "role": "developer", "review": "none"},
    {"title": "Write the README", "role": "documenter", "review": "none"},
)


def plan(settings: Settings, *tasks: dict[str, Any], as_json: bool = True) -> DemoPlan:
    return DemoPlan(settings, repo=None, tasks=tasks or TASKS, real=False, as_json=as_json)


def played(plan: DemoPlan) -> tuple[int, str]:
    out = io.StringIO()
    return run(plan, Platform, out), out.getvalue()


def test_a_demo_ends_well_and_says_what_was_done(settings: Settings) -> None:
    code, said = played(plan(settings))

    told = json.loads(said)
    assert code == 0
    assert told["ok"] is True
    assert told["states"] == {"done": 3}
    assert {one["agent"] for one in told["workers"]} == {"tester", "developer", "documenter"}
    assert all(one["example"] for one in told["workers"])
    assert told["model"] == "rehearsal"
    assert {one["id"]: one["monthly_limit_cents"] for one in told["budgets"]}["developer"] == 6


def test_a_second_demo_on_the_same_data_is_a_new_project(settings: Settings) -> None:
    played(plan(settings, TASKS[0]))

    code, said = played(plan(settings, TASKS[1]))

    told = json.loads(said)
    assert code == 0
    assert told["handed_in"] == 1
    assert [one["agent"] for one in told["workers"]] == ["developer"]


def test_what_waits_for_a_person_ends_it_with_one(settings: Settings) -> None:
    code, said = played(plan(settings, TASKS[0], {**TASKS[1], "review": "human"}))

    told = json.loads(said)
    assert code == 1
    assert [one["title"] for one in told["unfinished"]] == ["Implement the slug generator"]
    assert "human" in told["unfinished"][0]["waits_for"]


def test_without_a_terminal_it_tells_line_by_line(settings: Settings) -> None:
    code, said = played(plan(settings, as_json=False))

    assert code == 0
    assert said.startswith("REHEARSAL")
    assert "done         Write the README  documenter" in said
    assert "Everything is done: 3 tasks handed in" in said
    assert f"vapora up --data {settings.data}" in said


def test_it_makes_a_repository_with_a_commit(settings: Settings) -> None:
    played(plan(settings, TASKS[0]))

    log = subprocess.run(
        ["git", "log", "--format=%s"], cwd=settings.data / "repo", capture_output=True, text=True, check=True
    )
    assert log.stdout.strip() == "Begin Shortleaf"
    assert settings.data.stat().st_mode & 0o077 == 0


class Scripted:
    """A platform that does not come up."""

    def __init__(self, error: BaseException) -> None:
        self.error = error
        self.stopped = False

    def __call__(self, settings: Settings, environ: Mapping[str, str]) -> Scripted:
        return self

    def start(self) -> Any:
        raise self.error

    def wait(self) -> None:
        pass

    def stop(self) -> None:
        self.stopped = True


def test_an_interruption_stops_everything_and_says_how_to_go_on(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    platform = Scripted(KeyboardInterrupt())

    code = run(plan(settings), platform, io.StringIO())

    assert code == 130
    assert platform.stopped
    assert f"vapora up --data {settings.data}" in capsys.readouterr().err


def test_a_platform_that_cannot_start_is_stopped_all_the_same(settings: Settings) -> None:
    platform = Scripted(ConfigurationError("The port is taken."))

    with pytest.raises(ConfigurationError):
        run(plan(settings), platform, io.StringIO())

    assert platform.stopped


def test_real_without_a_provider_is_wrong_usage(alone: Run, tmp_path: Path) -> None:
    none = dict.fromkeys(("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "OLLAMA_HOST"), "")

    said = alone("demo", "--real", "--data", str(tmp_path / "data"), **none)

    assert said.code == 2
    assert all(name in said.err for name in none)


def test_a_repository_must_be_one(alone: Run, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()

    assert alone("demo", "--repo", str(tmp_path / "plain")).code == 2
    assert alone("demo", "--repo", str(tmp_path / "missing")).code == 2


@pytest.mark.parametrize(
    ("backlog", "word"),
    [("- title: Hi\n", "title"), ("- title: Some work\n  priority: 101\n", "priority"), ("nothing", "list")],
)
def test_a_backlog_is_checked_before_anything_starts(backlog: str, word: str, alone: Run, tmp_path: Path) -> None:
    file = tmp_path / "backlog.yaml"
    file.write_text(backlog, encoding="utf-8")

    said = alone("demo", "--backlog", str(file), "--data", str(tmp_path / "data"))

    assert said.code == 2
    assert word in said.err
    assert not (tmp_path / "data").exists()


def test_the_shipped_backlog_can_be_handed_in() -> None:
    from vapora.cli.demo.command import _tasks

    assert len(_tasks(None)) >= 30
