"""How git tells what an agent did: who wrote a commit, and for which task, run and step."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from vapora.repo.bare import Person
from vapora.repo.commits import StepCommit

_TASK, _RUN, _STEP = "Vapora-Task", "Vapora-Run", "Vapora-Step"


def commit_of(
    agent_id: str | None, task_id: str, run_id: str | None, message: str, at: datetime, step: int | None = None
) -> StepCommit:
    """`agent_id` None: VAPORA itself."""
    author = Person(f"{agent_id} (VAPORA)" if agent_id else "VAPORA", f"{agent_id or 'vapora'}@agents.localhost")
    told = {_TASK: task_id, _RUN: run_id or "", _STEP: "" if step is None else f"{step}"}
    return StepCommit(message, author, at, {name: value for name, value in told.items() if value})


def run_and_step(trailers: Mapping[str, str]) -> tuple[str | None, int | None]:
    """What a commit's trailers tell; None where they do not."""
    step = trailers.get(_STEP, "")
    return trailers.get(_RUN), int(step) if step.isdigit() else None
