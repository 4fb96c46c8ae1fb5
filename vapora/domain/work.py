"""What a run does next. The rule alone: whoever carries it out records what came of it, and asks again.

The state is what the log says happened, so a run that was taken up after a crash gets the same answer as one that was
never interrupted. A run of fixed steps is asked for one answer after the other (`next_step`). One that works with tools
goes on until it says that it is done.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from events.content import Content
from events.ids import ChecksVerdict, WaitReason
from events.run import ModelCalled, QuestionAsked, RunStarted, ToolRequested, ToolUsed
from events.run import Verdict as Review
from events.work import LineComment, RunLimits, Work, Workplace
from vapora.domain.next_step import Ask, Fail, Finish, ask, next_step
from vapora.domain.run import MOST_REPEATS, Checked, Run
from vapora.domain.tool_names import named

MOST_CHECK_ROUNDS = 3
ASK = "ask"
FINISH = "finish"
SUBMIT_REVIEW = "submit_review"


@dataclass(frozen=True, slots=True)
class UseTool:
    """A tool call of the newest answer that has no result yet. `call`: its place among that answer's calls. `request`
    has the tool's own name, not the one that the model was shown."""

    step: int
    call: int
    call_id: str
    request: ToolRequested


@dataclass(frozen=True, slots=True)
class SetUp:
    """Run the project's setup in the worktree."""


@dataclass(frozen=True, slots=True)
class RunChecks:
    head: str
    round: int


@dataclass(frozen=True, slots=True)
class AwaitAnswer:
    """Until a person has answered."""

    question: QuestionAsked


@dataclass(frozen=True, slots=True)
class Wait:
    """Until somebody lets the run go on."""

    reason: WaitReason
    remedy: str


@dataclass(frozen=True, slots=True)
class Continue:
    """What it waited for is over."""


Action = Ask | UseTool | SetUp | RunChecks | AwaitAnswer | Wait | Continue | Finish | Fail


def works_with_tools(begun: RunStarted) -> bool:
    """A reviewer hands in its verdict by a tool, also where there is no repository."""
    return begun.workplace is not None or begun.purpose == "review"


def offered_tools(run: Run) -> tuple[str, ...]:
    """By their names. A reviewer without a repository has only its verdict to hand in; code of an agent without one,
    which is the only other that has tools there, may ask a person."""
    begun = run.started
    served = () if run.offered is None else tuple(one.name for one in run.offered.tools)
    if begun is not None and begun.workplace is not None:
        return (*begun.workplace.tools, *served)
    return (ASK, *served) if begun is not None and begun.purpose == "work" else (SUBMIT_REVIEW,)


def next_action(run: Run, *, paused: bool = False) -> Action:
    """For a run that has started, has not ended, and has no call of a model under way. `paused`: by a person."""
    begun = _begun(run)
    first = before_work(run, paused=paused)
    if first is not None:
        return first
    return _after_answer(run, begun) if works_with_tools(begun) else next_step(run)


def before_work(run: Run, *, paused: bool) -> Action | None:
    """What goes before any step of it; None where nothing does."""
    begun = _begun(run)
    if paused:
        return Wait(WaitReason.PAUSED, "It goes on when a person resumes it.")
    if run.waiting is WaitReason.PAUSED:
        return Continue()
    if begun.workplace is not None and begun.purpose == "work":
        if run.setup is None:
            return SetUp()
        if not run.setup.ok:
            return Fail(_setup_failed(run), counts=False)
    return AwaitAnswer(run.question) if run.question is not None else None


def _begun(run: Run) -> RunStarted:
    if run.started is None:
        raise ValueError("the run has not started")
    return run.started


def _after_answer(run: Run, begun: RunStarted) -> Action:
    if not run.answers:
        return _go_on(run, begun)
    last, used = run.answers[-1], results_of(run, run.answers[-1])
    if len(used) < len(last.tool_calls):
        return use_of(run, last, len(used))
    if begun.purpose == "review":
        return _after_review(run, begun, used)
    done = handed_over(used, FINISH)
    if done is None and last.tool_calls:
        return _go_on(run, begun)
    return _after_finish(run, begun, last.answer if done is None else str(done.data["summary"]))


