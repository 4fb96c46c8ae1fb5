"""What a model's answer is worth: whether it ends the step that was asked for, and if not, why not."""

from __future__ import annotations

from enum import StrEnum

from events.content import Content
from events.run import ModelCalled
from vapora.unicode import says_something


class Verdict(StrEnum):
    USABLE = "usable"
    REFUSED = "refused"
    CUT_OFF = "cut off"
    EMPTY = "empty"


def judge(answer: ModelCalled) -> Verdict:
    """An answer that asks for tools needs no text. One with a reason to stop that is not known is taken by its text:
    compatible servers have words of their own for the ordinary end."""
    if answer.finish == "refusal":
        return Verdict.REFUSED
    if answer.tool_calls:
        return Verdict.USABLE
    if answer.finish == "length":
        return Verdict.CUT_OFF
    return Verdict.USABLE if has_text(answer.answer) else Verdict.EMPTY


def has_text(content: Content) -> bool:
    """Whether there is anything to read; a text that is kept apart is a long one."""
    return content.text is None or says_something(content.text)
