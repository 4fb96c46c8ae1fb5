"""Steps, comments, attempts and what work in a repository changes on a card: folds of what the log says."""

from __future__ import annotations

from typing import Any

from events import budget, project, run, task, workspace
from events.content import Content
from events.ids import ChecksVerdict, Provider, Review, Scope, WaitReason
from events.money import MicroUsd
from events.run import ToolRequested, Verdict
from events.work import CommandResult, LineComment, Work, Workplace
from projections.attempts import Attempts, attempts
from projections.audit import Audit, entries
from projections.board import Board, board, card
from projections.comments import Comments, comments
from projections.decisions import Decisions, why
from projections.projects import Projects, project_of
from projections.runs import Runs, brief, run_of
from projections.steps import Steps, size_of, steps
from tests.projections.story import Story
from vapora.cli.follow_steps import line
from vapora.views import AuditFilter, Step, Stored

BASE, HEAD = "a" * 40, "b" * 40
LARGE = Content(digest="d" * 64, size=20_000)


def text(said: str) -> Content:
    return Content(text=said, size=len(said))


def result(name: str, exit_code: int = 0, output: Content | None = None) -> CommandResult:
    return CommandResult(
        name=name, command=f"make {name}", exit_code=exit_code, duration_ms=40, output=output or text("ok")
    )


def work(attempt: int = 1, checks: ChecksVerdict = ChecksVerdict.GREEN, head: str = HEAD) -> Work:
    branch = "vapora/t-1" if attempt == 1 else f"vapora/t-1.{attempt}"
    return Work(branch=branch, base_branch="main", base=BASE, head=head, checks=checks, attempt=attempt)


class Tale(Story):
    """Runs that work in a repository."""

    def begin(
        self, run_id: str = "t-1.1", attempt: int = 1, purpose: str = "work", sandbox: str = "bubblewrap"
    ) -> Tale:
        branch = "vapora/t-1" if attempt == 1 else f"vapora/t-1.{attempt}"
        place = Workplace(
            branch=branch,
            base_branch="main",
            base=BASE,
            head=BASE,
            attempt=attempt,
            tools=("file_edit", "run_command"),
            sandbox="bubblewrap",
        )
        facts: dict[str, Any] = {"run_id": run_id, "task_id": "t-1", "agent_id": "developer", "role": "developer"}
        facts |= {"task_type": "code-generation", "simulated": False}
        self._runs[run_id] = facts
        started = run.RunStarted(
            project_id="p-1", steps=(), workplace=place, brief=LARGE, system=text("You are…"), **facts
        )
        self.tell(started)
        return self

    def think(self, step: int, *tools: str, said: str = "I will look.", run_id: str = "t-1.1") -> Tale:
        asked = tuple(
            ToolRequested(id=str(n), name=name, arguments={"command": "pytest -q"}) for n, name in enumerate(tools)
        )
        called = run.ModelCalled(
            run_id=run_id,
            task_id="t-1",
            call_id=f"{run_id}/{step}",
            step=step,
            provider=Provider.ANTHROPIC,
            model="claude",
            answer=text(said),
            tool_calls=asked,
            finish="tool" if tools else "stop",
            tokens=run.Tokens(input=10, output=5),
            cost_microusd=MicroUsd(60),
            latency_ms=500,
        )
        self.tell(called)
        return self

    def use(self, step: int, call: int = 0, ok: bool = True, output: Content | None = None, **served: Any) -> Tale:
        used = run.ToolUsed.model_validate(
            {
                "run_id": "t-1.1",
                "task_id": "t-1",
                "step": step,
                "call": call,
                "call_id": f"t-1.1/{step}",
                "name": "run_command",
                "arguments": text('{"command": "pytest -q"}'),
                "effect": "worktree",
                "ok": ok,
                "result": output or text("2 passed"),
                "exit_code": 0 if ok else 1,
                "duration_ms": 1_500,
                "commit": HEAD,
                "sandbox": "bubblewrap",
                **served,
            }
        )
        self.tell(used)
        return self


def told() -> Tale:
    tale = Tale()
    tale.submit("t-1", review=Review.HUMAN)
    return tale.begin()


