"""Where a task's work went, and the tries that stand side by side until one of them goes there."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from events.ids import ChecksVerdict
from events.run import RunFork
from vapora.views.base import View


class Landed(View):
    """Where a task's work is part of the project's branch."""

    oid: str
    at: datetime


class LandingProblem(View):
    """Why its work could not be landed; the repository is as it was. `kind`: as a problem's code."""

    kind: str
    message: str
    paths: tuple[str, ...] = ()
    at: datetime


class Attempt(View):
    """One of several tries at a task, each on a branch of its own. `picked`: its work is the card's."""

    task_id: str
    number: int
    state: Literal["requested", "running", "waiting", "succeeded", "failed", "cancelled"]
    picked: bool
    branch: str | None
    base: str | None
    head: str | None
    checks: ChecksVerdict | None
    run_id: str | None
    agent_id: str | None
    model: str | None
    fork: RunFork | None
    cost_microusd: int
    summary: str
    simulated: bool
    position: int
