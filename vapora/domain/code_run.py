"""What a run does next whose work is done by code: an agent written in Python. The rule alone.

The code is run from its beginning, also after a crash, and asks for one step after the other. What is recorded of a
step is told to it and never asked for again; so it comes to where it was, as long as it asks the same. Code that asks
something else than its record says is refused: nobody knows what it would have done.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from events.content import Content
from events.ids import ChecksVerdict
from events.run import ChecksRan, CodeStepAsked, ModelCalled, QuestionAsked, ToolRequested, ToolUsed
from events.work import RunLimits
from vapora.domain.next_step import Ask, Fail, Finish, ask
from vapora.domain.run import Run
from vapora.domain.work import ASK, MOST_CHECK_ROUNDS, RunChecks, UseTool, exhausted, hand_in

_LONGEST_SHOWN = 300
_NOTHING = "Its code returned nothing: it has to return the work product, or to call ctx.finish with it."


@dataclass(frozen=True, slots=True)
class Asked:
    """What the code asks for as step `step`. `content`: all of it, as JSON, as it is stored. `value`: what the code
    found out, once it did."""

    step: int
    kind: Literal["model", "tool", "value"]
    name: str
    content: Content
    value: Content | None = None


@dataclass(frozen=True, slots=True)
class Diverged:
    """It asks something else than is recorded as this step."""

    recorded: CodeStepAsked


@dataclass(frozen=True, slots=True)
class Note:
    """Record that it is asked for, in the append of what comes next."""


@dataclass(frozen=True, slots=True)
class TellAnswer:
    answer: ModelCalled


@dataclass(frozen=True, slots=True)
class TellResult:
    used: ToolUsed


@dataclass(frozen=True, slots=True)
class TellValue:
    """None: it is not recorded, and the code is to find it out."""

    value: Content | None


@dataclass(frozen=True, slots=True)
class NeedsTool:
    """The tool has to be called."""


@dataclass(frozen=True, slots=True)
class Again:
    """The checks are red: the code begins once more, and is told so."""

    ran: ChecksRan


Move = Diverged | Note | TellAnswer | TellResult | TellValue | NeedsTool | Ask | Fail


def next_move(run: Run, asked: Asked) -> Move:
    """For a run that has started, has not ended, and has no call of a model under way."""
    if asked.step >= len(run.code_steps):
        if asked.kind == "value" and asked.value is None:
            return TellValue(None)
        return Note()
    recorded = run.code_steps[asked.step]
    if (recorded.kind, recorded.name, recorded.asked) != (asked.kind, asked.name, asked.content):
        return Diverged(recorded)
    match asked.kind:
        case "value":
            return TellValue(recorded.value)
        case "model":
            answer = next((one for one in run.answers if one.step == asked.step), None)
            if answer is not None:
                return TellAnswer(answer)
            return _ask(run)
        case "tool":
            used = next((one for one in run.used if one.step == asked.step), None)
            return NeedsTool() if used is None else TellResult(used)


def _ask(run: Run) -> Ask | Fail:
    place = run.started.workplace if run.started is not None else None
    reached = exhausted(run, place.limits if place is not None else RunLimits())
    return Fail(reached, counts=True) if reached else ask(run)


def use_of_code(run_id: str, asked: Asked, arguments: dict[str, object]) -> UseTool:
    """The tool call of a step of code: the only one of that step."""
    call_id = f"{run_id}/{asked.step}"
    request = ToolRequested.model_validate({"id": call_id, "name": asked.name, "arguments": arguments})
    return UseTool(asked.step, 0, call_id, request)


def asked_by_code(question: QuestionAsked) -> UseTool:
    """The call that a person's answer is the result of."""
    request = ToolRequested(id=question.call_id, name=ASK, arguments={"question": question.question})
    return UseTool(question.step, question.call, question.call_id, request)


def difference(step: int, recorded: str, asked: str) -> str:
    """Why code is refused that diverged from its record, for the card. Both are said as the code would say them."""
    at = next((i for i, (one, two) in enumerate(zip(recorded, asked, strict=False)) if one != two), None)
    at = min(len(recorded), len(asked)) if at is None else at
    begin = max(0, at - 60)
    return (
        f"Its code differs from what is recorded of this run: as step {step + 1} it asked for "
        f"“{_part(recorded, begin)}”, and now it asks for “{_part(asked, begin)}”. An agent's code has to ask the same "
        "again: take the time, chance and files through ctx.record(…), and start the card anew after the code changed."
    )


def shown(kind: str, name: str, asked: str) -> str:
    """What was asked for, as one text that can be compared by eye."""
    return f"{kind} {name} {asked}".replace("  ", " ")


def after_code(run: Run, product: str | None, *, round: int, told: int) -> RunChecks | Finish | Again | Fail:
    """The code came to its end for the time number `round`, from 1, with its work product; `told`: how many steps it
    was told. Where it worked in a repository its checks run. While they are red it runs again, as often as an agent
    with tools is told of red checks; a time that changed nothing is the last, and what is red then is handed in."""
    place = run.started.workplace if run.started is not None else None
    checked = run.checked[round - 1] if len(run.checked) >= round else None
    if checked is not None and checked.ran.verdict is ChecksVerdict.RED and round < MOST_CHECK_ROUNDS:
        return Again(checked.ran)
    if short := _left_over(run, told):
        return Fail(short, counts=True)
    if place is None:
        return Finish(product) if product and product.strip() else Fail(_NOTHING, counts=True)
    if checked is None and run.checked and run.checked[-1].ran.head == (run.head or place.head):
        checked = run.checked[-1]
    return hand_in(run, place, checked, product or "Done.")


def _left_over(run: Run, steps: int) -> str:
    """Why code is refused that came to its end before its record did; empty where it did not."""
    if steps >= len(run.code_steps):
        return ""
    recorded = run.code_steps[steps]
    return (
        f"Its code differs from what is recorded of this run: it ended after {steps} steps, and {recorded.kind} "
        f"{recorded.name} is recorded as step {steps + 1}. Start the card anew after the code changed."
    )


def _part(text: str, begin: int) -> str:
    shown = text[begin : begin + _LONGEST_SHOWN]
    return f"{'…' if begin else ''}{shown}{'…' if begin + _LONGEST_SHOWN < len(text) else ''}"
