"""What a run with tools does next. The rule alone: whoever carries it out records each outcome, and asks again.

Not used by runs yet. The state is what the log says happened, so that a run that was taken up after a crash gets the
same answer as one that was never interrupted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Effect = Literal["pure", "worktree", "outside", "asks", "ends"]
Review = Literal["none", "agent", "human"]
Verdict = Literal["approve", "request-changes"]
Checks = Literal["green", "red", "unchecked"]


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call of the model's last answer that has no result yet. `begun`: it was sent to the tool once, and what
    came of it is not known."""

    id: str
    name: str
    effect: Effect
    begun: bool = False


@dataclass(frozen=True, slots=True)
class Work:
    """What is recorded of a run.

    `finished`: the agent says that the work is done, and nothing has sent it back since. `checks` and `verdict` are of
    the branch's head as it is now, None where there are none; the rounds count how often each has sent it back.
    """

    steps: int = 0
    cost_microusd: int = 0
    duration_s: float = 0
    calls: tuple[Call, ...] = ()
    question: str | None = None
    paused: bool = False
    finished: bool = False
    checks: Checks | None = None
    check_rounds: int = 0
    verdict: Verdict | None = None
    review_rounds: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """What holds for the whole run. Without a repository there is nothing to check."""

    has_repository: bool
    review: Review
    most_steps: int = 100
    most_cost_microusd: int | None = None
    most_duration_s: float | None = None
    most_check_rounds: int = 3
    most_review_rounds: int = 3


@dataclass(frozen=True, slots=True)
class AskModel:
    """With the conversation so far. `after`: what it has to answer besides."""

    after: Literal["step", "red-checks", "requested-changes"] = "step"


@dataclass(frozen=True, slots=True)
class UseTool:
    call: Call


@dataclass(frozen=True, slots=True)
class RunChecks:
    pass


@dataclass(frozen=True, slots=True)
class AskForReview:
    by: Literal["agent", "human"]


@dataclass(frozen=True, slots=True)
class Wait:
    """Until a person acts. `approval`: a call whose outcome is not known, and that cannot be taken back."""

    reason: Literal["paused", "answer", "approval", "human"]


@dataclass(frozen=True, slots=True)
class End:
    succeeded: bool
    reason: str = ""


Action = AskModel | UseTool | RunChecks | AskForReview | Wait | End


def next_action(work: Work, plan: Plan) -> Action:
    """One action; none of them is ever right while another is still to be recorded."""
    if work.paused:
        return Wait("paused")
    if work.question is not None:
        return Wait("answer")
    if work.calls:
        return _use(work.calls[0])
    if work.finished:
        return _after_finish(work, plan)
    exhausted = _exhausted(work, plan)
    return End(False, exhausted) if exhausted else AskModel()


def _use(call: Call) -> Action:
    """A call whose effect is set back with the worktree may be done again; one that reaches outside may not."""
    return Wait("approval") if call.begun and call.effect == "outside" else UseTool(call)


def _after_finish(work: Work, plan: Plan) -> Action:
    if plan.has_repository and work.checks is None:
        return RunChecks()
    if work.checks == "red":
        # A red result that stays red is for a person to judge, not the agent's to argue about.
        return _again(work, plan, "red-checks") if work.check_rounds < plan.most_check_rounds else AskForReview("human")
    if plan.review == "none" or work.verdict == "approve":
        return End(True)
    if work.verdict == "request-changes":
        return (
            _again(work, plan, "requested-changes") if work.review_rounds < plan.most_review_rounds else Wait("human")
        )
    return AskForReview(plan.review)


def _again(work: Work, plan: Plan, after: Literal["red-checks", "requested-changes"]) -> Action:
    exhausted = _exhausted(work, plan)
    return End(False, exhausted) if exhausted else AskModel(after)


def _exhausted(work: Work, plan: Plan) -> str:
    """Which limit is reached; empty where none is."""
    if work.steps >= plan.most_steps:
        return f"It used all of its {plan.most_steps} steps."
    if plan.most_cost_microusd is not None and work.cost_microusd >= plan.most_cost_microusd:
        return f"It used all of its {plan.most_cost_microusd / 1_000_000:.2f} dollars."
    if plan.most_duration_s is not None and work.duration_s >= plan.most_duration_s:
        return f"It used all of its {plan.most_duration_s:.0f} s."
    return ""
