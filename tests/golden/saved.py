"""What the saved folds make of a known story, by the version of the fold.

    python -m tests.golden.saved           writes what is missing, and touches nothing else

Where today's fold makes something else of it, `FOLD_VERSION` has to be raised: what an older one saved would be wrong.
"""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from events.agent import AgentDisabled, AgentDrainStarted, AgentEdited
from events.content import Attachment, Content
from events.ids import ChecksVerdict, Review, Scope, WaitReason, WhenExceeded
from events.project import ProjectArchived, ProjectCreated, ProjectEdited, ProjectFileAccepted, ProjectPaused
from events.run import RunFork, RunSucceeded
from events.task import (
    AttachmentAdded,
    AttachmentRemoved,
    AttemptRequested,
    LandingRefused,
    TaskApproved,
    TaskCommented,
    TaskCompleted,
    TaskEdited,
    TaskLabelled,
    TaskLanded,
    TaskPaused,
    TaskRecalled,
    TaskRejected,
    TaskSentToReview,
    TaskWaiting,
)
from events.work import Check, LineComment, Work
from events.workspace import WorkspacePaused
from tests.domain import test_budget_invariant as money
from tests.domain import test_swarm as work
from tests.golden.examples import EXAMPLES
from vapora.domain import agent as agents
from vapora.domain import landings, ledger_data, offers
from vapora.domain import project as projects
from vapora.domain import run as runs
from vapora.domain import task as tasks
from vapora.domain.landings import Landings
from vapora.domain.offers import OpenOffers
from vapora.domain.swarm import data as swarm_data

FOLDER = Path(__file__).parent / "folds"


def ledger() -> Any:
    """Calls open, settled, released, unknown and refused; real and simulated; over a turn of the month."""
    world = money.World()
    money.act(world, ("limit", (Scope.WORKSPACE, "w1"), 5, 3, 1, WhenExceeded.FALLBACK))
    for charge in money.CHARGES:
        world.reserve(world.wish(charge, 9_000, cheap=False, simulated=False))
    for step in (("settle", 0, 4_000), ("release", 1, 0), ("unknown", 2, 0)):
        money.act(world, step)
    world.now += timedelta(days=5)
    world.reserve(world.wish(money.CHARGES[3], 4_000_000, cheap=False, simulated=True))
    world.reserve(world.wish(money.CHARGES[4], 4_000, cheap=True, simulated=True))
    return ledger_data.to_data(world.ledger)


def _work(attempt: int = 1, head: str = "b" * 40) -> Work:
    branch = "vapora/t1" if attempt == 1 else f"vapora/t1.{attempt}"
    return Work(
        branch=branch, base_branch="main", base="a" * 40, head=head, checks=ChecksVerdict.GREEN, attempt=attempt
    )


def swarm() -> Any:
    """Tasks in line, blocked, assigned, ended but not moved, in review, reviewed, done and not landed; agents with a
    past; a project that is paused."""
    log = work.Log(work.registered("developer", capacity=9), work.registered("tester", "unit-test", capacity=1))
    log.add(*(work.submitted(f"t{number}") for number in range(1, 6)), work.submitted("t6", "unit-test", priority=90))
    log.add(work.submitted("t7", blocked_by=("t5", "t6"), context={"depth": [1, None, {"a": True}]}))
    log.add(*work.done("t1", "t1.1"), work.assigned("t2", "t2.1"), work.assigned("t3", "t3.1"))
    log.add(work.succeeded("t3", "t3.1", simulated=True), work.assigned("t4", "t4.1"))
    ended = {"run_id": "t4.1", "task_id": "t4", "agent_id": "developer", "role": "developer", "summary": "ok"}
    log.add(RunSucceeded(task_type="code-generation", **ended))
    log.add(TaskSentToReview(task_id="t4", run_id="t4.1", reviewer=Review.HUMAN))
    log.add(work.registered("code-reviewer", "code-review", capacity=2), ProjectPaused(project_id="p9"))
    log.add(work.submitted("t8", review=Review.AGENT), work.assigned("t8", "t8.1"))
    log.add(work.succeeded("t8", "t8.1", work=_work()))
    log.add(TaskSentToReview(task_id="t8", run_id="t8.1", reviewer=Review.AGENT, work=_work()))
    log.add(work.review_assigned("t8", "t8.2", head=_work().head))
    log.add(work.submitted("t9"), work.assigned("t9", "t9.1"))
    log.add(work.succeeded("t9", "t9.1", work=_work()), TaskCompleted(task_id="t9", run_id="t9.1", work=_work()))
    return swarm_data.to_data(log.swarm)


def open_offers() -> Any:
    """Tasks to be done for the first time and again, assigned and over."""
    log = work.Log(*(work.submitted(f"t{number}") for number in range(1, 4)))
    log.add(work.submitted("t4", "unit-test", priority=90), TaskEdited(task_id="t3", priority=5))
    log.add(*work.done("t1", "t1.1"), work.assigned("t2", "t2.1"), work.assigned("t3", "t3.1"))
    log.add(TaskRecalled(task_id="t3", run_id="t3.1"))
    log.add(work.submitted("t5"), work.assigned("t5", "t5.1"))
    log.add(TaskCompleted(task_id="t5", run_id="t5.1", work=_work()))
    fold = OpenOffers("acme")
    for recorded in log.records:
        fold.evolve(recorded)
    return fold.data()


