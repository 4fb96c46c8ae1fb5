"""`vapora project`, `vapora task diff|checks|…` and `vapora run`, against a real server with a real repository."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run, invoke
from tests.repo.site import TheirRepository
from tests.sandbox.conftest import require
from vapora import operator_token
from vapora.cli import work_checks
from vapora.cli.follow_steps import follow
from vapora.settings import Settings
from vapora.views import Execution, Progress, Step


@pytest.fixture
def theirs(tmp_path: Path) -> TheirRepository:
    found = TheirRepository(tmp_path / "theirs")
    found.commit({"slug.py": "def slug(text):\n    return text\n", ".gitignore": ".env\n"}, "Begin")
    found.write({".env": "KEY=1\n"})
    return found


@pytest.fixture
def shop(vapora: Run, theirs: TheirRepository) -> str:
    said = vapora(
        *("project", "add", "Shop", "--same-name", "--repo", str(theirs.path), "--check", "there=test -f slug.py"),
        *("--setup", "true", "--copy", ".env", "--json"),
    )
    assert said.code == 0, said.err
    return str(said.json["id"])


@pytest.fixture
def reviewed(vapora: Run, shop: str) -> str:
    require("bubblewrap")
    task = vapora("task", "add", "Write a slug", "--project", shop, "--role", "developer", "-q").out.strip()
    assert vapora("task", "wait", task, "--timeout", "240").code == 0, vapora("task", "show", task).out
    return task


def test_a_project_on_a_repository_is_made_with_the_token_of_this_machine(vapora: Run, shop: str) -> None:
    told = vapora("project", "show", shop, "--json").json
    assert told["project"]["checks"] == [{"name": "there", "command": "test -f slug.py", "timeout_s": 600}]
    assert (told["project"]["setup"], told["project"]["copy"]) == (["true"], [".env"])
    assert told["repository"]["base_branch"] == "main"
    assert "test -f slug.py" in vapora("project", "show", shop).out
    edited = vapora("project", "edit", shop, "--check", "a=true", "--check", "b=false", "--json").json
    assert [one["name"] for one in edited["checks"]] == ["a", "b"]
    assert vapora("project", "edit", shop, "--check", "nothing").code == 2
    assert vapora("project", "pause", shop, "--reason", "Not now.").code == 0
    assert "Not now." in vapora("project", "show", shop).out
    assert vapora("project", "resume", shop).code == 0
    assert vapora("project", "edit", shop, "--no-repo", "--json").json["repo"] is None


def test_who_works_elsewhere_is_refused_without_the_token_and_let_in_with_it(
    url: str, server_data: Path, theirs: TheirRepository, tmp_path: Path
) -> None:
    asked = ("project", "add", "Elsewhere", "--same-name", "--repo", str(theirs.path))
    refused = invoke(*asked, VAPORA_URL=url, VAPORA_DATA=str(tmp_path / "other"))
    assert refused.code == 1
    assert "operator_token" in refused.err
    token = operator_token.read(server_data) or ""
    let_in = invoke(*asked, VAPORA_URL=url, VAPORA_DATA=str(tmp_path / "other"), VAPORA_TOKEN=token)
    assert let_in.code == 0, let_in.err
    assert token not in let_in.out + let_in.err + refused.err


def test_a_bad_repository_is_refused_in_a_sentence(vapora: Run, tmp_path: Path) -> None:
    said = vapora("project", "add", "Nowhere", "--repo", str(tmp_path / "missing"))
    assert said.code == 1
    assert "There is no folder" in said.err
    assert "Nowhere" not in vapora("project", "list").out


def test_work_is_looked_at_talked_about_approved_and_tried_again(vapora: Run, reviewed: str) -> None:
    diff = vapora("task", "diff", reviewed, "--json").json
    assert diff["branch"] == f"vapora/{reviewed}"
    assert f"vapora/{reviewed}" in vapora("task", "diff", reviewed).out
    checks = vapora("task", "checks", reviewed, "--json")
    assert (checks.code, [one["name"] for one in checks.json["items"]]) == (0, ["there"])
    assert "green" in vapora("task", "checks", reviewed).out

    assert vapora("task", "comment", reviewed, "Why so?", "--path", "slug.py", "--line", "2").code == 0
    assert "Why so?" in vapora("task", "comment", reviewed).out
    assert vapora("task", "comment", reviewed, "Yes.", "--answer").code == 1

    steps = vapora("task", "steps", reviewed, "--json").json["items"]
    assert {one["kind"] for one in steps} >= {"model", "check"}
    followed = vapora("task", "steps", reviewed, "--follow")
    assert followed.code == 0
    assert "there: test -f slug.py" in followed.out and "The run succeeded" in followed.out
    run = steps[0]["run_id"]
    assert vapora("run", "show", run, "--json").json["branch"] == f"vapora/{reviewed}"
    assert vapora("run", "cancel", run).code == 1

    outdated = vapora("task", "approve", reviewed, "--head", "0" * 40)
    assert (outdated.code, "Look at the changes again" in outdated.err) == (1, True)
    assert "approve it" in vapora("task", "merge", reviewed).err.lower()
    assert vapora("task", "request-changes", reviewed, "Not so.", "--on", "slug.py:2=Lower.").code == 0
    assert vapora("task", "request-changes", reviewed, "Not so.", "--on", "slug.py").code == 2
    assert vapora("task", "wait", reviewed, "--timeout", "240").code == 0
    assert vapora("task", "attempt", reviewed).code == 0
    attempts = vapora("task", "attempt", reviewed, "--list", "--json").json["items"]
    assert [one["number"] for one in attempts] == [1, 2]
    vapora("task", "wait", reviewed, "--timeout", "240")
    assert vapora("task", "attempt", reviewed, "--pick", "9").code == 1


class Played:
    """A run that goes on with each look."""

    def __init__(self, *looks: tuple[str, tuple[Step, ...]]) -> None:
        self._looks: Iterator[tuple[str, tuple[Step, ...]]] = iter(looks)
        self._position = 0

    def run(self, run_id: str) -> Execution:
        state, self._steps = next(self._looks)
        self._position += 1
        fields: dict[str, Any] = {
            **dict.fromkeys(("task_id", "project_id", "agent_id", "role", "task_type", "reason"), "x"),
            **dict.fromkeys(("steps_done", "calls", "cost_microusd", "tokens_in", "tokens_out", "position"), 0),
            **dict.fromkeys(("steps", "providers", "artifacts"), ()),
            "run_id": run_id,
            "state": state,
            "started_at": "2026-11-20T00:00:00Z",
            "ended_at": None,
            "duration_ms": None,
            "summary": "",
            "simulated": True,
        }
        return Execution.model_validate(fields)

    def progress(self) -> Progress:
        return Progress(position=self._position, head=self._position)

    def steps(self, run_id: str) -> Iterator[Step]:
        return iter(self._steps)


def step(number: int, state: str) -> Step:
    return Step.model_validate(
        {
            "id": f"s{number}",
            "run_id": "r",
            "task_id": "t",
            "step": number,
            "kind": "tool",
            "state": state,
            "name": "run_command",
            "line": f"run_command: make {number}",
            "started_at": "2026-11-20T00:00:00Z",
            "position": number,
        }
    )


def test_each_step_of_a_followed_run_is_shown_once_when_it_has_ended(capsys: pytest.CaptureFixture[str]) -> None:
    looks = [
        ("running", (step(0, "running"),)),
        ("running", (step(0, "done"), step(1, "running"))),
        ("succeeded", (step(0, "done"), step(1, "failed"))),
    ]
    assert follow(Played(*looks), "r", as_json=False).state == "succeeded"
    out = capsys.readouterr().out
    assert [line.split()[0] for line in out.splitlines()] == ["✓", "✗", "The"]
    assert out.count("make 0") == 1


def test_the_doctor_says_which_git_and_which_sandbox_work_here(alone: Run, tmp_path: Path) -> None:
    require("bubblewrap")
    found = alone("doctor", "--data", str(tmp_path / "data"), "--json").json["checks"]
    said = {one["check"]: one for one in found if one["check"] == "git"}
    assert said["git"]["state"] == "good"
    sandboxes = [one["detail"] for one in found if one["check"] == "sandbox"]
    assert sandboxes[0] == "bubblewrap works, and commands of agents run in it"


def test_the_doctor_warns_of_an_old_git_and_of_no_sandbox(tmp_path: Path) -> None:
    old = tmp_path / "git"
    old.write_text("#!/bin/sh\necho git version 2.30.2\n")
    old.chmod(0o755)
    [found] = work_checks.git({"PATH": str(tmp_path)})
    assert (found.state, "2.38" in found.remedy) == ("warn", True)
    [missing] = work_checks.git({"PATH": str(tmp_path / "none")})
    assert missing.state == "warn"
    first, *_ = work_checks.sandboxes(Settings(sandbox="none"))
    assert (first.state, "VAPORA_SANDBOX=none" in first.detail) == ("warn", True)
