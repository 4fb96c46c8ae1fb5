"""kill -9 of the agent and of the actor that holds the repositories, on real Ray, at random moments of runs with tools:
in the end there is the work of a run that nobody disturbed, done once, and nothing is left over.

`VAPORA_WORK_SEED` repeats a plan, `VAPORA_RAY_WORK_ROUNDS` makes the run longer.
"""

from __future__ import annotations

import os
import random
import subprocess
from functools import partial

import pytest
import ray
from ray.exceptions import RayActorError

from events import Recorded
from events.ids import ChecksVerdict
from events.run import ModelCalled, RunFailed, RunSucceeded, ToolUsed
from tests import rounds
from tests.cluster.site import Site
from tests.repo.site import TheirRepository
from tests.sandbox.conftest import require
from tests.waiting import wait_for
from tests.work.site import call, scripted
from vapora import operator_token
from vapora.commands import CreateProject
from vapora.sdk import Client
from vapora.testing.soundness import answers, order, tools

pytestmark = [pytest.mark.ray, pytest.mark.timeout(3_600)]

SEED = int(os.environ.get("VAPORA_WORK_SEED", "0")) or random.randrange(1, 1_000_000)
ROUNDS = rounds.RAY_WORK
VICTIMS = ("agent/default/developer", "repositories/default")
# Seen in a run; a process that is left is told from all others by it.
MARK = f"vapora-killed-on-ray-{os.getpid()}"
WORK = (
    [call("file_write", path="notes.txt", content="notes\n"), call("run_command", command="echo one >> log.txt")],
    [call("run_command", command=f": {MARK}; echo two >> log.txt; sleep 0.5; echo 2 >> log.txt")],
    [call("file_edit", path="slug.txt", old="wrong", new="almost"), call("git_diff")],
    [call("finish", summary="Done?")],
    [call("file_edit", path="slug.txt", old="almost", new="right"), call("run_command", command="echo 3 >> log.txt")],
    [call("finish", summary="Done.")],
)
CHECK = {"name": "right", "command": f": {MARK}; sleep 0.2; grep right slug.txt"}
# About how many events such a run leaves.
EVENTS = 45


def test_after_kill_9_of_agent_and_repositories_the_work_is_that_of_an_undisturbed_run(site: Site) -> None:
    require("bubblewrap")
    print(f"VAPORA_WORK_SEED={SEED}")
    theirs = TheirRepository(site.settings.data.parent / "theirs")
    theirs.commit({"slug.txt": "wrong\n", "README.md": "# Slugs\n"}, "Begin")
    site.vendors.default(scripted(WORK))
    token = operator_token.ensure(site.settings.data.absolute())
    with Client(f"http://127.0.0.1:{site.settings.port}", token=token) as client:
        body = CreateProject(name="Work", repo=str(theirs.path), checks=(CHECK,))
        project = client.create_project(body).id
    wanted = _tree(site, theirs, project, _round(site, project, []))
    for number in range(ROUNDS):
        dice = random.Random(f"{SEED}.{number}")
        plan = sorted((dice.randint(2, EVENTS * 2 // 3), dice.choice(VICTIMS)) for _ in range(dice.randint(1, 2)))
        print(f"round {number}: {plan}")
        end = _round(site, project, plan)
        assert _tree(site, theirs, project, end) == wanted, plan
        assert end.work is not None
        assert end.work.checks is ChecksVerdict.GREEN
        _recorded_once(site, end)
    log = site.log()
    assert not [*order(log), *tools(log), *(one for one in answers(log) if "steps" in one.message)]
    wait_for("nothing left running", lambda: MARK not in _processes())
    assert not list(site.settings.repositories_folder("default").rglob("*.lock"))


def _round(site: Site, project: str, plan: list[tuple[int, str]]) -> RunSucceeded:
    start = len(site.log())
    site.submit(project, "Mend it", role="developer", task_type="code-generation", review="human")
    for moment, victim in plan:
        wait_for(f"{moment} events", partial(site.holds, start + moment))
        wait_for(f"{victim} to be killed", partial(_kill, site, victim))
    ends: list[Recorded] = []

    def ended() -> bool:
        ends[:] = [one for one in site.log()[start:] if isinstance(one.event, RunSucceeded | RunFailed)]
        return bool(ends)

    wait_for("the run to end", ended)
    end = ends[0].event
    assert isinstance(end, RunSucceeded), end
    return end


def _kill(site: Site, actor: str) -> bool:
    """False while it is being started again, killed by the moment before."""
    try:
        site.kill(actor)
    except (RayActorError, ray.exceptions.GetTimeoutError):
        return False
    return True


def _tree(site: Site, theirs: TheirRepository, project: str, end: RunSucceeded) -> str:
    assert end.work is not None
    bare = site.settings.repositories_folder("default") / project / "repo.git"
    return theirs.git("--git-dir", str(bare), "rev-parse", f"{end.work.head}^{{tree}}")


def _recorded_once(site: Site, end: RunSucceeded) -> None:
    events = [one.event for one in site.log()]
    asked = [one.step for one in events if isinstance(one, ModelCalled) and one.run_id == end.run_id]
    used = [(one.step, one.call) for one in events if isinstance(one, ToolUsed) and one.run_id == end.run_id]
    assert asked == list(range(len(WORK)))
    assert used == [(step, place) for step, turn in enumerate(WORK) for place in range(len(turn))]


def _processes() -> str:
    return subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
