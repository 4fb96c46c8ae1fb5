"""`vapora plan`, `vapora workflow` and `vapora approvals`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.waiting import wait_for

Run = Callable[..., Any]

TWO_STEPS = """name = "Small step"

[inputs.goal]
description = "What shall be true"

[[stages]]
name = "build"
role = "developer"
approval = true
task = { title = "Build it", review = "none" }
"""


def test_a_goal_becomes_cards(vapora: Run) -> None:
    vapora("project", "add", "Planned work")
    asked = vapora("plan", "ask", "People can export their links as CSV", "--project", "Planned work", "--json")
    assert asked.code == 0, asked.err
    plan = asked.json
    assert plan["state"] == "proposed" and len(plan["cards"]) == 4
    assert f"vapora plan accept {plan['id']}" in vapora("plan", "show", plan["id"]).out
    revised = vapora("plan", "revise", plan["id"], "Without a new dependency", "--json")
    assert [one["text"] for one in revised.json["rounds"]][1:] == ["Without a new dependency"]
    assert vapora("plan", "accept", plan["id"], "--seen", "0" * 64).code == 1
    made = vapora("plan", "accept", plan["id"], "--json").json["task_ids"]
    assert len(made) == 4 and all(vapora("task", "show", one).code == 0 for one in made)
    assert vapora("plan", "accept", plan["id"]).code == 1
    other = vapora("plan", "ask", "Something else", "--project", "Planned work", "--no-wait", "--json").json["id"]
    assert vapora("plan", "dismiss", other, "--reason", "Not now").code == 0
    assert "accepted" in vapora("plan", "list").out and "dismissed" in vapora("plan", "list").out


def test_a_workflow_is_checked_stored_started_approved_and_removed(vapora: Run, tmp_path: Path) -> None:
    vapora("project", "add", "Staged work")
    file = tmp_path / "small.toml"
    file.write_text(TWO_STEPS.replace('"developer"', '"nobody"'))
    faulty = vapora("workflow", "check", str(file))
    assert faulty.code == 1 and "stages.build" in faulty.out
    assert vapora("workflow", "add", str(file)).code == 1
    file.write_text(TWO_STEPS)
    assert vapora("workflow", "check", str(file)).code == 0
    workflow = vapora("workflow", "add", str(file), "--json").json["id"]
    assert "Small step" in vapora("workflow").out and "Build it" in vapora("workflow", "show", workflow).out
    started = vapora("workflow", "start", workflow, "--project", "Staged work", "--input", "goal=Links", "--json")
    assert started.code == 0, started.err
    run = started.json["id"]

    def asked() -> list[dict[str, Any]]:
        return [one for one in vapora("approvals", "--json").json["items"] if one["workflow_run_id"] == run]

    [approval] = wait_for("an approval", asked)
    assert approval["seen"] in vapora("approvals", "show", approval["id"], "--json").out
    assert vapora("approvals", "approve", approval["id"], "--comment", "Good").code == 0
    wait_for("its end", lambda: vapora("workflow", "run", run, "--json").json["state"] == "completed")
    assert "critical path" in vapora("workflow", "run", run).out
    assert run in vapora("workflow", "runs").out
    assert vapora("workflow", "remove", workflow).code == 0
    assert vapora("workflow", "show", workflow).code == 1
