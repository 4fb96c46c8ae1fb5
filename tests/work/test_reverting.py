"""A workflow whose stage landed is undone: VAPORA itself takes back what landed, with the project's checks.

`VAPORA_WORK_SEED` repeats a plan of who dies when.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from events.ids import MergePolicy, TaskState, workflow_run_stream
from events.task import RevertRequested, TaskCompleted, TaskFailed, TaskLanded, TaskSentToReview
from events.work import Check
from events.workflow import ApprovalRequested, StageUndone, WorkflowRunFailed
from tests.sandbox.conftest import require
from tests.work.site import Site, call, scripted
from tests.work.test_agent_killed import Deaths
from tests.workflows.site import defined, gate, stage
from vapora.clock import now
from vapora.commands import ApproveTask, DecideApproval, MergeTask, MoveTask, StartWorkflowRun
from vapora.dispatch.workflows import WorkflowCommands
from vapora.domain.workflow import live_runs
from vapora.domain.workflow.state import Run
from vapora.testing.soundness import order

SEED = int(os.environ.get("VAPORA_WORK_SEED", "0")) or random.randrange(1, 1_000_000)
THERE = Check(name="there", command="test -s all.txt && ! grep -q BROKEN all.txt")
LINE = scripted(
    [[call("run_command", command="echo line >> all.txt; echo new > new.txt")], [call("finish", summary="Done.")]]
)


@pytest.fixture(autouse=True)
def namespaces() -> None:
    require("bubblewrap")


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with Site(tmp_path) as opened:
        opened.theirs.commit({"all.txt": "begin\n"}, "Begin")
        opened.vendors.default(LINE)
        yield opened


async def rejected(site: Site, project: str, after: int = 0, **more: Any) -> str:
    """A run whose first stage's work is accepted, and then its gate rejected."""
    commands = WorkflowCommands(site.log, now)
    made = await commands.create(site.origin(), defined([stage("build", compensate="revert", **more), gate("accept")]))
    run_id = (await commands.start(site.origin(), made.id, StartWorkflowRun(project_id=project))).id
    await site.seen(TaskCompleted, after=after)
    [asked] = await site.seen(ApprovalRequested, after=after)
    decision = DecideApproval.model_validate({"decision": "reject", "seen": asked.seen})
    if more.pop("landed", True):
        await site.seen(TaskLanded, after=after)
    await commands.settle(site.origin(), asked.approval_id, decision, lambda _: True)
    return run_id


async def run_of(site: Site, run_id: str) -> Run:
    found = live_runs.fold(await site.log.read(workflow_run_stream(run_id)))
    assert found is not None
    return found.run


async def test_what_landed_is_reverted_checked_and_landed_again_and_what_others_did_stays(site: Site) -> None:
    project = await site.project(THERE, merge_policy=MergePolicy.WHEN_APPROVED)
    run_id = await rejected(site, project)
    await site.seen(WorkflowRunFailed)
    run = await run_of(site, run_id)
    card = next(one for one in run.stages["build"].cards if one.purpose == "undo")
    assert (run.stages["build"].undone, card.outcome, card.checks) == ("done", "done", "green")
    assert site.theirs.show("all.txt", "main") == "begin"
    assert site.theirs.git("ls-files") == "all.txt"
    assert site.theirs.git("rev-list", "--count", "main") == "3"
    assert site.theirs.git("status", "--porcelain") == ""
    assert order(await site.everything()) == []


async def test_a_conflict_or_a_red_check_fails_and_says_what_to_do_and_another_try_is_a_persons(site: Site) -> None:
    project = await site.project(THERE, merge_policy=MergePolicy.WHEN_APPROVED)
    commands = WorkflowCommands(site.log, now)
    made = await commands.create(site.origin(), defined([stage("build", compensate="revert"), gate("accept")]))
    run_id = (await commands.start(site.origin(), made.id, StartWorkflowRun(project_id=project))).id
    [landed] = await site.seen(TaskLanded)
    since = site.theirs.commit({"all.txt": "another\n"}, "Theirs")
    [asked] = await site.seen(ApprovalRequested)
    decision = DecideApproval.model_validate({"decision": "reject", "seen": asked.seen})
    await commands.settle(site.origin(), asked.approval_id, decision, lambda _: True)
    [failed] = await site.seen(TaskFailed)
    assert "all.txt" in failed.reason and f"git revert {landed.oid[:12]}" in failed.reason
    [undone] = await site.seen(StageUndone)
    assert (undone.outcome, undone.reason) == ("failed", failed.reason)
    assert (await run_of(site, run_id)).state == "failed"
    assert site.theirs.head("main") == since
    # The person sets right what was in the way, and has it tried again: now a check is red.
    site.theirs.commit({"all.txt": "begin\nline\n", "other.txt": "BROKEN\n"}, "Back")
    await site.dispatcher.dispatch(site.origin(), MoveTask(state=TaskState.TODO), failed.task_id)
    [completed] = (await site.seen(TaskCompleted, count=2))[1:]
    assert completed.task_id == failed.task_id
    await site.seen(TaskLanded, count=2)
    assert site.theirs.show("all.txt", "main") == "begin"


