"""How a run ends together with what leads to its end: the answer of its last step, and the move of its card.

The move is decided on the card as it was when the run was given out, and appended only if it has not changed since.
Where it has (somebody took the task back, paused it, or wrote on it), the run goes on from its answer, and the
coordinator moves the card.
"""

from __future__ import annotations

from dataclasses import dataclass

from events.base import DomainEvent
from events.ids import TaskState
from events.run import ModelCalled, RunStarted
from vapora.domain import run as runs
from vapora.domain.answer import Verdict, judge
from vapora.domain.run import Run
from vapora.domain.task_outcome import after_run
from vapora.domain.task_state import Task

Events = tuple[DomainEvent, ...]

_SUMMARY_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Card:
    """A task, and how many events its stream held then."""

    version: int
    task: Task

    def moves(self, end: DomainEvent) -> Events:
        """What follows for it from the end of its run; nothing where it has another run."""
        return after_run(self.task, end)


@dataclass(frozen=True, slots=True)
class Ending:
    """What a run of fixed steps leads to with the answer of its last one, said before that is asked for."""

    begun: RunStarted
    artifact_name: str
    artifact_kind: str
    card: Card

    def after(self, answer: ModelCalled, text: str) -> tuple[Events, Events]:
        """The end of the run, and the move of its card; nothing where the answer does not end its step, or asks for
        tools, which nobody offers. `text`: of the answer."""
        if answer.tool_calls or judge(answer) is not Verdict.USABLE:
            return (), ()
        ended = runs.succeed(
            Run(started=self.begun),
            artifact_name=self.artifact_name,
            artifact_kind=self.artifact_kind,
            text=answer.answer,
            summary=summary_of(text),
        )
        return ended, self.card.moves(ended[-1])


def may_end(card: Card | None, run_id: str) -> Card | None:
    """The card, if it has this run and nothing stands in the way of the move after it."""
    if card is None or card.task.paused:
        return None
    mine = card.task.state is TaskState.IN_PROGRESS and card.task.run_id == run_id
    return card if mine else None


def summary_of(work: str) -> str:
    """The first line that says something, for the card."""
    for line in work.splitlines():
        plain = line.strip().lstrip("#").strip()
        if plain:
            return plain if len(plain) <= _SUMMARY_CHARACTERS else plain[: _SUMMARY_CHARACTERS - 1] + "…"
    return ""
