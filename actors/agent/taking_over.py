"""A run that another agent had, or this one before it was started anew: it goes on behind all that is recorded.

Nothing is written into its stream while an answer is on its way there: that answer is taken first. Then the log says
who has the run now, and whoever had it before finds its own next append refused, looks again, and leaves it alone.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from actors.agent.run_under_way import RunUnderWay
from vapora.domain import run as rules
from vapora.domain.run import MOST_TAKEN_OVER, Run

# Whoever ends a tool that hangs must not hang with it.
_ENDS_WITHIN_S = 10.0


def is_anothers(one: RunUnderWay, run: Run) -> bool:
    """Whether it was handed over after it was given to this agent."""
    return run.epoch > (one.assignment.origin.causation or 0)


def is_ours(one: RunUnderWay, run: Run) -> bool:
    return not one.assignment.handed_over or run.epoch >= (one.assignment.origin.causation or 0)


async def take_over(one: RunUnderWay, run: Run) -> Run:
    """For a run without a call under way. One that several agents could not bring forward ends here."""
    run = await one.append(run, rules.take_over(run, one.assignment.agent_id, one.assignment.origin.causation or 0))
    if run.taken_over <= MOST_TAKEN_OVER:
        return run
    why = f"It was handed over {run.taken_over} times, and no agent could bring it forward."
    return await one.end(run, rules.fail(run, why, counts=False))


def never_came_back(one: RunUnderWay, doing: str, name: str, attempt: int = 0) -> bool:
    """Whether this is what the agent before waited for in vain. A later attempt is another."""
    lost = one.assignment.given_up
    if one.gave_up or lost is None:
        return False
    return (lost.doing, lost.name) == (doing, name) and attempt <= lost.attempt


async def end_tools(one: RunUnderWay) -> None:
    """End what the run has begun in its worktree, with all the commands."""
    one.gave_up = True
    if one.means.workplaces is not None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_ENDS_WITHIN_S):
                await one.means.workplaces.end(one.place)