def test_a_setup_that_was_used_again_is_one_step_with_the_time_that_it_took() -> None:
    tale = told()
    kept = result("kept product").model_copy(update={"command": "", "duration_ms": 70})
    tale.tell(run.SetupRan(run_id="t-1.1", task_id="t-1", results=(kept,), reused=True, ok=True))
    [found] = steps(tale.rows(Steps()), "t-1.1").items
    assert (found.kind, found.state, found.duration_ms) == ("setup", "done", 70)
    assert found.line == "what setup made earlier is used again"


def test_steps_stand_in_order_with_what_is_under_way() -> None:
    tale = told()
    tale.tell(run.SetupRan(run_id="t-1.1", task_id="t-1", results=(result("setup-1"),), ok=True))
    tale.reserve("t-1.1/0")
    tale.think(0, "run_command", "run_command")
    found = steps(tale.rows(Steps()), "t-1.1").items
    assert [(one.kind, one.state, one.name) for one in found] == [
        ("setup", "done", "setup-1"),
        ("model", "done", "anthropic/claude"),
        ("tool", "running", "run_command"),
        ("tool", "running", "run_command"),
    ]
    assert found[2].line == "run_command: pytest -q"
    tale.use(0).use(0, 1, ok=False)
    found = steps(tale.rows(Steps()), "t-1.1").items
    assert [(one.state, one.exit_code, one.commit, one.result) for one in found[2:]] == [
        ("done", 0, HEAD, "2 passed"),
        ("failed", 1, HEAD, "2 passed"),
    ]
    assert found[2].arguments == {"command": "pytest -q"}
    assert (found[2].duration_ms, found[1].cost_microusd, found[1].tokens_in) == (1_500, 60, 10)
    assert [one.step for one in found] == [-1, 0, 0, 0]


def test_a_call_of_a_servers_tool_stands_with_its_server_time_and_cost() -> None:
    tale = told()
    tale.reserve("t-1.1/0")
    tale.think(0, "odd.echo", "run_command")
    data = {"server": "odd", "outward": False, "reads_outside": False, "cost_microusd": 250}
    tale.use(0, name="odd.echo", data=data).use(0, 1)
    [_, served, own] = steps(tale.rows(Steps()), "t-1.1").items
    assert (served.name, served.server, served.duration_ms, served.cost_microusd) == ("odd.echo", "odd", 1_500, 250)
    assert (own.server, own.cost_microusd) == (None, 0)
    assert str(line(served)).endswith("(by the server odd, 1.5 s, $0.0003)")


def test_an_answer_stands_where_it_came_and_not_where_its_money_was_held() -> None:
    tale = told()
    tale.reserve("t-1.1/0")
    tale.think(0, "finish").reserve("t-1.1/1")
    checks = {"run_id": "t-1.1", "task_id": "t-1", "head": HEAD, "round": 1, "sandbox": "bubblewrap"}
    tale.tell(run.ChecksRan(verdict=ChecksVerdict.RED, results=(result("test", 1),), **checks))
    tale.think(1)
    kinds = [(one.kind, one.step, one.state) for one in steps(tale.rows(Steps()), "t-1.1").items]
    assert kinds == [("model", 0, "done"), ("tool", 0, "running"), ("check", 0, "failed"), ("model", 1, "done")]


def test_what_a_run_never_did_is_not_among_its_steps_when_it_has_ended() -> None:
    tale = told()
    tale.reserve("t-1.1/0")
    tale.think(0, "run_command").reserve("t-1.1/1")
    tale.cancel("t-1.1")
    found = steps(tale.rows(Steps()), "t-1.1").items
    assert [(one.kind, one.state) for one in found] == [("model", "done"), ("tool", "cancelled")]


def test_a_failed_call_of_a_model_is_a_step_with_its_error() -> None:
    tale = told().reserve("t-1.1/0")
    failed = {"call_id": "t-1.1/0", "step": 0, "attempt": 1, "provider": Provider.ANTHROPIC, "model": "claude"}
    failure = {"error": "overloaded", "message": "Try later.", "retryable": True, "booked": False}
    tale.tell(run.ModelCallFailed(run_id="t-1.1", task_id="t-1", **failed, **failure))
    [found] = steps(tale.rows(Steps()), "t-1.1").items
    assert (found.state, found.error) == ("failed", "overloaded: Try later.")


