from __future__ import annotations

import asyncio
import pickle
from itertools import count
from typing import Any

import psutil
import pytest
from ray import exceptions

from actors.runtime.base import Address, Runtime, host_of, residents
from actors.runtime.freed import FreedMemory, trim
from actors.runtime.lines import CutError, FarRef
from actors.runtime.local import LocalRuntime
from actors.runtime.ray import HostConfig, RayRuntime, carrying
from events.ids import PEOPLE
from tests.actors.kit import manager, passed
from tests.waiting import DEADLINE_S
from vapora.clock import now
from vapora.errors import EndingError, UnavailableError
from vapora.log.client import LogClient

LOG = Address("log", "default")
BUDGET = Address("budget", "default")
_NUMBERS = count()


class World:
    """Makes actors, and keeps what becomes of them."""

    def __init__(self) -> None:
        self.story: list[str] = []
        self.open = asyncio.Event()
        self.open.set()
        self.fails = 0
        self.bad_stop = False
        self.runtime = LocalRuntime(lambda address, runtime: Thing(address, runtime, self))


class Thing:
    def __init__(self, address: Address, runtime: Runtime, world: World) -> None:
        self.address = address
        self.runtime = runtime
        self.world = world
        self.number = next(_NUMBERS)

    async def start(self) -> None:
        self.world.story.append(f"start {self.address}")
        await self.world.open.wait()
        if self.world.fails:
            self.world.fails -= 1
            raise ValueError("not today")
        self.world.story.append(f"started {self.address}")

    async def stop(self) -> None:
        self.world.story.append(f"stop {self.address}")
        await self.world.open.wait()
        self.world.story.append(f"stopped {self.address}")
        if self.world.bad_stop:
            raise ValueError("no")

    async def health(self) -> dict[str, Any]:
        return {"id": self.number}

    async def ask(self, address: Address) -> Any:
        return await self.runtime.ref(address).health()


@pytest.fixture
async def world() -> World:
    return World()


async def test_an_actor_starts_with_the_first_call_and_all_who_call_share_it(world: World) -> None:
    ref = world.runtime.ref(LOG)
    assert world.story == []
    answers = await asyncio.gather(*(ref.health() for _ in range(5)), world.runtime.ref(LOG).health())
    assert len({answer["id"] for answer in answers}) == 1
    assert world.story == ["start log/default", "started log/default"]
    assert world.runtime.running() == [LOG]


async def test_actors_reach_each_other_by_address(world: World) -> None:
    assert "id" in await world.runtime.ref(LOG).ask(BUDGET)
    assert world.runtime.running() == [LOG, BUDGET]


async def test_a_start_that_failed_fails_all_who_waited_for_it_and_the_next_call_tries_again(world: World) -> None:
    world.fails = 1
    ref = world.runtime.ref(LOG)
    both = await asyncio.gather(ref.health(), ref.health(), return_exceptions=True)
    assert [type(one) for one in both] == [ValueError, ValueError]
    assert "id" in await ref.health()


async def test_a_caller_that_goes_away_does_not_stop_the_start(world: World) -> None:
    world.open.clear()
    calling = asyncio.create_task(world.runtime.ref(LOG).health())
    await passed(lambda: bool(world.story))
    calling.cancel()
    await asyncio.wait([calling])
    world.open.set()
    assert "id" in await world.runtime.ref(LOG).health()
    assert world.story.count("start log/default") == 1


async def test_who_waited_for_a_start_that_was_given_up_is_told_to_ask_again(world: World) -> None:
    world.open.clear()
    asking = asyncio.create_task(world.runtime.ref(LOG).health())
    await passed(lambda: world.story == [f"start {LOG}"])
    await world.runtime.discard(LOG)
    with pytest.raises(UnavailableError, match="Ask again"):
        await asking
    world.open.set()
    await world.runtime.ref(LOG).health()


