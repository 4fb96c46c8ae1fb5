"""How the work of a project flows, or that of all of them."""

from __future__ import annotations

from vapora.views.base import View


class FlowDay(View):
    """A day (UTC). `cards`: by state, as the day ended; what was done stays counted when it is archived. `lead_s` and
    `cycle_s`: medians of the cards that were done on it, None where none was."""

    day: str
    cards: dict[str, int]
    submitted: int
    done: int
    failed: int
    lead_s: int | None
    cycle_s: int | None


class Spread(View):
    """How long cards took: half of them at most `median_s`, 85 of 100 at most `p85_s`."""

    cards: int
    median_s: int
    p85_s: int


class AgentWork(View):
    """What an agent has done there since the beginning."""

    agent_id: str
    runs: int
    succeeded: int
    failed: int
    cancelled: int
    busy_s: int
    simulated: bool


class Dashboard(View):
    """`lead`: from handing in to done; `cycle`: from the first assignment to done; of the cards that were done within
    these days, None where none was. `project_id` None: of all projects together."""

    project_id: str | None
    position: int
    cards: dict[str, int]
    days: tuple[FlowDay, ...]
    lead: Spread | None
    cycle: Spread | None
    team: tuple[AgentWork, ...]