def test_large_texts_are_named_by_their_digest_and_only_those_of_the_run() -> None:
    tale = told().think(0, "run_command").use(0, output=LARGE)
    rows = tale.rows(Steps())
    found = steps(rows, "t-1.1").items
    assert found[1].result == Stored(sha256="d" * 64, bytes=20_000)
    assert size_of(rows, "t-1.1", "d" * 64) == 20_000
    assert size_of(rows, "t-1.1", "e" * 64) is None
    assert size_of(rows, "t-9.1", "d" * 64) is None


def test_steps_are_read_in_pages() -> None:
    tale = told()
    for step in range(5):
        tale.think(step, "run_command").use(step)
    rows = tale.rows(Steps())
    seen: tuple[Step, ...] = ()
    cursor: str | None = None
    while True:
        page = steps(rows, "t-1.1", cursor, 3)
        seen += page.items
        if (cursor := page.next) is None:
            break
    assert seen == steps(rows, "t-1.1").items
    assert len({one.id for one in seen}) == len(seen) == 10


def test_a_run_in_a_repository_is_recorded_with_its_place_tools_and_verdicts() -> None:
    tale = told().think(0, "run_command").use(0)
    facts = tale._runs["t-1.1"]
    tale.tell(run.RunSucceeded(summary="done", work=work(), **facts))
    rows = tale.rows(Runs())
    found = run_of(rows, "t-1.1")
    assert found is not None
    assert (found.branch, found.base, found.head, found.checks) == ("vapora/t-1", BASE, HEAD, ChecksVerdict.GREEN)
    assert (found.tools_used, found.sandbox, found.attempt, found.purpose) == (1, "bubblewrap", 1, "work")
    assert found.limits is not None and found.limits.steps == 100
    assert brief(rows, "t-1.1").brief == Stored(sha256="d" * 64, bytes=20_000)


def test_a_card_shows_what_its_run_does_and_what_came_of_it() -> None:
    tale = told().think(0, "run_command")
    at_work = card(tale.rows(Board()), "t-1")
    assert at_work is not None
    assert (at_work.doing, at_work.sandbox, at_work.head) == ("run_command: pytest -q", "bubblewrap", None)
    tale.use(0).succeed("t-1.1")
    tale.tell(task.TaskSentToReview(task_id="t-1", run_id="t-1.1", reviewer=Review.HUMAN, work=work()))
    seen = card(tale.rows(Board()), "t-1")
    assert seen is not None
    assert (seen.branch, seen.base, seen.head, seen.checks) == ("vapora/t-1", BASE, HEAD, ChecksVerdict.GREEN)
    assert (seen.doing, seen.sandbox, seen.reviewer, seen.approved_head) == (None, None, Review.HUMAN, None)
    tale.tell(task.TaskApproved(task_id="t-1", run_id="t-1.1", head=HEAD))
    landed = {"task_id": "t-1", "run_id": "t-1.1", "head": HEAD, "branch": "main", "oid": "c" * 40}
    refused = task.LandingRefused(task_id="t-1", head=HEAD, kind="target-dirty", message="In the way.", paths=("a",))
    troubled = card(tale.tell(refused).rows(Board()), "t-1")
    assert troubled is not None and troubled.landing_problem is not None
    assert (troubled.landing_problem.kind, troubled.landing_problem.paths) == ("target-dirty", ("a",))
    done = card(tale.tell(task.TaskLanded(strategy="squash", **landed)).rows(Board()), "t-1")
    assert done is not None and done.landed is not None
    assert (done.approved_head, done.landed.oid, done.landing_problem) == (HEAD, "c" * 40, None)


def test_red_checks_are_what_a_card_in_review_waits_for() -> None:
    tale = told()
    red = work(checks=ChecksVerdict.RED)
    tale.tell(
        task.TaskSentToReview(task_id="t-1", run_id="t-1.1", reviewer=Review.HUMAN, work=red, reason="Stays red.")
    )
    seen = card(tale.rows(Board()), "t-1")
    assert seen is not None and seen.waiting is not None
    assert seen.waiting.reason is WaitReason.CHECKS
    assert seen.waiting.remedy.startswith("Stays red. ")


