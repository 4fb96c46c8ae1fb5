"""The run that another one goes on from."""

from __future__ import annotations

from actors.agent.conversation import until
from actors.agent.run_under_way import RunUnderWay
from events.ids import run_stream
from vapora.domain import run as rules
from vapora.domain.run import Run


async def forked(one: RunUnderWay) -> Run | None:
    """The run that this one goes on from, as far as it does."""
    fork = one.assignment.fork
    if fork is not None and one.earlier is None:
        whole = (await one.means.folds.load(run_stream(fork.run_id))).state or rules.initial()
        one.earlier = until(whole, fork.step)
    return one.earlier