async def test_a_red_check_stops_a_revert(site: Site) -> None:
    needs_it = Check(name="needs", command="! test -e uses.txt || test -e new.txt")
    project = await site.project(THERE, needs_it, merge_policy=MergePolicy.WHEN_APPROVED)
    commands = WorkflowCommands(site.log, now)
    made = await commands.create(site.origin(), defined([stage("build", compensate="revert"), gate("accept")]))
    await commands.start(site.origin(), made.id, StartWorkflowRun(project_id=project))
    await site.seen(TaskLanded)
    since = site.theirs.commit({"uses.txt": "new.txt\n"}, "Needs what landed")
    [asked] = await site.seen(ApprovalRequested)
    decision = DecideApproval.model_validate({"decision": "reject", "seen": asked.seen})
    await commands.settle(site.origin(), asked.approval_id, decision, lambda _: True)
    [failed] = await site.seen(TaskFailed)
    assert "needs" in failed.reason and "git revert" in failed.reason
    assert site.theirs.head("main") == since


async def test_its_review_is_a_persons_where_the_stages_was_and_what_never_landed_never_does(site: Site) -> None:
    project = await site.project(THERE)
    commands = WorkflowCommands(site.log, now)
    undo = {"revert": True, "task": {"review": "human"}}
    made = await commands.create(
        site.origin(), defined([stage("one", compensate=undo), stage("two", compensate=undo), gate("accept")])
    )
    run_id = (await commands.start(site.origin(), made.id, StartWorkflowRun(project_id=project))).id
    [first] = await site.seen(TaskCompleted)
    # A person lands the first; the second is done, and nobody lands it.
    await site.system.repositories("default").merge(site.origin(), first.task_id, MergeTask(strategy="merge"))
    second = (await site.seen(TaskCompleted, count=2))[1]
    [asked] = await site.seen(ApprovalRequested)
    decision = DecideApproval.model_validate({"decision": "reject", "seen": asked.seen})
    await commands.settle(site.origin(), asked.approval_id, decision, lambda _: True)
    [waits] = await site.seen(TaskSentToReview)
    assert waits.work is not None
    told = await site.everything()
    archived = [one.event.task_id for one in told if one.topic == "task.archived"]  # type: ignore[attr-defined]
    assert archived == [second.task_id]
    await site.dispatcher.dispatch(site.origin(), ApproveTask(head=waits.work.head), waits.task_id)
    assert (await run_of(site, run_id)).ended is None  # done, and not landed
    await site.system.repositories("default").merge(site.origin(), waits.task_id, MergeTask())
    await site.seen(WorkflowRunFailed)
    assert site.theirs.show("all.txt", "main") == "begin"
    assert {one.undone for one in (await run_of(site, run_id)).stages.values() if one.cards} == {"done"}


async def test_whatever_dies_while_it_is_taken_back_it_is_taken_back_once(tmp_path: Path) -> None:
    print(f"VAPORA_WORK_SEED={SEED}")
    rng, deaths = random.Random(SEED), Deaths()
    async with Site(tmp_path, runtime=deaths.made, resend_s=0.1, health_interval_s=0.1) as site:
        site.theirs.commit({"all.txt": "begin\n"}, "Begin")
        site.vendors.default(LINE)
        slow = Check(name="there", command="sleep 0.1; test -s all.txt")
        project = await site.project(slow, merge_policy=MergePolicy.WHEN_APPROVED)
        for number in range(1, 4):
            after = await site.log.head()
            run_id = await rejected(site, project, after)
            await site.seen(RevertRequested, after=after)
            for _ in range(2):
                victim = rng.choice(("repositories", "workflows"))
                asyncio.get_running_loop().call_later(rng.uniform(0, 0.5), deaths.strike, "reverting", victim)
            await site.seen(WorkflowRunFailed, after=after)
            assert (await run_of(site, run_id)).stages["build"].undone == "done", deaths.died
            landed = await site.told(TaskLanded)
            assert len(landed) == len({one.task_id for one in landed}) == 2 * number, deaths.died
            assert site.theirs.git("rev-list", "--count", "main") == f"{1 + 2 * number}"
            assert site.theirs.show("all.txt", "main") == "begin"
        assert await site.told(TaskFailed) == []
        assert order(await site.everything()) == []
        assert deaths.died
