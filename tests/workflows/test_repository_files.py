"""Workflows that files on the base branch of a project's repository define."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from actors.runtime.base import Address
from events.ids import MergePolicy
from events.task import TaskLanded, TaskSentToReview
from events.work import Check
from tests.sandbox.conftest import require
from tests.waiting import DEADLINE_S
from tests.work.site import Site, call, scripted
from vapora.api.workflow_faults import read, with_faults
from vapora.catalog.workflow_files import of_repository
from vapora.clock import now
from vapora.commands import ApproveTask, StartWorkflowRun
from vapora.dispatch.workflows import WorkflowCommands
from vapora.domain.workflow.catalogue import Workflow
from vapora.errors import BadInputError

ROUND = ".vapora/workflows/round.toml"
GATE = '[[stages]]\nname = "go"\napproval = { roles = ["owner"] }\n'
LOOK = '[[stages]]\nname = "look"\nrole = "documenter"\ntask = { title = "Look" }\n'


def text(name: str, *stages: str) -> str:
    return f'name = "{name}"\n' + "".join(stages or (GATE, LOOK))


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    require("bubblewrap")
    async with Site(tmp_path) as opened:
        opened.theirs.commit({"a.txt": "begin\n", ROUND: text("First")}, "Begin")
        yield opened


async def until(site: Site, workflow_id: str, is_so: Callable[[Workflow | None], bool]) -> Workflow | None:
    commands, position = WorkflowCommands(site.log, now), 0
    async with asyncio.timeout(DEADLINE_S):
        while not is_so(found := (await commands.load(workflow_id))[0]):
            position = (await site.log.poll(position, 1_000, 5)).position
    return found


async def problems(site: Site, is_so: Callable[[dict[str, str]], bool]) -> dict[str, str]:
    async with asyncio.timeout(DEADLINE_S):
        while True:
            health = await site.runtime.ref(Address("workflows", "default")).health()
            found: dict[str, str] = health["files"]
            if is_so(found):
                return found
            await site.log.poll(await site.log.head(), 1, 0.2)


async def test_they_follow_the_base_branch_and_nothing_that_an_agent_wrote_before_it_landed(site: Site) -> None:
    weaken = call("run_command", command=f"cat > {ROUND} <<'E'\n{text('Weaker', LOOK)}E")
    site.vendors.default(scripted([[weaken], [call("finish", summary="Done.")]]))
    green = Check(name="there", command="test -s a.txt")
    project = await site.project(green, merge_policy=MergePolicy.WHEN_APPROVED)
    first = await until(site, "round", lambda one: one is not None)
    assert first is not None
    assert (first.read.name, first.file, first.only_in) == ("First", ROUND, project)
    # An agent takes the approval out, in its worktree.
    await site.task(project)
    [review] = await site.seen(TaskSentToReview)
    assert review.work is not None and review.work.changes_something
    assert (await WorkflowCommands(site.log, now).load("round"))[0] == first
    await site.dispatcher.dispatch(site.origin(), ApproveTask(head=review.work.head), review.task_id)
    await site.seen(TaskLanded)
    weaker = await until(site, "round", lambda one: one is not None and one.number == 2)
    assert weaker is not None and [one.approval for one in weaker.read.stages] == [None]
    # A file that is gone takes its workflow along; one that is broken changes nothing, and stands in no other's way.
    site.theirs.git("rm", "--quiet", ROUND)
    site.theirs.commit(
        {
            ".vapora/workflows/bad.toml": "name = 1\n",
            ".vapora/workflows/feature.toml": text("Mine"),
            ".vapora/workflows/next.toml": text("Next"),
        }
    )
    site.vendors.default(scripted([[call("run_command", command="echo b > b.txt")], [call("finish", summary="Done.")]]))
    await site.task(project)  # what lands is looked at once; else the branch is within half a minute
    [_, again] = await site.seen(TaskSentToReview, count=2)
    assert again.work is not None
    await site.dispatcher.dispatch(site.origin(), ApproveTask(head=again.work.head), again.task_id)
    await until(site, "next", lambda one: one is not None)
    await until(site, "round", lambda one: one is not None and one.removed)
    found = await problems(site, lambda told: len(told) == 2)
    assert "stages" in found[f"{project}:.vapora/workflows/bad.toml"]
    assert "taken by one that ships" in found[f"{project}:.vapora/workflows/feature.toml"]
    told = await site.runtime.ref(Address("workflows", "default")).file_problems()
    listed = {one.id: one for one in with_faults((), read(told))}
    assert listed["bad"].problem.startswith(f".vapora/workflows/bad.toml of {project}: ")
    assert found[f"{project}:.vapora/workflows/bad.toml"] in listed["bad"].problem
    assert (listed["bad"].source, listed["bad"].version, listed["bad"].stages) == ("repository", 0, ())
    shipped = (await WorkflowCommands(site.log, now).load("feature"))[0]
    assert shipped is not None and shipped.number == 0


async def test_a_run_of_it_makes_cards_of_its_own_project_alone(site: Site) -> None:
    project = await site.project()
    await until(site, "round", lambda one: one is not None)
    other = await site.project(name="Other", repo=None)
    commands = WorkflowCommands(site.log, now)
    with pytest.raises(BadInputError, match="there alone"):
        await commands.start(site.origin(), "round", StartWorkflowRun(project_id=other))
    assert (await commands.start(site.origin(), "round", StartWorkflowRun(project_id=project))).id


@pytest.mark.parametrize(
    ("name", "said", "place"),
    [
        ("x", 'trigger = { schedule = { cron = "* * * * *" } }\n' + GATE, "trigger"),
        ("x", 'project_id = "other"\n' + GATE, "project_id"),
        ("x", LOOK.replace('"Look"', '"Look", project_id = "other"'), "stages.look.task.project_id"),
        ("Odd Name", GATE, "small letters"),
        ("x", "stages = []\n", "stages"),
        ("x", "stages = [\n", "TOML"),
    ],
)
def test_what_reaches_beyond_the_project_or_is_broken_is_refused_with_its_place(
    name: str, said: str, place: str
) -> None:
    found: Any = of_repository(f".vapora/workflows/{name}.toml", f'name = "X"\n{said}', "mine")
    assert found.definition is None and place in found.problem
