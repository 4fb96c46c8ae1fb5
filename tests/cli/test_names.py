"""What people call things on the command line."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from tests.cli.conftest import Run, invoke, settle
from tests.cli.test_commands import wait_for
from vapora.cli import app
from vapora.sdk import Client


@pytest.fixture(scope="module")
def project(url: str) -> str:
    made = invoke("projects", "add", "Longleaf", "--json", VAPORA_URL=url)
    settle(url)
    return str(made.json["id"])


@pytest.fixture(scope="module")
def task_id(url: str, project: str) -> str:
    """A task of the project called Longleaf that waits for its review."""
    made = invoke("task", "add", "Write tests", "--project", "longleaf", "--role", "tester", "-q", VAPORA_URL=url)
    assert made.code == 0, made.err
    wait_for(url, made.out.strip(), "review")
    return made.out.strip()


def test_a_project_is_named_by_its_name_or_the_beginning_of_its_id(vapora: Run, project: str, task_id: str) -> None:
    for name in ("Longleaf", "LONGLEAF", project, project.removeprefix("project-")[:8]):
        found = vapora("task", "list", "--project", name, "--json").json["items"]
        assert [one["id"] for one in found] == [task_id]
        assert vapora("board", "--project", name).code == 0
    assert (
        vapora("budget", "set", "Longleaf", "--scope", "project", "--monthly-cents", "9", "--json").json["id"]
        == project
    )
    unknown = vapora("task", "list", "--project", "Nowhere")
    assert (unknown.code, "Nowhere" in unknown.err) == (1, True)


def test_a_second_project_of_a_name_must_be_asked_for(vapora: Run, project: str) -> None:
    refused = vapora("projects", "add", "longLeaf")
    assert (refused.code, project in refused.err, "--same-name" in refused.err) == (1, True, True)


def test_two_projects_of_one_name_are_told_apart_by_their_ids(vapora: Run) -> None:
    first = vapora("projects", "add", "Twin", "--json").json
    second = vapora("projects", "add", "Twin", "--same-name", "--json").json

    said = vapora("task", "list", "--project", "Twin")

    assert (first["same_name"], second["same_name"]) == ([], [first["id"]])
    assert said.code == 2
    assert first["id"] in said.err
    assert second["id"] in said.err


@pytest.mark.parametrize("command", ["show", "why", "output"])
def test_a_task_is_named_by_the_beginning_of_its_id(command: str, vapora: Run, task_id: str) -> None:
    whole = vapora("task", command, task_id, "--json")
    for short in (task_id[:12], task_id.removeprefix("task-")[:7]):
        assert vapora("task", command, short, "--json").json == whole.json


def test_a_short_id_of_several_names_them_and_is_wrong_usage(vapora: Run, task_id: str, project: str) -> None:
    vapora("task", "add", "Another task", "--project", project)

    said = vapora("task", "show", "task")

    assert said.code == 2
    # At most twenty are named: other tests have handed in many.
    assert 2 <= said.err.count("\n  task-") <= 20
    agents = vapora("agents", "show", "de")
    assert (agents.code, "developer" in agents.err, "devops" in agents.err) == (2, True, True)
    assert vapora("agents", "show", "develop", "--json").json["agent"]["id"] == "developer"


def test_an_id_that_is_whole_means_itself_though_others_begin_with_it(vapora: Run) -> None:
    vapora("agents", "add", "tester", "--id", "tester-x")
    assert vapora("agents", "show", "tester", "--json").json["agent"]["id"] == "tester"


def test_a_blocker_and_a_limit_take_short_ids_too(vapora: Run, task_id: str, project: str) -> None:
    short = task_id.removeprefix("task-")[:9]
    blocked = vapora("task", "add", "Comes later", "--project", project, "--blocked-by", short, "-q").out.strip()
    assert vapora("task", "show", blocked, "--json").json["blocked_by"] == [task_id]
    assert vapora("budget", "set", short, "--scope", "task", "--limit-cents", "9", "--json").json["id"] == task_id


def test_the_work_can_be_read(vapora: Run, url: str, task_id: str) -> None:
    with Client(url) as client:
        [run] = client.runs(task_id)
        text = client.artifact(run.run_id, client.artifacts(run.run_id)[0].name)

    said = vapora("task", "output", task_id, "--json").json

    assert text
    assert (said["text"], said["task_id"]) == (text, task_id)
    assert vapora("task", "output", task_id, "--run", "1", "--json").json == said
    raw = CliRunner().invoke(app, ["task", "output", task_id, "--raw"], env={"VAPORA_URL": url})
    assert raw.stdout_bytes == text.encode()
    assert "".join(vapora("task", "output", task_id).out.split()) == "".join(text.split())
    nobodys = vapora("task", "output", task_id, "--run", "7")
    assert (nobodys.code, "no run" in nobodys.err) == (1, True)


def test_raw_output_is_used_alone(task_id: str, vapora: Run) -> None:
    assert vapora("task", "output", task_id, "--raw", "--json").code == 2


def test_without_a_run_there_is_nothing_to_read(vapora: Run, project: str, task_id: str) -> None:
    waits = vapora("task", "add", "Comes last", "--project", project, "--blocked-by", task_id, "-q").out.strip()
    said = vapora("task", "output", waits)
    assert (said.code, "no run yet" in said.err) == (1, True)