_OF_RAY = [
    exceptions.ActorUnavailableError("away", None),
    exceptions.ActorDiedError(),
    exceptions.RayActorError(),
    exceptions.WorkerCrashedError(),
    exceptions.NodeDiedError("its node"),
    exceptions.LocalRayletDiedError(),
    exceptions.RaySystemError("the control store"),
    exceptions.RpcError("unavailable"),
    exceptions.GetTimeoutError("no control store"),
    exceptions.ActorAlreadyExistsError("log/default"),
    RuntimeError("Failed to connect to GCS"),
    ConnectionError("Ray is starting"),
]


@pytest.mark.parametrize("error", _OF_RAY, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("sent", [True, False])
def test_whatever_ray_says_that_is_not_ready_is_a_line_that_broke(error: Exception, sent: bool) -> None:
    with pytest.raises(CutError) as cut, carrying(sent=sent):
        raise error
    assert cut.value.sent == sent
    assert type(error).__name__ in str(cut.value)


async def test_after_a_stop_the_next_call_makes_a_new_one(world: World) -> None:
    ref = world.runtime.ref(LOG)
    before = await ref.health()
    await world.runtime.stop(LOG)
    await world.runtime.stop(LOG)
    assert world.runtime.running() == []
    assert await ref.health() != before


async def test_the_new_one_does_not_start_before_the_old_one_is_gone(world: World) -> None:
    ref = world.runtime.ref(LOG)
    await ref.health()
    world.open.clear()
    stopping = asyncio.create_task(world.runtime.stop(LOG))
    await passed(lambda: "stop log/default" in world.story)
    calling = asyncio.create_task(ref.health())
    again = asyncio.create_task(world.runtime.stop(LOG))  # also in the middle of that
    world.open.set()
    async with asyncio.timeout(DEADLINE_S):
        await asyncio.gather(stopping, calling, again)
    order = [one.split()[0] for one in world.story]
    assert order[:4] == ["start", "started", "stop", "stopped"]
    assert all(order[at] == "start" for at in range(4, len(order), 4))


async def test_shutting_down_ends_writers_last_starts_nothing_and_minds_nobody_who_cannot_stop(world: World) -> None:
    for kind in ("log", "projector", "budget", "router", "agent", "coordinator", "supervisor"):
        await world.runtime.ref(Address(kind, "default")).health()
    world.bad_stop = True
    await world.runtime.shutdown()
    stopped = [one.removeprefix("stop ").split("/")[0] for one in world.story if one.startswith("stop ")]
    assert stopped == ["supervisor", "coordinator", "agent", "router", "budget", "projector", "log"]
    with pytest.raises(UnavailableError):
        await world.runtime.ref(LOG).health()


async def test_of_a_cell_that_is_closed_for_good_nobody_begins_anew_meanwhile_and_others_go_on(world: World) -> None:
    coordinator, elsewhere = Address("coordinator", "default"), Address("log", "other")
    for address in (coordinator, LOG):
        await world.runtime.ref(address).health()
    world.open.clear()
    closing = asyncio.create_task(world.runtime.close_cell("default", for_good=True))
    await passed(lambda: "stop coordinator/default" in world.story)
    # The log is the last to stop: what the others still have to record must find it.
    assert "id" in await world.runtime.ref(LOG).health()
    with pytest.raises(UnavailableError, match="'default' is being closed here") as refused:
        await world.runtime.ref(coordinator).health()
    assert refused.value.details["retry_after_s"] > 0
    world.open.set()
    assert "id" in await world.runtime.ref(elsewhere).health()
    await closing
    assert world.runtime.running() == [elsewhere]
    assert world.story.count("start coordinator/default") == 1
    assert "id" in await world.runtime.ref(coordinator).health()  # as where the lease has come back


async def test_a_budget_manager_that_starts_while_its_cell_is_closed_keeps_nobody_waiting_for_the_log() -> None:
    asked = 0

    def build(address: Address, runtime: Runtime) -> Any:
        nonlocal asked
        if address == LOG:
            asked += 1
            raise UnavailableError("The store is away.")
        return manager(LogClient(runtime.ref(LOG), "default"), now)

    runtime = LocalRuntime(build)
    starting = asyncio.create_task(runtime.ref(BUDGET).health())
    async with asyncio.timeout(DEADLINE_S):
        # It asks again and again for a log that may come back.
        await passed(lambda: asked > 1)
        await runtime.close_cell("default", for_good=True)
    with pytest.raises(EndingError):
        await starting
    assert runtime.running() == []


async def test_after_cells_have_closed_memory_is_given_back_once_and_not_after_the_end(world: World) -> None:
    given: list[int] = []
    loop = asyncio.get_running_loop()
    done = asyncio.Event()

    def give_back(pad: int) -> int:
        given.append(pad)
        loop.call_soon_threadsafe(done.set)
        return 1

    runtime = LocalRuntime(
        lambda address, runtime: Thing(address, runtime, world), freed=FreedMemory(give_back, every_s=0.01)
    )
    await runtime.close_cell("default", ("agent",))  # of a cell that goes on
    await asyncio.gather(*(runtime.close_cell(f"w{number}") for number in range(5)))
    async with asyncio.timeout(DEADLINE_S):
        await done.wait()
    assert given == [0]
    await runtime.close_cell("default")
    await runtime.shutdown()
    assert given == [0]


@pytest.mark.skipif(trim() is None, reason="this C library gives nothing back")
def test_what_was_freed_between_pieces_in_use_goes_back_to_the_system() -> None:
    give_back = trim()
    assert give_back is not None
    pieces = [bytearray(2_000) for _ in range(20_000)]
    kept = pieces[::50]
    del pieces
    before = psutil.Process().memory_info().rss
    give_back(0)
    assert psutil.Process().memory_info().rss < before - 20_000_000
    assert len(kept) == 400


async def test_a_reference_has_no_secret_methods(world: World) -> None:
    for ref in (world.runtime.ref(LOG), _far().ref(LOG)):
        with pytest.raises(AttributeError):
            _ = ref.__secret__


def test_an_address_is_written_and_read_alike() -> None:
    for address in (Address("router"), LOG, Address("agent", "default", "architect-2")):
        assert Address.parse(str(address)) == address
        assert pickle.loads(pickle.dumps(address)) == address


@pytest.mark.parametrize(
    ("address", "separate", "packed", "shards"),
    [
        (Address("router"), "router", "router", "shared"),
        (Address("supervisor"), "supervisor", "supervisor", "shared"),
        (Address("log", PEOPLE), "log/_people", "cell/_people", "shared"),
        (LOG, "log/default", "cell/default", "shard/1"),
        (BUDGET, "budget/default", "cell/default", "shard/1"),
        (Address("coordinator", "acme"), "coordinator/acme", "cell/acme", "shard/0"),
        (Address("agent", "acme", "tester"), "agent/acme/tester", "agents/acme", "shard/0"),
    ],
)
def test_the_placement_says_in_which_process_an_object_lives(
    address: Address, separate: str, packed: str, shards: str
) -> None:
    assert host_of(address, "separate") == separate
    assert host_of(address, "packed") == packed
    assert host_of(address, "shards", 2) == shards


def test_a_host_starts_by_itself_what_lives_in_it_but_agents_are_started_by_their_work() -> None:
    assert residents("cell/acme") == tuple(
        Address(kind, "acme")
        for kind in ("log", "projector", "budget", "repositories", "workflows", "webhooks", "coordinator")
    )
    assert residents("agents/acme") == residents("shard/0") == ()
    assert {one.kind for one in residents("shared")} == {"log", "projector", "identity", "router", "supervisor"}
    for address in (Address("router"), LOG, Address("agent", "acme", "tester")):
        assert residents(host_of(address, "separate")) == (address,)


def _far() -> RayRuntime:
    return RayRuntime(HostConfig("tests:none", "packed"))


def test_a_reference_over_ray_is_made_without_asking_anybody() -> None:
    """Making one starts nothing: this test has no Ray."""
    assert isinstance(_far().ref(LOG), FarRef)
