"""Whether what NATS and the coordinator's consumer hold is what the log says: pure comparisons that list what is not.

What is on offer is worked out from the tasks here once more, with no help from the fold that the relay offers by.
They hold when nothing is under way; a task that waits for somebody may be delivered and put off all the while.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from actors.coordinator.queue_consumer import ConsumerState
from events import Recorded
from events.ids import TaskState, task_stream
from events.task import TaskAssigned, TaskRequeued
from vapora.domain import subjects
from vapora.domain import task_fold as tasks
from vapora.domain.task_state import Task
from vapora.testing.soundness import Discrepancy
from vapora.views import EventView


class TaskPlace(NamedTuple):
    """The event that made a task to do, and where it is offered since."""

    position: int
    version: int
    subject: str


@dataclass(frozen=True, slots=True)
class Offered:
    """A message in the stream of offers. `dead`: the server has noted that it gave it up."""

    sequence: int
    subject: str
    task_id: str
    position: int
    version: int
    dead: bool = False


@dataclass(frozen=True, slots=True)
class Streams:
    """What NATS holds of a workspace. `consumers`: how many messages of a subject its consumer still has to deliver,
    or has delivered without an answer. `mirror`: subject and event of each message, in order."""

    offers: tuple[Offered, ...]
    consumers: dict[str, int]
    checkpoint: int
    mirror: tuple[tuple[str, EventView], ...] = field(repr=False)


def delivery(
    streams: Streams, log: Sequence[Recorded], workspace: str, held: ConsumerState | None = None
) -> list[Discrepancy]:
    """`held`: what the consumer has in mind, where it can be looked at."""
    return [
        *offers(streams, log, workspace),
        *consumers(streams),
        *dead_letters(streams, log),
        *(consumer(held, streams, log, workspace) if held is not None else ()),
        *mirror(streams, log, workspace),
        *taken(log),
    ]


def offers(streams: Streams, log: Sequence[Recorded], workspace: str) -> list[Discrepancy]:
    """What is to be done is on offer, once; and nothing else is."""
    found: list[Discrepancy] = []
    wanted = to_do(log, workspace)
    by_task: defaultdict[str, list[Offered]] = defaultdict(list)
    for one in streams.offers:
        by_task[one.task_id].append(one)
    for task_id in sorted(wanted.keys() | by_task.keys()):
        place, messages = wanted.get(task_id), by_task[task_id]
        current = [one for one in messages if place and (one.position, one.version) == place[:2]]
        found += [
            Discrepancy("offers", task_stream(task_id), f"version {one.version} is over and still on offer")
            for one in messages
            if one not in current
        ]
        if place and len(current) != 1:
            message = f"is to be done since {place.position}, and {len(current)} times on offer"
            found.append(Discrepancy("offers", task_stream(task_id), message))
        found += [
            Discrepancy("offers", task_stream(task_id), f"is on offer under {one.subject} instead of {place.subject}")
            for one in current
            if place and one.subject != place.subject
        ]
    last = max((place.position for place in wanted.values()), default=0)
    head = log[-1].position if log else 0
    if not last <= streams.checkpoint <= head:
        message = f"says {streams.checkpoint}; the last offer is at {last}, the log ends at {head}"
        found.append(Discrepancy("offers", "checkpoint", message))
    return found


def consumers(streams: Streams) -> list[Discrepancy]:
    """Somebody will be given each message: none lies in the stream that its consumer has done with.

    More may be said to come than lie there: a server that was killed can remember a delivery whose message is gone.
    """
    lying = Counter(one.subject for one in streams.offers if not one.dead)
    return [
        Discrepancy("consumers", subject, f"{count} messages, of which {streams.consumers.get(subject, 0)} come")
        for subject, count in sorted(lying.items())
        if count > streams.consumers.get(subject, 0)
    ]


def dead_letters(streams: Streams, log: Sequence[Recorded]) -> list[Discrepancy]:
    """The card of what the server gave up says what to do."""
    folded = _tasks(log)
    found: list[Discrepancy] = []
    for task_id in sorted({one.task_id for one in streams.offers if one.dead}):
        waiting = folded[task_id].waiting if task_id in folded else None
        if waiting is None or "requeue" not in waiting.remedy:
            found.append(Discrepancy("dead letters", task_stream(task_id), f"its card says {waiting}"))
    return found


def consumer(held: ConsumerState, streams: Streams, log: Sequence[Recorded], workspace: str) -> list[Discrepancy]:
    """It knows what is on offer, and keeps nothing in mind of what is not. It leaves alone what the server gave up, and
    nothing else."""
    wanted = {task_id: place.position for task_id, place in to_do(log, workspace).items()}
    found = [
        Discrepancy(
            "consumer", task_stream(task_id), f"holds {held.offers.get(task_id)}, the log says {wanted.get(task_id)}"
        )
        for task_id in sorted(wanted.keys() | held.offers.keys())
        if wanted.get(task_id) != held.offers.get(task_id)
    ]
    for name, kept in (
        ("delivered", held.delivered),
        ("set aside", held.aside),
        ("put off", held.put_off),
    ):
        stale = {task_id: position for task_id, position in kept.items() if wanted.get(task_id) != position}
        if stale:
            found.append(Discrepancy("consumer", name, f"keeps {stale}, which is over"))
    dead = {one.task_id: one.position for one in streams.offers if one.dead}
    if held.dead != dead:
        found.append(Discrepancy("consumer", "dead letters", f"holds {held.dead}, the server {dead}"))
    return found


def mirror(streams: Streams, log: Sequence[Recorded], workspace: str) -> list[Discrepancy]:
    """Every event of the log once, in order, under its own subject, with what it says."""
    found: list[Discrepancy] = []
    positions = [event.position for _, event in streams.mirror]
    wanted = [one.position for one in log]
    if positions != wanted:
        lost, extra = sorted(set(wanted) - set(positions)), sorted((Counter(positions) - Counter(wanted)).elements())
        message = f"{len(lost)} positions lost {lost[:5]}, {len(extra)} too many {extra[:5]}, or another order"
        found.append(Discrepancy("mirror", "positions", message))
    by_position = {one.position: one for one in log}
    for subject, event in streams.mirror:
        one = by_position.get(event.position)
        if one is not None and event != (wanted_view := EventView.of(one)):
            message = f"position {event.position} says {event}, the log {wanted_view}"[:2_000]
            found.append(Discrepancy("mirror", event.stream, message))
        if subject != f"vapora.events.{workspace}.{event.topic}":
            found.append(Discrepancy("mirror", event.stream, f"position {event.position} stands under {subject}"))
    return found


def taken(log: Sequence[Recorded]) -> list[Discrepancy]:
    """Every offer was taken once at most: nobody was given a task that was not to be done."""
    found: list[Discrepancy] = []
    folded: dict[str, Task] = {}
    for one in log:
        before = folded.get(one.stream)
        if isinstance(one.event, TaskAssigned) and (before is None or before.state is not TaskState.TODO):
            state = before.state.value if before else "unknown"
            found.append(Discrepancy("taken", one.stream, f"was given out at {one.position}, when it was {state}"))
        _evolve(folded, one)
    return found


def to_do(log: Iterable[Recorded], workspace: str) -> dict[str, TaskPlace]:
    """What is to be done at the end of the log, by task."""
    folded: dict[str, Task] = {}
    places: dict[str, TaskPlace] = {}
    for one in log:
        before = folded.get(one.stream)
        _evolve(folded, one)
        after = folded.get(one.stream)
        if after is None or one.stream != task_stream(after.id):
            continue
        if after.state is not TaskState.TODO:
            places.pop(after.id, None)
        elif before is None or before.state is not TaskState.TODO or isinstance(one.event, TaskRequeued):
            subject = subjects.subject(after.task_type, after.priority, workspace)
            places[after.id] = TaskPlace(one.position, one.version, subject)
    return places


def _tasks(log: Iterable[Recorded]) -> dict[str, Task]:
    folded: dict[str, Task] = {}
    for one in log:
        _evolve(folded, one)
    return {task.id: task for task in folded.values()}


def _evolve(folded: dict[str, Task], one: Recorded) -> None:
    if one.topic.startswith("task."):
        after = tasks.evolve(folded.get(one.stream), one.event)
        if after is not None:
            folded[one.stream] = after
