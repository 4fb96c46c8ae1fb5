"""What a person says of a card that a run waits for."""

from __future__ import annotations

from collections.abc import Callable

from actors.agent.run_under_way import RunUnderWay
from events import DomainEvent, Recorded
from events.ids import run_stream, task_stream

_POLL_S = 10.0

Wanted = Callable[[DomainEvent], bool]


async def position_of_last(one: RunUnderWay, *kinds: type[DomainEvent]) -> int:
    """Position of the run's last event of these kinds."""
    return max(
        (told.position for told in await one.means.log.read(run_stream(one.id)) if isinstance(told.event, kinds)),
        default=0,
    )


async def known_of_task(one: RunUnderWay, after: int, wanted: Wanted) -> Recorded | None:
    """The first event of the task after a position that is `wanted`, of those that are there."""
    told = await one.means.log.read(task_stream(one.assignment.task.id), lenient=True)
    return next((each for each in told if each.position > after and wanted(each.event)), None)


async def next_of_task(one: RunUnderWay, after: int, topic: str, wanted: Wanted) -> Recorded | None:
    """The first event of the task after a position that is `wanted`, as soon as it is there; None where the run was
    called off or paused before that."""
    seen = await one.means.log.head()
    if (known := await known_of_task(one, after, wanted)) is not None:
        return known
    with one.at_rest():
        while one.called_off is None and not one.paused:
            polled = await one.unless_called_off(one.means.log.poll(seen, 100, _POLL_S, (topic,)))
            for told in polled.events if polled else ():
                if wanted(told.event):
                    return told
            seen = polled.position if polled else seen
    return None