def test_a_card_waits_for_a_blocker_until_that_has_landed_or_changed_nothing() -> None:
    tale = told()
    tale.submit("t-2", blocked_by=("t-1",))
    tale.tell(task.TaskCompleted(task_id="t-1", run_id="t-1.1", work=work()))
    behind = card(tale.rows(Board()), "t-2")
    assert behind is not None and behind.waiting is not None
    assert behind.waiting.remedy == "t-1 was approved and not merged yet: merge it."
    landed = {"task_id": "t-1", "run_id": "t-1.1", "head": HEAD, "branch": "main", "oid": "c" * 40}
    free = card(tale.tell(task.TaskLanded(strategy="squash", **landed)).rows(Board()), "t-2")
    assert free is not None and free.waiting is None
    other = told()
    other.submit("t-2", blocked_by=("t-1",))
    other.tell(task.TaskCompleted(task_id="t-1", run_id="t-1.1", work=work(head=BASE)))
    nothing = card(other.rows(Board()), "t-2")
    assert nothing is not None and nothing.waiting is None


def test_pauses_of_project_and_workspace_stand_on_the_board_and_on_cards_that_are_to_be_done() -> None:
    tale = Tale()
    tale.submit("t-1").submit("t-2", project_id="p-2")
    tale.tell(project.ProjectCreated(project_id="p-1", name="One"))
    tale.tell(project.ProjectPaused(project_id="p-1", reason="Not now."))
    rows = tale.rows(Board(), Projects())
    first, second = card(rows, "t-1"), card(rows, "t-2")
    assert first is not None and first.waiting is not None and second is not None
    assert (first.waiting.reason, second.waiting) == (WaitReason.PAUSED, None)
    assert [(one.scope, one.id) for one in board(rows, None, 1).paused] == [("project", "p-1")]
    assert board(rows, "p-2", 1).paused == ()
    found = project_of(rows, "p-1")
    assert found is not None and found.paused is not None and found.paused.reason == "Not now."
    tale.tell(workspace.WorkspacePaused(), project.ProjectResumed(project_id="p-1"))
    rows = tale.rows(Board(), Projects())
    second = card(rows, "t-2")
    assert second is not None and second.waiting is not None
    assert "workspace is paused" in second.waiting.remedy
    assert [one.scope for one in board(rows, "p-2", 1).paused] == ["workspace"]
    rows = tale.tell(workspace.WorkspaceResumed()).rows(Board())
    freed = card(rows, "t-1")
    assert freed is not None and freed.waiting is None
    assert board(rows, None, 1).paused == ()


def test_a_limit_of_its_own_stands_on_the_card() -> None:
    tale = told()
    tale.tell(budget.BudgetSet(scope=Scope.TASK, scope_id="t-1", lifetime_limit_microusd=MicroUsd(500)))
    tale.tell(budget.BudgetSet(scope=Scope.PROJECT, scope_id="p-1", monthly_limit_microusd=MicroUsd(7)))
    seen = card(tale.rows(Board()), "t-1")
    assert seen is not None and seen.limit_microusd == 500


def test_comments_questions_and_reviews_are_told_in_order_and_counted_on_the_card() -> None:
    tale = told().think(0, "ask")
    asked = {"run_id": "t-1.1", "task_id": "t-1", "agent_id": "developer", "step": 0, "call": 0}
    tale.tell(run.QuestionAsked(call_id="t-1.1/0", question="Which?", **asked))
    rows = tale.rows(Comments(), Board())
    [question] = comments(rows, "t-1").items
    assert (question.kind, question.open, question.agent_id) == ("question", True, "developer")
    seen = card(rows, "t-1")
    assert seen is not None and seen.question is not None
    assert (seen.question.call_id, seen.unread, seen.comments) == ("t-1.1/0", 1, 1)
    tale.tell(task.TaskCommented(task_id="t-1", comment_id="c-1", text="That.", answers="t-1.1/0"))
    line = LineComment(path="a.py", line=3, text="Here.")
    verdict = Verdict(verdict="request-changes", head=HEAD, comment="Not so.", comments=(line,))
    tale.tell(task.ReviewSubmitted(task_id="t-1", run_id="t-1.2", agent_id="code-reviewer", review=verdict))
    by_agent = {"by_agent": "code-reviewer", "head": HEAD}
    tale.tell(task.TaskRejected(task_id="t-1", run_id="t-1.1", comment="Not so.", comments=(line,), **by_agent))
    tale.tell(task.TaskCommented(task_id="t-1", comment_id="c-2", text="And here.", path="a.py", line=3))
    rows = tale.rows(Comments(), Board())
    found = comments(rows, "t-1").items
    assert [(one.kind, one.thread, one.open) for one in found] == [
        ("question", "question:t-1.1/0", False),
        ("answer", "question:t-1.1/0", False),
        ("changes-requested", "card", False),
        ("comment", "a.py:3:new", False),
        ("comment", "a.py:3:new", False),
    ]
    seen = card(rows, "t-1")
    assert seen is not None
    assert (seen.comments, seen.unread, seen.question) == (5, 0, None)
    first = comments(rows, "t-1", None, 3)
    assert [one.kind for one in first.items] == ["question", "answer"]
    rest = comments(rows, "t-1", first.next, 3)
    assert (first.items + rest.items, rest.next) == (found, None)


