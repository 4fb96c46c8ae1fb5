"""What a run of fixed steps does next, and how a step of any run is had answered.

From what is recorded of it: the same before and after a crash.

An answer without usable text does not end its step. A step that was refused is taken to one other model, one whose
answer was cut off is asked once more with more room, one whose answer was empty once more. The second time the run
fails, with the vendor's own word for it. It also fails when three calls for one step may have been billed for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from events.content import Content
from events.ids import Provider
from events.run import ModelCalled
from events.run import Verdict as Review
from events.work import Work
from vapora.domain.answer import Verdict, has_text, judge
from vapora.domain.run import Run

MOST_MAYBE_BILLED = 3
# Models that think spend some thousand tokens on it before their first word, whatever a step's own limit is.
_MORE_ROOM = 4
_LEAST_ROOM = 4_096
_LONGEST_WORDS = 300


@dataclass(frozen=True, slots=True)
class Ask:
    """Have the step answered. `more_room`: the last answer was cut off. `refused_by`: models that are not to be asked,
    with the reason. `maybe_billed_left`: how many more calls may be lost to a bill that nobody knows."""

    more_room: bool
    refused_by: tuple[tuple[Provider, str, str], ...]
    maybe_billed_left: int

    def room(self, limit: int) -> int:
        """How many output tokens to ask for, where the step's own limit is `limit`."""
        return max(limit * _MORE_ROOM, _LEAST_ROOM) if self.more_room else limit


@dataclass(frozen=True, slots=True)
class Fail:
    """`counts`: whether it says something about the agent."""

    reason: str
    counts: bool


@dataclass(frozen=True, slots=True)
class Finish:
    """`text` is the work product; where it worked in a repository, what is said of the `work` there. `review`: what a
    run that judges work has decided."""

    text: Content | str
    work: Work | None = None
    review: Review | None = None


def next_step(run: Run) -> Ask | Fail | Finish:
    """For a run that has started and has no call under way."""
    steps = run.started.steps if run.started is not None else ()
    return _finish(run) if len(run.answers) >= len(steps) else ask(run)


def ask(run: Run) -> Ask | Fail:
    """Have the step under way answered, or give up."""
    if run.maybe_billed >= MOST_MAYBE_BILLED:
        return Fail(_billed_in_vain(run), counts=False)
    verdicts = [judge(one) for one in run.unusable]
    if len(verdicts) > len(set(verdicts)):
        return _unusable(run)
    refused = (one for one in run.unusable if judge(one) is Verdict.REFUSED)
    return Ask(
        more_room=Verdict.CUT_OFF in verdicts,
        refused_by=tuple((one.provider, one.model, f"refused this step ({word_of(one)})") for one in refused),
        maybe_billed_left=MOST_MAYBE_BILLED - run.maybe_billed,
    )


def without_another(run: Run) -> Fail | None:
    """How a run ends whose step was refused, where no other model can be asked; None where nobody refused it."""
    if not any(judge(one) is Verdict.REFUSED for one in run.unusable) or run.started is None:
        return None
    return _unusable(run, "; no other model could be asked")


def word_of(answer: ModelCalled) -> str:
    return answer.finish_detail or answer.finish


def _step(run: Run) -> str:
    """The step under way, by its name or else its number, for a sentence."""
    at, steps = len(run.answers), run.started.steps if run.started is not None else ()
    return f"“{steps[at]}”" if at < len(steps) else f"{at + 1}"


def _finish(run: Run) -> Finish | Fail:
    if not run.answers or not has_text(run.answers[-1].answer):
        return Fail(
            "The last step's answer asks for tools only, and no tool is on offer: there is no work.", counts=True
        )
    return Finish(run.answers[-1].answer)


def _unusable(run: Run, more: str = "") -> Fail:
    """What each model did, equal ones in a row once. A refusal is the vendor's matter and says nothing of the agent."""
    told = [f"{what}{', twice' if len(list(times)) > 1 else ''}" for what, times in groupby(map(_told, run.unusable))]
    refused = judge(run.unusable[-1]) is Verdict.REFUSED
    advice = {
        Verdict.REFUSED: "Reword the task, or configure a provider that takes it.",
        Verdict.CUT_OFF: "Split the task into smaller ones.",
        Verdict.EMPTY: "Try again, or with another model.",
    }[judge(run.unusable[-1])]
    return Fail(f"Step {_step(run)} got no usable answer: {'; '.join(told)}{more}. {advice}", counts=not refused)


def _told(answer: ModelCalled) -> str:
    model = f"{answer.provider}/{answer.model}"
    match judge(answer):
        case Verdict.REFUSED:
            return f"{model} refused ({word_of(answer)[:_LONGEST_WORDS]})"
        case Verdict.CUT_OFF:
            return f"the answer of {model} was cut off ({word_of(answer)})"
        case _:
            said = f" ({answer.finish_detail[:_LONGEST_WORDS]})" if answer.finish_detail else ""
            return f"the answer of {model} was empty{said}"


def _billed_in_vain(run: Run) -> str:
    last = run.last_failure
    said = f" The last one: {last.message}" if last is not None else ""
    return (
        f"{run.maybe_billed} calls for step {_step(run)} may have been billed and brought no answer, "
        f"so no more are bought.{said}"
    )