def use_of(run: Run, answer: ModelCalled, call: int) -> UseTool:
    """The call number `call` of an answer, from 0."""
    asked = answer.tool_calls[call]
    name = named(asked.name, offered_tools(run))
    return UseTool(answer.step, call, answer.call_id, asked.model_copy(update={"name": name}))


def results_of(run: Run, answer: ModelCalled) -> tuple[ToolUsed, ...]:
    """The results of the answer's tool calls, as far as they are there: one for each, in their order."""
    return tuple(one for one in run.used if one.step == answer.step)


def handed_over(used: tuple[ToolUsed, ...], name: str) -> ToolUsed | None:
    """The last good call of the tool `name`."""
    return next((one for one in reversed(used) if one.name == name and one.ok), None)


def reminders(run: Run) -> int:
    """How often a reviewer answered without a verdict and without a tool call."""
    return sum(not one.tool_calls for one in run.answers)


def _after_review(run: Run, begun: RunStarted, used: tuple[ToolUsed, ...]) -> Action:
    submitted = handed_over(used, SUBMIT_REVIEW)
    if submitted is not None:
        verdict = verdict_of(submitted.data, begun.workplace.head if begun.workplace else "")
        return Finish(verdict.comment, review=verdict)
    if reminders(run) > 1:
        return Fail("The reviewer gave no verdict, also after a reminder.", counts=False)
    return _go_on(run, begun)


def verdict_of(data: dict[str, Any], head: str) -> Review:
    comments = tuple(LineComment(**one) for one in data.get("comments", ()))
    return Review(verdict=data["verdict"], head=head, comment=data["summary"], comments=comments)


def _after_finish(run: Run, begun: RunStarted, text: Any) -> Action:
    assert begun.workplace is not None
    checked = run.checked[-1] if run.checked and run.checked[-1].answers == len(run.answers) else None
    done = hand_in(run, begun.workplace, checked, text)
    if isinstance(done, Finish) and done.work is not None and done.work.checks is ChecksVerdict.RED:
        return _go_on(run, begun) if len(run.checked) < MOST_CHECK_ROUNDS else done
    return done


def hand_in(run: Run, place: Workplace, checked: Checked | None, text: Content | str) -> RunChecks | Finish:
    """The work that stands on its branch, once its checks ran: `checked`, None where they did not."""
    head = run.head or place.head
    if checked is None and (place.checks or place.conflicts):
        return RunChecks(head, len(run.checked) + 1)
    work = Work(
        branch=place.branch,
        base_branch=place.base_branch,
        base=place.base,
        head=head,
        checks=ChecksVerdict.UNCHECKED if checked is None else checked.ran.verdict,
        attempt=place.attempt,
    )
    return Finish(text, work=work)


def _go_on(run: Run, begun: RunStarted) -> Action:
    """Have the model answered with the conversation so far, unless there is a reason not to."""
    reached = exhausted(run, begun.workplace.limits if begun.workplace else RunLimits())
    if reached:
        return Fail(reached, counts=True)
    if run.repeats > MOST_REPEATS and run.warned and run.warned[-1] < len(run.answers):
        return Wait(
            WaitReason.RUNAWAY,
            f"It called {run.used[-1].name} {run.repeats} times in a row with the same result, also after a warning. "
            "Resume it to let it go on, or take the card back.",
        )
    return ask(run)


def exhausted(run: Run, limits: RunLimits) -> str:
    """Which limit is reached; empty where none is."""
    if len(run.answers) >= limits.steps:
        return f"It used all of its {limits.steps} steps."
    if limits.cost_microusd is not None and run.cost_microusd >= limits.cost_microusd:
        return f"It used all of its {limits.cost_microusd / 1_000_000:.2f} dollars."
    if limits.duration_s is not None and run.busy_ms >= limits.duration_s * 1_000:
        return f"It used all of its {limits.duration_s} s of work."
    return ""


def _setup_failed(run: Run) -> str:
    failed = next((one for one in run.setup.results if one.exit_code != 0), None) if run.setup else None
    if failed is None:
        return "The project's setup failed."
    how = f"was ended ({failed.ended})" if failed.exit_code is None else f"gave exit code {failed.exit_code}"
    said = (failed.output.text or "").strip()[-1_000:]
    return f"The project's setup failed: `{failed.command}` {how}. {said}".strip()