def test_a_question_of_a_run_that_ended_is_open_no_more() -> None:
    tale = told().think(0, "ask")
    asked = {"run_id": "t-1.1", "task_id": "t-1", "agent_id": "developer", "step": 0, "call": 0}
    tale.tell(run.QuestionAsked(call_id="t-1.1/0", question="Which?", **asked))
    tale.cancel("t-1.1")
    rows = tale.rows(Comments(), Board())
    assert [one.open for one in comments(rows, "t-1").items] == [False]
    seen = card(rows, "t-1")
    assert seen is not None and seen.question is None


def test_attempts_are_told_with_what_each_left_and_which_is_the_cards() -> None:
    tale = told().think(0)
    tale.tell(run.RunSucceeded(summary="one way", work=work(), **tale._runs["t-1.1"]))
    tale.tell(task.TaskSentToReview(task_id="t-1", run_id="t-1.1", reviewer=Review.HUMAN, work=work()))
    tale.tell(task.AttemptRequested(task_id="t-1", number=2, agent_id="tester", model="openai/gpt"))
    rows = tale.rows(Attempts(), Board())
    first, second = attempts(rows, "t-1")
    assert (first.number, first.state, first.picked, first.head, first.cost_microusd) == (
        1,
        "succeeded",
        True,
        HEAD,
        60,
    )
    assert (second.state, second.agent_id, second.model, second.picked) == ("requested", "tester", "openai/gpt", False)
    seen = card(rows, "t-1")
    assert seen is not None
    assert (seen.state.value, seen.attempt, seen.attempts, seen.head) == ("todo", 2, 2, None)
    tale.begin("t-1.2", attempt=2).think(0, run_id="t-1.2")
    tale.tell(run.RunSucceeded(summary="another", work=work(2, head="c" * 40), **tale._runs["t-1.2"]))
    tale.tell(task.AttemptPicked(task_id="t-1", number=2, work=work(2, head="c" * 40)))
    rows = tale.rows(Attempts(), Board())
    assert [(one.picked, one.branch) for one in attempts(rows, "t-1")] == [
        (False, "vapora/t-1"),
        (True, "vapora/t-1.2"),
    ]
    seen = card(rows, "t-1")
    assert seen is not None
    assert (seen.state.value, seen.head, seen.reviewer) == ("review", "c" * 40, Review.HUMAN)


def test_why_names_the_reviewer_and_the_audit_trail_a_forced_merge() -> None:
    tale = told()
    assigned = {"run_id": "t-1.2", "agent_id": "code-reviewer", "role": "code-reviewer", "head": HEAD}
    chosen = {"candidates": (), "reason": "the only one", "policy": "rank", "propensity": 1.0}
    tale.tell(task.ReviewAssigned(task_id="t-1", **assigned, **chosen))
    landed = {"task_id": "t-1", "run_id": "t-1.1", "head": HEAD, "branch": "main", "oid": "c" * 40}
    tale.tell(task.TaskLanded(strategy="merge", forced=True, **landed))
    rows = tale.rows(Decisions(), Audit())
    [reviewer] = [one for one in why(rows, "t-1").decisions if one.kind == "reviewer"]
    assert (reviewer.chosen, reviewer.reason) == ("code-reviewer", "the only one")
    [forced] = entries(rows, AuditFilter(action="override"))
    assert forced.details.startswith("forced: ")
