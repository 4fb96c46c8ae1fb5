"""From one goal to a shipped feature: the workflow that ships, on a repository, with the rehearsal model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from events.run import RunSucceeded
from events.task import TaskAssigned, TaskSubmitted
from tests.actors.kit import everything
from tests.api.doors import Door, opened
from tests.sandbox.conftest import require
from tests.workflows.site import Site, defined
from vapora.catalog.shipped_workflows import shipped
from vapora.cli.demo import repository
from vapora.domain.workflow.definition import read
from vapora.log.client import LogClient
from vapora.settings import Settings


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    opened = Site(tmp_path)
    await opened.start()
    yield opened
    await opened.stop()


@pytest.fixture
def namespaces() -> None:
    require("bubblewrap")


def asks_of(stage: str, page: dict[str, Any]) -> bool:
    return any(one["stage"] == stage for one in page["items"])


async def over_http(door: Door, path: str, is_so: Callable[[Any], bool]) -> Any:
    """What is there, once it is so."""
    async with asyncio.timeout(240):
        while not is_so(found := await door.ask("GET", path, 200, params={"after": (head := await door.head())})):
            await door.system.log("default").poll(head, timeout_s=1)
    return found


async def test_a_goal_becomes_a_feature_by_way_of_two_approvals(namespaces: None, tmp_path: Path) -> None:
    """B6's example as people have it: planning that somebody approves, five agents side by side, a review, a decision,
    delivery and the news of it, in a repository with checks, and all of it in the run's view."""
    home = repository.make(tmp_path / "shortleaf")
    settings = Settings(
        data=tmp_path / "data",
        runtime="local",
        model="rehearsal",
        rehearsal_min_delay_s=0,
        rehearsal_max_delay_s=0,
        repo_roots=(tmp_path,),
    )
    async with opened(settings) as door:
        project = await door.project(
            repo=str(home.path),
            checks=[{"name": name, "command": line} for name, line in home.checks.items()],
            read_only=[str(one) for one in home.read_only],
        )
        begin = {"inputs": {"goal": "A log-in with two factors"}, "project_id": project["id"]}
        run = await door.ask("POST", "/workflows/feature/runs", 202, begin)
        path = f"/workflow-runs/{run['id']}"
        for stage, settled in (("planning", 2), ("decision", 5)):
            asked = await over_http(door, "/approvals", partial(asks_of, stage))
            [approval] = asked["items"]
            shown = await door.ask("GET", path, 200)
            assert sum(one["state"] == "completed" for one in shown["stages"]) == settled
            said = {"decision": "approve", "seen": approval["seen"]}
            await door.ask("POST", f"/approvals/{approval['id']}", 200, said)
        over = await over_http(door, path, lambda one: one["state"] not in ("active", "waiting-approval", "draft"))
        assert over["state"] == "completed", over["reason"]
        stages = {one["name"]: one for one in over["stages"]}
        names = ["design", "validate", "planning", "build", "review", "decision", "deploy", "announce"]
        assert list(stages) == names == list(over["critical_path"])
        assert [one["outcome"] for one in stages.values()] == [
            *("done", "done", "approved", "done", "done", "approved", "done", "done"),
        ]
        together = [one["role"] for one in stages["build"]["tasks"]]
        assert together == ["architect", "developer", "tester", "documenter", "security"]
        assert over["agents"] == 10
        # The board's money may be a moment behind the last card.
        costs = await over_http(door, path, lambda one: one["cost_microusd"] > 0 and all(
            stage["cost_microusd"] > 0 for stage in one["stages"]
        ))  # fmt: skip
        assert costs["cost_microusd"] == sum(one["cost_microusd"] for one in costs["stages"])
        assert 0 < costs["critical_path_s"] <= costs["duration_s"]
        log = LogClient(door.system.log("default"), "default")
        recorded = await everything(log)
        ours = [one for one in recorded if one.correlation == over["correlation"]]
        assert sum(isinstance(one.event, TaskSubmitted) for one in ours) == 12
        assert sum(isinstance(one.event, RunSucceeded) for one in ours) == 12
        assert not [one for one in recorded if isinstance(one.event, RunSucceeded) and one not in ours]
        worked = {one.event.role for one in ours if isinstance(one.event, RunSucceeded) and one.event.work is not None}
        assert {"developer", "tester"} <= worked


async def test_more_than_ten_agents_work_at_once(site: Site) -> None:
    everybody = {
        "name": "all",
        "agents": [
            *("architect", "developer", "tester", "documenter", "security", "devops"),
            *("marketer", "presenter", "monitor", "project-manager", "decision-maker", "code-reviewer"),
        ],
        "parallel": True,
        "task": {"title": "Do your part", "review": "none"},
    }
    run_id = await site.begin(defined([everybody]))
    run = await site.over(run_id)
    assert run.state == "completed"
    told = await site.told(run_id)
    [made] = [one for one in told if one.topic == "workflow.cards-made"]
    assert len(run.stages["all"].cards) == 12
    agents = set()
    for card in run.stages["all"].cards:
        for one in await site.log.read(f"task:{card.task_id}"):  # type: ignore[arg-type]
            agents |= {one.event.agent_id} if isinstance(one.event, TaskAssigned) else set()
    assert len(agents) == 12
    assert made.correlation == run.correlation


def test_what_ships_can_be_used() -> None:
    for workflow_id, data in shipped().items():
        assert read(data).stages, workflow_id
