"""Every command against the real server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vapora.sdk import Client

Run = Callable[..., Any]


def wait_for(url: str, task_id: str, state: str) -> None:
    with Client(url) as client:
        after = client.progress().head
        if client.task(task_id, after=after).state == state:
            return
        with client.live(after) as frames:
            for frame in frames:
                for one in frame.rows:
                    if one.view == "task" and one.row.id == task_id and one.row.state == state:
                        return


@pytest.fixture
def project(vapora: Run) -> str:
    said = vapora("projects", "add", "Shortleaf", "--same-name", "--json")
    assert said.code == 0
    return str(said.json["id"])


@pytest.fixture
def reviewed(vapora: Run, url: str, project: str) -> str:
    """A task that waits for its review."""
    said = vapora("task", "add", "Write unit tests for slugs", "--project", project, "--role", "tester", "--json")
    assert said.code == 0
    task_id = str(said.json["task_id"])
    wait_for(url, task_id, "review")
    return task_id


def test_a_task_is_handed_in_shown_judged_and_explained(vapora: Run, reviewed: str) -> None:
    shown = vapora("task", "show", reviewed)
    assert shown.code == 0
    assert "Write unit tests for slugs" in shown.out
    assert "simulated" in shown.out

    why = vapora("task", "why", reviewed)
    assert "agent: tester" in why.out

    moved = vapora("task", "move", reviewed, "done", "--comment", "fine", "--json")
    assert moved.json["state"] == "done"
    assert moved.json["position"] > 0

    again = vapora("task", "move", reviewed, "todo")
    assert again.code == 1
    assert "archived" in again.err


def test_tasks_are_listed_by_state(vapora: Run, reviewed: str, project: str) -> None:
    found = vapora("task", "list", "--project", project, "--state", "review", "--json").json

    assert [card["id"] for card in found["items"]] == [reviewed]
    assert found["next"] is None
    assert vapora("task", "list", "--project", project, "--state", "failed").out.strip() == "No tasks."


def test_a_task_that_cannot_be_right_is_refused_before_it_is_sent(vapora: Run, project: str) -> None:
    said = vapora("task", "add", "Hi", "--project", project, "--deadline", "tomorrow")

    assert said.code == 2
    assert "title" in said.err
    assert "deadline" in said.err


def test_with_several_projects_one_must_be_named(vapora: Run, project: str) -> None:
    vapora("projects", "add", "Another", "--same-name")

    said = vapora("task", "add", "Some work")

    assert said.code == 2
    assert "--project" in said.err
    assert project in said.err


def test_a_task_and_a_project_are_edited_and_fields_are_taken_away(vapora: Run, reviewed: str, project: str) -> None:
    assert vapora("task", "edit", reviewed, "--deadline", "2030-01-01T00:00:00Z", "--priority", "70").code == 0
    assert vapora("task", "edit", reviewed, "--title", "Another title").code == 0
    card = vapora("task", "show", reviewed, "--json").json
    assert (card["title"], card["priority"], card["deadline"]) == ("Another title", 70, "2030-01-01T00:00:00Z")
    assert vapora("task", "edit", reviewed, "--no-deadline", "--not-blocked").code == 0
    assert vapora("task", "show", reviewed, "--json").json["deadline"] is None
    assert vapora("task", "edit", reviewed).code == 2
    assert vapora("task", "edit", reviewed, "--deadline", "2030-01-01", "--no-deadline").code == 2

    assert vapora("project", "edit", project, "--name", "Renamed", "--json").json["name"] == "Renamed"
    assert vapora("projects", "edit", project).code == 2


def test_a_review_that_does_not_exist_is_not_offered(vapora: Run, project: str) -> None:
    said = vapora("task", "add", "Write unit tests", "--project", project, "--review", "nobody")
    assert said.code == 2
    assert "none" in said.err


def test_the_board_shows_its_columns_now_and_then(vapora: Run, reviewed: str) -> None:
    board = vapora("board")
    past = vapora("board", "--at", "1", "--json").json

    assert reviewed in board.out
    assert "review" in board.out
    assert past["columns"]["review"] == []


def test_the_board_says_how_many_cards_it_leaves_out_and_a_column_shows_all_of_them(
    vapora: Run, url: str, project: str, reviewed: str
) -> None:
    with Client(url) as client:
        body = {"project_id": project, "title": "Work for later", "blocked_by": [reviewed]}
        made = [client.submit_task(body) for _ in range(203)]
        client.progress(after=made[-1].position)

    assert "and 3 more: vapora board --column todo" in vapora("board", "--project", project).out
    shown = vapora("board", "--project", project, "--json").json
    assert (len(shown["columns"]["todo"]), shown["counts"]["todo"]) == (200, 203)
    column = vapora("board", "--project", project, "--column", "todo", "--json").json
    assert [card["id"] for card in column["columns"]["todo"]] == [one.task_id for one in made]
    assert "more" not in vapora("board", "--project", project, "--column", "todo").out
    assert vapora("board", "--column", "archived").code == 2


def test_agents_are_listed_without_a_subcommand(vapora: Run) -> None:
    assert len(vapora("agents", "--json").json["items"]) >= 12
    assert vapora("agents", "list", "--json").json == vapora("agents", "--json").json
    assert "developer" in vapora("agents").out


def test_an_agent_is_added_disabled_and_removed(vapora: Run) -> None:
    assert vapora("agents", "add", "tester", "--id", "tester-cli", "--capacity", "2", "--json").json["capacity"] == 2
    assert vapora("agents", "disable", "tester-cli").code == 0
    assert vapora("agents", "show", "tester-cli", "--json").json["agent"]["state"] == "disabled"
    assert vapora("agents", "enable", "tester-cli").code == 0
    assert vapora("agents", "remove", "tester-cli", "--json").json["id"] == "tester-cli"
    assert vapora("agents", "add", "nobody").code == 1
    assert vapora("agents", "add", "Not A Slug").code == 2


def test_budgets_are_set_and_listed(vapora: Run, reviewed: str) -> None:
    assert vapora("budget", "set", "marketer", "--monthly-cents", "250", "--when-exceeded", "stop").code == 0
    assert vapora("budget", "set", reviewed, "--scope", "task", "--limit-cents", "40").code == 0

    items = {(one["scope"], one["id"]): one for one in vapora("budget", "--json").json["items"]}
    assert items["role", "marketer"]["monthly_limit_cents"] == 250
    assert items["task", reviewed]["limit_cents"] == 40
    assert "$2.50" in vapora("budget").out


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (["marketer", "--limit-cents", "5"], "--monthly-cents"),
        (["t", "--scope", "task", "--weekly-cents", "5"], "--limit-cents"),
        (["marketer"], "--no-limit"),
        (["t", "--scope", "task"], "--limit-cents"),
        (["marketer", "--no-limit", "--weekly-cents", "5"], "--no-limit"),
    ],
    ids=["of a task", "of a role", "nothing", "nothing for a task", "both"],
)
def test_a_limit_that_cannot_be_meant_is_wrong_usage(wrong: list[str], named: str, vapora: Run) -> None:
    said = vapora("budget", "set", *wrong)
    assert (said.code, named in said.err) == (2, True)


def test_what_a_budget_command_does_not_name_stays_and_the_change_is_shown(vapora: Run) -> None:
    def limits(*flags: str) -> dict[str, Any]:
        changed: dict[str, Any] = vapora("budget", "set", "presenter", *flags, "--json").json
        return changed

    assert limits("--monthly-cents", "500", "--overflow-cents", "7")["before"]["monthly_limit_cents"] is None
    changed = limits("--weekly-cents", "100")
    assert (changed["before"]["weekly_limit_cents"], changed["after"]["weekly_limit_cents"]) == (None, 100)
    assert (changed["after"]["monthly_limit_cents"], changed["after"]["overflow_cents"]) == (500, 7)
    shown = vapora("budget", "set", "presenter", "--weekly-cents", "250").out
    assert [line.split() for line in shown.splitlines() if "week" in line] == [["week", "$1.00", "→", "$2.50"]]
    assert [line.split() for line in shown.splitlines() if "month" in line] == [["month", "$5.00", "=", "$5.00"]]
    lifted = limits("--no-limit")["after"]
    assert (lifted["monthly_limit_cents"], lifted["weekly_limit_cents"], lifted["overflow_cents"]) == (None, None, 7)


def test_costs_are_grouped_and_marked_as_simulated(vapora: Run, reviewed: str) -> None:
    found = vapora("costs", "--by", "provider,role", "--json").json["items"]

    assert set(found[0]["key"]) == {"provider", "role"}
    assert all(one["simulated"] for one in found)
    assert "simulated" in vapora("costs").out
    assert vapora("costs", "--by", "weather").code == 1
    assert vapora("costs", "--by", ",").code == 2


def test_the_log_is_shown_from_a_server(vapora: Run, reviewed: str) -> None:
    lines = vapora("log", "tail", "--limit", "4", "--json").out.splitlines()
    topics = vapora("log", "tail", "--topic", "task.submitted", "--after", "0").out

    assert len(lines) == 4
    assert "task.submitted" in topics
    assert "task.assigned" not in topics
    assert vapora("log", "show", "1", "--json").json["position"] == 1
    assert vapora("log", "show", "1000000").code == 1


@pytest.mark.parametrize(
    "command",
    [["agents"], ["budget"], ["board"], ["costs"], ["projects"], ["task", "list"], ["log", "tail"]],
    ids=" ".join,
)
def test_tables_fit_into_eighty_columns(command: list[str], vapora: Run, reviewed: str) -> None:
    said = vapora(*command)

    assert said.code == 0
    if command != ["log", "tail"]:  # lines for grep, not a table
        assert max(map(len, said.out.splitlines())) <= 80


def test_board_budgets_and_agents_are_shown_as_they_were(vapora: Run, url: str, reviewed: str) -> None:
    with Client(url) as client:
        then = client.position()
    assert vapora("budget", "set", "tester", "--monthly-cents", "4321").code == 0
    assert vapora("task", "move", reviewed, "done").code == 0

    board = vapora("board", "--at", str(then), "--json").json
    assert reviewed in [card["id"] for card in board["columns"]["review"]]
    [tester] = [one for one in vapora("budget", "--at", str(then), "--json").json["items"] if one["id"] == "tester"]
    assert tester["monthly_limit_cents"] != 4321
    assert len(vapora("agents", "list", "--at", "0", "--json").json["items"]) == 0
    assert vapora("agents", "--at", "soon").code == 1
    assert vapora("log", "tail", "--topic", "budget.set", "--since", "2999-01-01").out == ""
