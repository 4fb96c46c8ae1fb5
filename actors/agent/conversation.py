"""The conversation of a run that works with tools, made of what is recorded of it: the same events, the same turns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from actors.agent.attached import attached_images
from events.content import Content
from events.ids import ChecksVerdict
from events.run import ChecksRan, ToolUsed
from events.work import CommandResult
from vapora.domain.run import MOST_REPEATS, Run
from vapora.domain.work import MOST_CHECK_ROUNDS, results_of
from vapora.llm.protocol import Message
from vapora.llm.turns import answered, result

# Of the output of a red check: its beginning, and more of its end, where most tools sum up.
_HEAD, _TAIL = 4_000, 8_000
_REMINDER = "You have not handed in your verdict. Call submit_review now: approve, or request changes."

Text = Callable[[Content], str]


def conversation(run: Run, text: Text, forked: Run | None = None) -> tuple[Message, ...]:
    """`text` reads what events name. `forked`: the run that this one goes on from, up to the step where it does."""
    assert run.started is not None
    assert run.started.brief is not None
    before = conversation(forked, text) if forked is not None and forked.started and forked.started.brief else ()
    # Whoever goes on from another run has seen what that one was shown.
    seen = {one.digest for turn in before for one in turn.images}
    images = tuple(one for one in attached_images(run.started.attachments) if one.digest not in seen)
    turns = [*before, Message(role="user", text=text(run.started.brief), images=images)]
    for count, answer in enumerate(run.answers, 1):
        turns.append(answered(answer, text))
        for used, call in zip(results_of(run, answer), answer.tool_calls, strict=False):
            turns.append(result(call, text(used.result), failed=not used.ok))
        notes = _notes(run, count, text)
        if notes:
            turns.append(Message(role="user", text="\n\n".join(notes)))
    return _joined(turns)


def until(run: Run, step: int) -> Run:
    """The run as it was when `step` was done, with all its tools."""
    answers = tuple(one for one in run.answers if one.step <= step)
    if answers and len(results_of(run, answers[-1])) < len(answers[-1].tool_calls):
        answers = answers[:-1]
    used = tuple(one for one in run.used if answers and one.step <= answers[-1].step)
    return replace(
        run,
        answers=answers,
        used=used,
        checked=tuple(one for one in run.checked if one.answers <= len(answers)),
        warned=tuple(count for count in run.warned if count <= len(answers)),
        head=newest_commit(used),
    )


def newest_commit(used: tuple[ToolUsed, ...]) -> str | None:
    return next((one.commit for one in reversed(used) if one.commit), None)


def _joined(turns: list[Message]) -> tuple[Message, ...]:
    """Two turns of the user in a row as one: not every vendor takes two."""
    found: list[Message] = []
    for turn in turns:
        if found and turn.role == found[-1].role == "user":
            images = (*found[-1].images, *turn.images)
            found[-1] = Message(role="user", text=f"{found[-1].text}\n\n{turn.text}", images=images)
        else:
            found.append(turn)
    return tuple(found)


def _notes(run: Run, count: int, text: Text) -> list[str]:
    """What the platform says after the answer number `count`."""
    assert run.started is not None
    notes = [
        told_of_red(one.ran, text)
        for one in run.checked
        if one.answers == count and one.ran.verdict is ChecksVerdict.RED
    ]
    if count in run.warned:
        notes.append(
            f"You made the same call {MOST_REPEATS} times in a row, with the same result each time. "
            "Once more, and the work is held until a person looks at it. Do something else, or finish."
        )
    if run.started.purpose == "review" and not run.answers[count - 1].tool_calls:
        notes.append(_REMINDER)
    return notes


def told_of_red(ran: ChecksRan, text: Text) -> str:
    return (
        f"The checks ran on your work (time {ran.round} of {MOST_CHECK_ROUNDS}), and not all are green. Mend the "
        f"cause.\n\n{results_of_checks(ran, text)}"
    )


def results_of_checks(ran: ChecksRan, text: Text) -> str:
    return "\n\n".join(_check(one, text) for one in ran.results)


def _check(one: CommandResult, text: Text) -> str:
    named = f"{one.name} (`{one.command}`)" if one.command else one.name
    if one.exit_code == 0:
        return f"## {named}: green"
    how = f"exit code {one.exit_code}" if one.exit_code is not None else f"ended: {one.ended}"
    return f"## {named}: red, {how}\n{bounded(text(one.output))}"


def bounded(output: str) -> str:
    """Both ends of a long text."""
    if len(output) <= _HEAD + _TAIL:
        return output
    left_out = len(output) - _HEAD - _TAIL
    return f"{output[:_HEAD]}\n[… {left_out:,} characters left out …]\n{output[-_TAIL:]}"
