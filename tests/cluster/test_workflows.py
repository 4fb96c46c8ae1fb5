"""kill -9 of the workflow engine on real Ray, in mid-run: no stage happens twice, and no approval is lost."""

from __future__ import annotations

from collections import Counter

import pytest

from events.task import TaskCompleted, TaskSubmitted
from events.workflow import ApprovalDecided, ApprovalRequested, StageCardsMade, StageCompleted
from tests.cluster.site import Site, assert_sound
from tests.waiting import wait_for
from vapora.views import WorkflowRunView

pytestmark = [pytest.mark.ray, pytest.mark.timeout(900)]


def test_the_engine_is_killed_while_cards_are_worked_on_and_while_an_approval_is_open(site: Site) -> None:
    task = {"title": "Your part", "review": "none"}
    definition = {
        "name": "Killed",
        "stages": [
            {"name": "build", "agents": ["developer", "tester"], "parallel": True, "task": task},
            {"name": "accept", "needs": ["build"], "approval": True},
            {"name": "deliver", "role": "devops", "needs": ["accept"], "task": {**task, "title": "Deliver it"}},
        ],
    }
    start = len(site.log())
    client = site.client
    workflow = client.create_workflow(definition)
    with site.vendors.hold() as gate:
        run = client.start_workflow(workflow.id, project_id=site.project("Workflow"))
        gate.wait_for(2)  # both are at work
        site.kill("workflows/default")
    wait_for("an approval to be asked", lambda: client.workflow_run(run.id).approvals)
    site.kill("workflows/default")
    [approval] = client.workflow_run(run.id).approvals
    client.decide(approval, "approve", client.approval(approval).seen)

    def over() -> WorkflowRunView | None:
        found = client.workflow_run(run.id)
        return found if found.state in ("completed", "failed") else None

    assert wait_for("the run to end", over).state == "completed"
    log = site.log()
    assert_sound(log)
    ours = [one.event for one in log[start:] if one.correlation == client.workflow_run(run.id).correlation]
    made = [card.task_id for one in ours if isinstance(one, StageCardsMade) for card in one.cards]
    assert len(made) == len(set(made)) == 3
    for kind in (TaskSubmitted, TaskCompleted):
        assert Counter(one.task_id for one in ours if isinstance(one, kind)) == dict.fromkeys(made, 1)
    assert [one.stage for one in ours if isinstance(one, StageCompleted)] == ["build", "accept", "deliver"]
    assert sum(isinstance(one, ApprovalRequested) for one in ours) == 1
    # By a person, in a request of their own.
    decided = [one.event for one in log[start:] if isinstance(one.event, ApprovalDecided)]
    assert [(one.workflow_run_id, one.decision) for one in decided] == [(run.id, "approve")]
