"""What people say to an agent at work, and what it makes of it: answers, pauses, a card that is taken back, reviews."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path

from actors.runtime.base import Address
from events import DomainEvent
from events.ids import Provider, TaskState, WaitReason, run_stream, task_stream
from events.run import (
    ArtifactRecorded,
    ModelCalled,
    QuestionAsked,
    RunCancelled,
    RunContinued,
    RunFailed,
    RunStarted,
    RunSucceeded,
    RunWaiting,
    ToolUsed,
)
from events.task import (
    ReviewSubmitted,
    TaskApproved,
    TaskCommented,
    TaskPaused,
    TaskRejected,
    TaskResumed,
    TaskSentToReview,
)
from events.work import Check
from tests.actors.kit import passed
from tests.waiting import DEADLINE_S
from tests.work.site import Site, behaviour, call, is_review, scripted, turns_of
from vapora.commands import MoveTask
from vapora.testing.wire.script import Behaviour, Received

DONE = [call("finish", summary="Done.")]


async def say(site: Site, task: str, *events: DomainEvent) -> None:
    stream = task_stream(task)
    version = (await site.log.read(stream))[-1].version
    await site.log.append(site.origin(), (stream, version, events))


async def test_a_question_waits_on_the_card_and_its_answer_is_what_the_model_reads(tmp_path: Path) -> None:
    async with Site(tmp_path) as site:
        site.theirs.commit({"a.txt": "a\n"})
        asked = [call("ask", question="Which?", options=["one", "two"]), call("file_read", path="a.txt")]
        site.vendors.default(scripted([asked, DONE]))
        task = await site.task(await site.project())
        [question] = await site.seen(QuestionAsked)
        [waiting] = await site.seen(RunWaiting)
        assert waiting.reason is WaitReason.ANSWER
        assert "Which?\n- one\n- two" in question.question
        other = TaskCommented(task_id=task, comment_id="c1", text="Nice work.")
        answer = TaskCommented(task_id=task, comment_id="c2", text="The second.", answers=question.call_id)
        await say(site, task, other, answer)
        await site.seen(RunSucceeded)
        used = await site.told(ToolUsed)
        assert [(one.name, one.ok) for one in used] == [("ask", True), ("file_read", True), ("finish", True)]
        assert used[0].result.text == "The second."
        assert "The second." in json.dumps(site.vendors.requests[-1].body)
        run = [one.topic for one in await site.log.read(run_stream(question.run_id))]
        assert run[run.index("run.waiting") :][:3] == ["run.waiting", "run.continued", "run.tool-used"]


async def test_a_paused_run_records_the_answer_that_was_out_and_asks_no_more_until_it_is_resumed(
    tmp_path: Path,
) -> None:
    async with Site(tmp_path) as site:
        site.theirs.commit({"a.txt": "a\n"})
        site.vendors.default(scripted([[call("file_read", path="a.txt")], DONE]))
        gate = site.vendors.hold(Provider.ANTHROPIC)
        task = await site.task(await site.project())
        [started] = await site.seen(RunStarted)
        await asyncio.to_thread(gate.wait_for, 1)
        await say(site, task, TaskPaused(task_id=task, run_id=started.run_id))
        await _agent_paused(site, started.run_id)
        gate.release()
        [waiting] = await site.seen(RunWaiting)
        assert waiting.reason is WaitReason.PAUSED
        assert len(await site.told(ModelCalled)) == 1
        assert not await site.told(ToolUsed)
        await say(site, task, TaskResumed(task_id=task, run_id=started.run_id))
        await site.seen(RunSucceeded)
        assert len(await site.told(RunContinued)) == 1
        assert len(await site.told(ModelCalled)) == 2


async def _agent_paused(site: Site, run_id: str) -> None:
    """Until the agent knows."""
    agent = site.runtime.ref(Address("agent", "default", "developer"))
    async with asyncio.timeout(DEADLINE_S):
        while run_id not in (await agent.health())["paused"]:
            await asyncio.sleep(0.01)


async def test_taking_a_card_back_ends_the_command_that_runs(tmp_path: Path) -> None:
    async with Site(tmp_path) as site:
        site.theirs.commit({"a.txt": "a\n"})
        site.vendors.default(scripted([[call("run_command", command="touch begun; sleep 4242", timeout_s=600)]]))
        task = await site.task(await site.project())
        [started] = await site.seen(RunStarted)
        folder = site.settings.repositories_folder("default") / started.project_id / "worktrees" / task
        await passed((folder / "begun").exists)
        await site.dispatcher.dispatch(site.origin(), MoveTask(state=TaskState.TODO), task)
        await site.seen(RunCancelled)
        await passed(lambda: "sleep 4242" not in _processes())
        assert not await site.told(ToolUsed)


def _processes() -> str:
    return subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout


async def test_where_there_is_no_repository_the_run_fails_with_what_helps_and_no_blame(tmp_path: Path) -> None:
    async with Site(tmp_path) as site:
        await site.task(await site.project(repo=str(tmp_path / "nowhere")))
        [failed] = await site.seen(RunFailed)
        assert not failed.counts
        assert "There is no folder" in failed.reason
        assert not site.vendors.requests


async def test_another_agent_reviews_asks_for_changes_and_approves(tmp_path: Path) -> None:
    async with Site(tmp_path) as site:
        site.theirs.commit({"a.txt": "a\n"})

        def answer(received: Received) -> Behaviour:
            number, told = turns_of(received), json.dumps(received.body)
            if not is_review(received):
                word = "better" if "Write it better." in told else "first"
                return behaviour([[call("file_write", path="b.txt", content=f"{word}\n")], DONE][number], number)
            good = "+better" in told
            comment = {"path": "b.txt", "line": 1, "side": "new", "text": "Write it better."}
            verdict = {"verdict": "approve" if good else "request-changes", "summary": "Seen."}
            said = call("submit_review", **verdict, comments=[] if good else [comment])
            return behaviour([[call("file_read", path="b.txt")], [said]][number], number)

        site.vendors.default(answer)
        await site.task(await site.project(Check(name="there", command="test -f b.txt")), review="agent")
        [approved] = await site.seen(TaskApproved)
        works = [one.work for one in await site.told(RunSucceeded) if one.work is not None]
        assert (approved.head, approved.by_agent) == (works[-1].head, "code-reviewer")
        [rejected] = await site.told(TaskRejected)
        assert [one.text for one in rejected.comments] == ["Write it better."]
        assert [one.review.verdict for one in await site.told(ReviewSubmitted)] == ["request-changes", "approve"]
        started = await site.told(RunStarted)
        assert [one.purpose for one in started] == ["work", "review", "work", "review"]
        assert started[0].agent_id == started[2].agent_id == "developer"
        review = next(one.body for one in site.vendors.requests if is_review(one))
        assert "All green: there" in json.dumps(review)
        assert "+first" in json.dumps(review)
        assert not {"file_write", "file_edit", "run_command"} & {one["name"] for one in review["tools"]}


async def test_a_text_is_reviewed_without_a_repository(tmp_path: Path) -> None:
    async with Site(tmp_path) as site:
        review = [[call("submit_review", verdict="approve", summary="Reads well.")]]
        site.vendors.default(scripted(["A fine text."], review))
        await site.task(await site.project(repo=None), review="agent")
        await site.seen(TaskApproved)
        asked = next(one.body for one in site.vendors.requests if is_review(one))
        assert "A fine text." in json.dumps(asked)
        assert [one.name for one in await site.told(ArtifactRecorded)][-1] == "review.md"


async def test_a_reviewer_without_a_verdict_is_reminded_and_then_a_person_is_asked(tmp_path: Path) -> None:
    async with Site(tmp_path) as site:
        site.vendors.default(scripted(["A fine text."], ["Looks fine.", "Really."]))
        await site.task(await site.project(repo=None), review="agent")
        [failed] = await site.seen(RunFailed)
        assert not failed.counts
        assert "You have not handed in your verdict" in json.dumps(site.vendors.requests[-1].body)
        told = await site.seen(TaskSentToReview, count=2)
        assert told[-1].reviewer == "human"


async def test_a_model_that_goes_round_in_circles_waits_for_a_person_who_lets_it_go_on(tmp_path: Path) -> None:
    async with Site(tmp_path) as site:
        site.theirs.commit({"a.txt": "a\n"})
        same = [call("file_read", path="a.txt")]
        site.vendors.default(scripted([*[same] * 6, DONE]))
        task = await site.task(await site.project())
        [waiting] = await site.seen(RunWaiting)
        assert waiting.reason is WaitReason.RUNAWAY
        assert "You made the same call 5 times" in json.dumps(site.vendors.requests[-1].body)
        await say(site, task, TaskResumed(task_id=task, run_id=waiting.run_id))
        await site.seen(RunSucceeded)
