"""From one goal to a shipped feature: the workflow that ships, on a repository, with the rehearsal model."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from events import Recorded
from events.run import RunSucceeded
from events.task import TaskAssigned, TaskSubmitted
from tests.workflows.site import Site, defined
from vapora.catalog.shipped_workflows import shipped
from vapora.commands import StartWorkflowRun
from vapora.domain.workflow.definition import read


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    opened = Site(tmp_path)
    await opened.start()
    yield opened
    await opened.stop()


async def test_a_goal_becomes_a_feature_by_way_of_two_approvals(site: Site) -> None:
    project = await site.project()
    command = StartWorkflowRun(inputs={"goal": "A log-in with two factors"}, project_id=project)
    origin = site.origin()
    run_id = (await site.workflows.start(origin, "feature", command)).id
    planning, seen = await site.asked(run_id)
    assert {name for name, one in (await site.run(run_id)).stages.items() if one.is_settled} == {"design", "validate"}
    await site.decide(planning, seen)
    delivery, seen = await site.asked(run_id, besides={planning})
    build = (await site.run(run_id)).stages["build"]
    assert [one.role for one in build.cards] == ["architect", "developer", "tester", "documenter", "security"]
    await site.decide(delivery, seen)
    run = await site.over(run_id, 120)
    assert run.state == "completed"
    assert run.stages["announce"].outcome == "done"
    recorded: list[Recorded] = []
    position = 0
    while (polled := await site.log.poll(position, 1_000, 0)).events:
        recorded += polled.events
        position = polled.position
    ours = [one for one in recorded if one.correlation == origin.correlation]
    assert sum(isinstance(one.event, TaskSubmitted) for one in ours) == 12
    assert sum(isinstance(one.event, RunSucceeded) for one in ours) == 12
    assert not [one for one in recorded if isinstance(one.event, RunSucceeded) and one not in ours]


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
