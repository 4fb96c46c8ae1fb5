"""The scheduler over a real log writer and the real way of requests; the clock is moved, nothing else is made up."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from actors.log_writer import LogWriter
from actors.workflow_engine.scheduler import Scheduler
from events.ids import TaskState
from events.schedule import ScheduleFired, ScheduleSkipped
from events.task import TaskSubmitted
from tests.actors.kit import NOON, ORIGIN, WORKSPACE, Line, MovableClock, everything, log_writer, of_kind
from tests.domain import minute_walk
from vapora.clock import Clock
from vapora.commands import (
    ArchiveProject,
    CreateProject,
    EditSchedule,
    FireSchedule,
    MoveTask,
    RemoveSchedule,
    SetSchedule,
    SubmitTask,
)
from vapora.dispatch import Dispatcher
from vapora.errors import BadInputError, ConflictError, NotFoundError, UnavailableError
from vapora.log.client import LogClient
from vapora.ports import LogWriterPort


class Host:
    """What the workflow engine does for it: one follower, one clock."""

    def __init__(self, writer: LogWriterPort, clock: Clock) -> None:
        self.log = LogClient(writer, WORKSPACE)
        self.clock = clock
        self.scheduler = Scheduler(Dispatcher(self.log, clock), WORKSPACE)
        self.position = 0

    async def follow(self) -> bool:
        polled = await self.log.poll(self.position, 1_000, 0, tuple(self.scheduler.topics))
        for recorded in polled.events:
            await self.scheduler.apply(recorded)
        self.position = polled.position
        return bool(polled.events)

    async def turn(self) -> None:
        """Until there is nothing to do."""
        while await self.follow() or self.is_due:
            await self.scheduler.act(self.clock())

    @property
    def is_due(self) -> bool:
        due = self.scheduler.next_due()
        return due is not None and due <= self.clock()


class Site:
    def __init__(self, writer: LogWriter, clock: MovableClock) -> None:
        self.writer = writer
        self.clock = clock
        self.log = LogClient(writer, WORKSPACE)
        self.dispatcher = Dispatcher(self.log, clock)
        self.host = Host(writer, clock)
        self.project = ""

    async def set(self, name: str, cron: str, **more: Any) -> None:
        task = SubmitTask(project_id=self.project, title=f"By {name}")
        await self.dispatcher.dispatch(ORIGIN, SetSchedule(**{"cron": cron, "task": task, **more}), name)

    async def edit(self, name: str, **changes: Any) -> None:
        await self.dispatcher.dispatch(ORIGIN, EditSchedule(**changes), name)

    async def to(self, at: datetime) -> None:
        self.clock.now = at
        await self.host.turn()

    async def fired(self, name: str = "s") -> list[ScheduleFired]:
        return [one for one in await of_kind(self.log, ScheduleFired) if one.schedule_id == name]

    async def skipped(self) -> list[tuple[str, int]]:
        return [(one.reason, one.count) for one in await of_kind(self.log, ScheduleSkipped)]

    async def end(self, task_id: str | None) -> None:
        assert task_id is not None
        await self.dispatcher.dispatch(ORIGIN, MoveTask(state=TaskState.ARCHIVED), task_id)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    clock = MovableClock(NOON)
    async with log_writer(clock) as writer:
        made = Site(writer, clock)
        made.project = (await made.dispatcher.dispatch(ORIGIN, CreateProject(name="Everything"))).id
        yield made


def hours(count: float) -> datetime:
    return NOON + timedelta(hours=count)


async def test_it_makes_its_task_when_it_is_due_in_one_append_with_the_event_that_says_so(site: Site) -> None:
    await site.set("s", "0 * * * *")
    await site.to(hours(0.99))
    assert await site.fired() == []
    assert site.host.scheduler.next_due() == hours(1)
    await site.to(hours(1))
    (fired,) = await site.fired()
    (task,) = await of_kind(site.log, TaskSubmitted)
    assert (fired.due_at, fired.task_id, task.title) == (hours(1), task.task_id, "By s")
    written = [one for one in await everything(site.log) if isinstance(one.event, ScheduleFired | TaskSubmitted)]
    assert {one.actor for one in written} == {"scheduler"}
    assert len({one.correlation for one in written}) == 1
    assert site.host.scheduler.next_due() == hours(2)


async def test_no_two_of_it_are_under_way_unless_told(site: Site) -> None:
    await site.set("s", "0 * * * *")
    await site.to(hours(1))
    await site.to(hours(2))
    assert len(await site.fired()) == 1 and await site.skipped() == [("overlap", 1)]
    await site.end((await site.fired())[0].task_id)
    await site.to(hours(3))
    assert len(await site.fired()) == 2
    await site.edit("s", overlap=True)
    await site.to(hours(4))
    assert len(await site.fired()) == 3


async def test_who_wants_all_has_them_one_after_the_other(site: Site) -> None:
    await site.set("s", "0 * * * *", catch_up="all", catch_up_limit=3)
    await site.to(hours(24.5))
    assert [one.due_at for one in await site.fired()] == [hours(22)] and await site.skipped() == [("missed", 21)]
    # It sleeps until that one is over: the clock alone moves nothing.
    assert site.host.scheduler.next_due() is None
    for count, hour in ((2, 23), (3, 24)):
        await site.end((await site.fired())[-1].task_id)
        await site.host.turn()
        assert len(await site.fired()) == count and (await site.fired())[-1].due_at == hours(hour)
    await site.end((await site.fired())[-1].task_id)
    await site.host.turn()
    assert site.host.scheduler.next_due() == hours(25)


@pytest.mark.parametrize(("choice", "fired", "left_out"), [("none", 0, 24), ("last", 1, 23), ("all", 10, 14)])
async def test_a_server_that_was_off_for_a_day(site: Site, choice: str, fired: int, left_out: int) -> None:
    await site.set("s", "0 * * * *", catch_up=choice, overlap=True)
    site.host = Host(site.writer, site.clock)
    await site.to(hours(24.5))
    assert len(await site.fired()) == fired
    assert await site.skipped() == [("missed", left_out)]
    assert site.host.scheduler.next_due() == hours(25)


async def test_what_cannot_be_begun_is_told_and_the_next_time_comes(site: Site) -> None:
    await site.set("s", "0 * * * *")
    await site.dispatcher.dispatch(ORIGIN, ArchiveProject(), site.project)
    await site.to(hours(1))
    (skipped,) = await of_kind(site.log, ScheduleSkipped)
    assert skipped.reason == "refused" and "archived" in skipped.detail
    assert site.host.scheduler.next_due() == hours(2)
    with pytest.raises(ConflictError):
        await site.set("other", "0 * * * *")
    with pytest.raises(NotFoundError):
        await site.dispatcher.dispatch(
            ORIGIN, SetSchedule(cron="0 * * * *", task=SubmitTask(project_id="nowhere", title="Do it")), "third"
        )
    with pytest.raises(NotFoundError, match="workflow"):
        await site.dispatcher.dispatch(ORIGIN, SetSchedule(cron="0 * * * *", workflow_id="unheard-of"), "fourth")


async def test_a_person_has_it_fire_and_that_moves_no_time(site: Site) -> None:
    await site.set("s", "0 * * * *", enabled=False)
    made = await site.dispatcher.dispatch(ORIGIN, FireSchedule(), "s")
    (fired,) = await site.fired()
    assert made.id == fired.task_id and fired.due_at is None
    with pytest.raises(ConflictError, match="under way"):
        await site.dispatcher.dispatch(ORIGIN, FireSchedule(), "s")
    await site.dispatcher.dispatch(ORIGIN, FireSchedule(overlap=True), "s")
    await site.edit("s", enabled=True)
    await site.to(hours(1))
    assert await site.skipped() == [("overlap", 1)]
    with pytest.raises(NotFoundError):
        await site.dispatcher.dispatch(ORIGIN, FireSchedule(), "unheard-of")


async def test_a_removed_one_fires_no_more(site: Site) -> None:
    await site.set("s", "0 * * * *")
    await site.host.turn()
    await site.dispatcher.dispatch(ORIGIN, RemoveSchedule(), "s")
    await site.to(hours(5))
    assert await site.fired() == [] and site.host.scheduler.next_due() is None


ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC")
CRONS = ("30 2 * * *", "45 1 * * SUN", "0 9 1,15 * *", "*/30 2 1-7 * 0")
YEAR = 2027


async def test_a_year_in_four_zones(site: Site) -> None:
    """The clock goes from one due time to the next, and is set back by hours on the way: what fires is what somebody
    lists who looks at the clock each minute, each once and none before its time."""
    luck = random.Random(7)
    site.clock.now = datetime(YEAR, 1, 1, tzinfo=UTC) - timedelta(seconds=1)
    wanted: dict[str, list[datetime]] = {}
    for zone in ZONES:
        for text, seen in minute_walk.firings(CRONS, zone, YEAR).items():
            name = f"s{len(wanted)}"
            wanted[name] = seen
            await site.set(name, text, zone=zone, overlap=True)
    await site.host.turn()
    while (due := site.host.scheduler.next_due()) is not None and due.year == YEAR:
        await site.to(due)
        if luck.random() < 0.05:
            await site.to(due - timedelta(hours=luck.randint(1, 30)))
    fired: dict[str, list[datetime]] = {name: [] for name in wanted}
    for one in await _all_fired(site):
        assert one.due_at is not None
        fired[one.schedule_id].append(one.due_at)
    assert fired == wanted
    assert await site.skipped() == []


async def _all_fired(site: Site) -> list[ScheduleFired]:
    found, position, head = [], 0, 1
    while position < head:
        polled = await site.log.poll(position, 2_000, 0, (ScheduleFired.TOPIC,))
        found += [one.event for one in polled.events if isinstance(one.event, ScheduleFired)]
        position, head = polled.position, polled.head
    return found


async def test_a_clock_set_forth_and_back_fires_nothing_twice(site: Site) -> None:
    await site.set("s", "0 * * * *", overlap=True)
    for at in (1, 3, 2, 1, 3, 4, 0, 4, 5):
        await site.to(hours(at))
    assert [one.due_at for one in await site.fired()] == [hours(1), hours(3), hours(4), hours(5)]


@pytest.mark.parametrize("seed", range(20))
async def test_whatever_dies_each_time_fires_once_or_is_told_as_left_out(site: Site, seed: int) -> None:
    """Schedulers are killed before, in and after their appends, and two are at work at once now and then."""
    luck = random.Random(seed)
    for number in range(4):
        await site.set(f"s{number}", "*/10 * * * *", overlap=True, catch_up="all", catch_up_limit=100)
    wanted = [NOON + timedelta(minutes=10 * number) for number in range(1, 13)]
    for at in wanted:
        site.clock.now = at + timedelta(seconds=luck.randint(0, 200))
        for _ in range(luck.randint(0, 3)):
            line = Line(site.writer)
            line.cut.extend(luck.choice(("", "before", "after")) for _ in range(luck.randint(0, 4)))
            line.dies_after = luck.randint(1, 4)
            both = [Host(line, site.clock), Host(site.writer, site.clock)][: luck.randint(1, 2)]
            with suppress(TimeoutError, UnavailableError, ExceptionGroup):
                async with asyncio.timeout(0.3), asyncio.TaskGroup() as group:
                    for host in both:
                        group.create_task(host.turn())
    await Host(site.writer, site.clock).turn()
    fired = await _all_fired(site)
    assert Counter((one.schedule_id, one.due_at) for one in fired) == Counter(
        (f"s{number}", at) for number in range(4) for at in wanted
    )
    submitted = [one.task_id for one in await of_kind(site.log, TaskSubmitted)]
    assert Counter(submitted) == Counter(one.task_id for one in fired)


async def test_a_bad_one_is_refused_and_nothing_is_stored(site: Site) -> None:
    before = len(await everything(site.log))
    with pytest.raises(BadInputError, match="five fields"):
        await site.set("s", "hourly")
    assert len(await everything(site.log)) == before