def open_landings() -> Any:
    """Accepted, landed, and of no branch; paused."""
    fold = Landings()
    accepted = [TaskApproved(task_id=f"t{number}", head="b" * 40) for number in range(3)]
    landed = TaskLanded(task_id="t1", run_id=None, head="b" * 40, branch="main", oid="c" * 40, strategy="squash")
    completed = TaskCompleted(task_id="t4", run_id="t4.1", work=_work())
    log = work.Log(*accepted, landed, completed, TaskApproved(task_id="t5"), WorkspacePaused())
    for recorded in log.records:
        fold.evolve(recorded)
    return fold.data()


def project() -> Any:
    check = Check(name="tests", command="make test")
    created = ProjectCreated(
        project_id="p", name="All of it", description="really", repo="/src/all", base_branch="main", checks=(check,)
    )
    edited = ProjectEdited(project_id="p", name="Most of it", setup=("make",), cleared=("base_branch",))
    accepted = ProjectFileAccepted(project_id="p", sha256="c" * 64, text=Content(text="setup = []", size=10))
    paused = ProjectPaused(project_id="p", reason="for now")
    return projects.fold([created, edited, accepted, paused, ProjectArchived(project_id="p")])


def task() -> Any:
    """Edited, waiting, assigned, rejected with a comment, commented; then a second attempt, approved and refused."""
    submitted = work.submitted("t1", blocked_by=("t0",), context={"depth": [1, None, {"a": True}]})
    waiting = TaskWaiting(task_id="t1", reason=WaitReason.DEPENDENCY, remedy="Wait for it.")
    edited = TaskEdited(task_id="t1", title="Another title", deadline=money.World().now)
    sent = TaskSentToReview(task_id="t1", run_id="t1.1", reviewer=Review.HUMAN, work=_work())
    line = LineComment(path="a.py", line=3, text="Why?")
    rejected = TaskRejected(task_id="t1", comment="Not yet.", comments=(line,), by_agent="code-reviewer")
    said = TaskCommented(task_id="t1", comment_id="c1", text="Mind the tests.")
    first = [submitted, waiting, edited, work.assigned("t1", "t1.1"), sent, rejected, said, waiting]
    fork = RunFork(run_id="t1.1", step=2)
    asked = AttemptRequested(task_id="t1", number=2, agent_id="developer", model="m", fork=fork)
    second = [asked, work.assigned("t1", "t1.2"), TaskCompleted(task_id="t1", run_id="t1.2", work=_work(2, "d" * 40))]
    refused = LandingRefused(task_id="t1", head="d" * 40, kind="merge-conflict", message="Both.", paths=("a.py",))
    paused = TaskPaused(task_id="t1", run_id=None)
    shot = Attachment(
        name="shot.png", content=Content(digest="e" * 64, size=9), media_type="image/png", width=8, height=6
    )
    files = [
        AttachmentAdded(task_id="t1", attachment=shot.model_copy(update={"name": "old.png"})),
        AttachmentAdded(task_id="t1", attachment=shot),
        AttachmentRemoved(task_id="t1", name="old.png"),
    ]
    labelled = TaskLabelled(task_id="t1", labels=("mobile",))
    return tasks.fold([*first, *second, refused, paused, said, *files, labelled])


def agent() -> Any:
    edited = AgentEdited(agent_id="tester", name="Anna", task_types=("unit-test",), capacity=3)
    disabled = AgentDisabled(agent_id="tester", reason="on leave")
    drained = AgentDrainStarted(agent_id="tester", limit_s=60)
    of = {one.TOPIC: one for one in EXAMPLES}
    suspended = of["agent.suspended"].model_copy(update={"agent_id": "tester"})
    return agents.fold([work.registered("tester", "unit-test", capacity=1), edited, disabled, drained, suspended])


def run() -> Any:
    """Set up, a step answered, its tool used, checks red; the next step failed, waiting, refused and lost, with a call
    that is open."""
    of = {one.TOPIC: one for one in EXAMPLES}
    refused = of["run.model-called"].model_copy(update={"finish": "refusal", "finish_detail": "policy"})
    begun = ("run.started", "run.setup-ran", "routing.provider-selected", "run.model-called", "run.tool-used")
    worked = ("run.question-asked", "run.checks-ran", "run.model-call-failed", "run.waiting")
    after = ("run.taken-over", "run.continued", "run.model-call-lost", "routing.provider-selected")
    return runs.fold([*(of[topic] for topic in (*begun, *worked)), refused, *(of[topic] for topic in after)])


FOLDS = {
    FOLDER / f"agent.v{agents.FOLD_VERSION}.json": agent,
    FOLDER / f"project.v{projects.FOLD_VERSION}.json": project,
    FOLDER / f"run.v{runs.FOLD_VERSION}.json": run,
    FOLDER / f"task.v{tasks.FOLD_VERSION}.json": task,
    FOLDER / f"landings.v{landings.FOLD_VERSION}.json": open_landings,
    FOLDER / f"offers.v{offers.FOLD_VERSION}.json": open_offers,
    FOLDER / f"ledger.v{ledger_data.FOLD_VERSION}.json": ledger,
    FOLDER / f"swarm.v{swarm_data.FOLD_VERSION}.json": swarm,
}


def shown(data: Any) -> Any:
    return TypeAdapter(type(data)).dump_python(data, mode="json")


def main() -> None:
    for path, tell in FOLDS.items():
        if not path.exists():
            path.write_text(json.dumps(shown(tell()), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            print(f"wrote {path.name}")


if __name__ == "__main__":
    main()
