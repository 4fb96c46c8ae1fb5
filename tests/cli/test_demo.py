"""The demo against a real platform in this process, whose models answer at once."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer

from tests.repo.site import TheirRepository
from vapora.cli.demo.cards import read
from vapora.cli.demo.command import DemoPlan, require_sandbox, run
from vapora.errors import ConfigurationError, SandboxUnavailableError
from vapora.platform import Platform
from vapora.sandbox.choice import Wish, choose
from vapora.sandbox.sandbox import Sandbox
from vapora.settings import Settings

Run = Callable[..., Any]
LOOKING = ("file_list", "git_log", "git_diff", "code_search")
# None of them is a card of the demo's own, so the rehearsal looks around and changes nothing.
TASKS: tuple[dict[str, Any], ...] = (
    {"title": "Write unit tests for slugs", "role": "tester", "review": "none"},
    {"title": "Implement the slug generator", "role": "developer", "review": "none"},
    {"title": "Write the README", "role": "documenter", "review": "none"},
)


def plan(settings: Settings, *tasks: dict[str, Any], as_json: bool = True) -> DemoPlan:
    unconfined = settings.model_copy(update={"sandbox": "none"})
    return DemoPlan(unconfined, repo=None, tasks=tasks or TASKS, real=False, as_json=as_json)


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
    assert {one["id"]: one["monthly_limit_cents"] for one in told["budgets"]}["developer"] == 60


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


def shipped(*names: str) -> tuple[dict[str, Any], ...]:
    return tuple(one for one in read(None, own_repository=False) if one.get("name") in names)


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_agents_do_the_work_and_it_comes_into_the_repository(settings: Settings) -> None:
    code, said = played(plan(settings, *shipped("slugs", "expiry")))

    told = json.loads(said)["work"]
    assert code == 0
    # One is sent back by a check, the other by its review; both end well.
    assert (told["checks"]["red"], told["mended"]) == (1, 1)
    assert (told["changes_requested"], told["approved"]) == (1, 2)
    assert {one["title"]: (one["author"], one["reviewer"], one["story"]) for one in told["merged"]} == {
        "Never give two links the same slug": ("developer", "code-reviewer", "mended after a red check"),
        "Let a link end at a given moment": ("developer", "code-reviewer", "changed after its review"),
    }
    home = Path(told["repository"])
    assert sorted(git(home, "log", "--format=%s").splitlines()) == sorted(
        ["Begin Shortleaf", *(one["title"] for one in told["merged"])]
    )
    assert git(home, "status", "--porcelain") == ""
    subprocess.run(["sh", "check.sh", "tests"], cwd=home, check=True, capture_output=True)
    assert settings.data.stat().st_mode & 0o077 == 0


def test_without_json_it_says_how_to_look_at_what_was_merged(settings: Settings) -> None:
    _, said = played(plan(settings, *shipped("clicks-adr"), as_json=False))

    assert f"git -C {settings.data}/shortleaf log --oneline --graph" in said
    assert "What came into the repository" in said


def test_a_rehearsal_changes_nothing_in_somebodys_own_repository(settings: Settings, tmp_path: Path) -> None:
    theirs = TheirRepository(tmp_path / "theirs")
    theirs.commit({"README.md": "# Ours\n", "check.sh": "exit 1\n"})
    before = theirs.snapshot()
    own = read(None, own_repository=True)

    code, said = played(replace(plan(settings, *own, *shipped("slugs")), repo=theirs.path))

    told = json.loads(said)
    assert code == 0
    assert told["work"]["merged"] == []
    assert told["work"]["branches"] == {}
    assert told["work"]["tools"].keys() <= {*LOOKING, "finish", "submit_review"}
    assert theirs.snapshot() == before


def test_an_entry_may_wait_for_an_earlier_one_by_its_name(settings: Settings) -> None:
    first, second = {**TASKS[0], "name": "first"}, {**TASKS[1], "blocked_by": ["first"]}

    code, said = played(plan(settings, first, second))

    assert code == 0
    assert json.loads(said)["most_at_once"] == 1


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
    [
        ("- title: Hi\n", "title"),
        ("- title: Some work\n  priority: 101\n", "priority"),
        ("nothing", "list"),
        ("- title: One\n  name: a\n- title: Two\n  name: a\n", "name"),
    ],
)
def test_a_backlog_is_checked_before_anything_starts(backlog: str, word: str, alone: Run, tmp_path: Path) -> None:
    file = tmp_path / "backlog.yaml"
    file.write_text(backlog, encoding="utf-8")

    said = alone("demo", "--backlog", str(file), "--data", str(tmp_path / "data"))

    assert said.code == 2
    assert word in said.err
    assert not (tmp_path / "data").exists()


def test_the_shipped_backlogs_can_be_handed_in() -> None:
    assert len(read(None, own_repository=False)) >= 14
    assert len(read(None, own_repository=True)) >= 5


def test_where_no_sandbox_works_nothing_is_started_and_the_choice_is_named(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    async def none_works(wish: Wish) -> Sandbox:
        raise SandboxUnavailableError("bubblewrap is not installed", remedy="Install it.")

    with pytest.raises(typer.Exit) as ended:
        require_sandbox(settings, none_works)

    assert ended.value.exit_code == 1
    said = capsys.readouterr().err
    assert "bubblewrap is not installed" in said
    assert "--sandbox none" in said
    assert not settings.data.exists()


def test_to_have_no_sandbox_is_said(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    require_sandbox(settings.model_copy(update={"sandbox": "none"}), choose)

    assert "SANDBOX: none" in capsys.readouterr().err
