"""What a caller may rely on, whatever carries the call: each of these runs over local, direct and Ray."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable

import pytest

from tests.actors.transports import ERRORS, ONCE, REPEATED, Transport, notes
from tests.waiting import until
from vapora.errors import UnavailableError, VaporaError

IN_FLIGHT = 48
LARGE = 10_000_000


async def values_come_back(transport: Transport) -> None:
    ref = transport.ref(REPEATED)
    assert await ref.echo("x", times=3) == "xxx"
    assert await ref.echo([b"\0\1"]) == [b"\0\1"]
    assert await ref.echo(None or ()) == ()


async def both_addresses_are_there(transport: Transport) -> None:
    first, second = await asyncio.gather(transport.ref(ONCE).echo(1), transport.ref(REPEATED).echo(2))
    assert (first, second) == (1, 2)
    assert len(notes(transport.folder, "starts")) == 2


async def errors_are_those_of_the_tree(transport: Transport) -> None:
    for how, wanted in ERRORS.items():
        with pytest.raises(type(wanted)) as caught:
            await transport.ref(REPEATED).fail(how)
        assert str(caught.value) == str(wanted)
        if isinstance(wanted, VaporaError):
            assert isinstance(caught.value, VaporaError)
            assert (caught.value.remedy, caught.value.details) == (wanted.remedy, wanted.details)


async def an_unknown_method_is_an_error(transport: Transport) -> None:
    with pytest.raises(AttributeError):
        await transport.ref(REPEATED).nonsense()


async def many_are_under_way_and_none_is_mixed_up(transport: Transport) -> None:
    ref = transport.ref(REPEATED)
    held = [asyncio.create_task(ref.hold(str(number))) for number in range(IN_FLIGHT)]
    await until(lambda: len(notes(transport.folder, "held")) == IN_FLIGHT)
    # Others are answered meanwhile.
    assert await asyncio.gather(*(ref.echo(number) for number in range(IN_FLIGHT))) == list(range(IN_FLIGHT))
    assert not any(one.done() for one in held)
    await ref.release()
    assert await asyncio.gather(*held) == [str(number) for number in range(IN_FLIGHT)]
    assert await ref.most_at_once() == IN_FLIGHT


async def large_messages_come_whole_beside_small_ones(transport: Transport) -> None:
    ref = transport.ref(REPEATED)
    large = os.urandom(LARGE)
    *small, back = await asyncio.gather(*(ref.echo(number) for number in range(IN_FLIGHT)), ref.echo(large))
    assert small == list(range(IN_FLIGHT))
    assert back == large


CONTRACT: tuple[Callable[[Transport], Awaitable[None]], ...] = (
    values_come_back,
    both_addresses_are_there,
    errors_are_those_of_the_tree,
    an_unknown_method_is_an_error,
    many_are_under_way_and_none_is_mixed_up,
    large_messages_come_whole_beside_small_ones,
)


async def who_goes_away_cancels_the_call_and_no_other(transport: Transport) -> None:
    ref = transport.ref(REPEATED)
    gone, stays = asyncio.create_task(ref.hold("gone")), asyncio.create_task(ref.hold("stays"))
    await until(lambda: len(notes(transport.folder, "held")) == 2)
    gone.cancel()
    await asyncio.wait([gone])
    assert gone.cancelled()
    await until(lambda: notes(transport.folder, "cancelled") == ["gone"])
    await ref.release()
    assert await stays == "stays"


# Ray passes no cancellation on; over local and direct it reaches the actor.
CANCELLING = (who_goes_away_cancels_the_call_and_no_other,)


async def an_error_that_does_not_pickle_is_told_all_the_same(transport: Transport) -> None:
    with pytest.raises(RuntimeError, match="Unpicklable: 1 and 2"):
        await transport.ref(REPEATED).fail("unpicklable")


async def a_call_that_may_be_repeated_outlives_the_death_of_the_other_side(transport: Transport) -> None:
    before = (await transport.ref(REPEATED).health())["pid"]
    assert await transport.ref(REPEATED).die_once() == "alive"
    assert len(notes(transport.folder, "deaths")) == 1
    assert (await transport.ref(REPEATED).health())["pid"] != before


async def a_call_that_may_not_is_not_sent_again_and_says_so(transport: Transport) -> None:
    with pytest.raises(UnavailableError, match="router does not answer"):
        await transport.ref(ONCE).complete()
    # The next one is another call, and finds the next process.
    assert await transport.ref(ONCE).complete() == "alive"
    assert len(notes(transport.folder, "deaths")) == 1


async def all_who_wait_when_it_dies_are_answered_by_the_next_one(transport: Transport) -> None:
    ref = transport.ref(REPEATED)
    held = [asyncio.create_task(ref.hold(str(number))) for number in range(IN_FLIGHT)]
    await until(lambda: len(notes(transport.folder, "held")) == IN_FLIGHT)
    assert await ref.die_once() == "alive"
    await until(lambda: len(notes(transport.folder, "held")) == 2 * IN_FLIGHT)
    await ref.release()
    assert await asyncio.gather(*held) == [str(number) for number in range(IN_FLIGHT)]


# What only a process of its own can show.
FAR: tuple[Callable[[Transport], Awaitable[None]], ...] = (
    an_error_that_does_not_pickle_is_told_all_the_same,
    a_call_that_may_be_repeated_outlives_the_death_of_the_other_side,
    a_call_that_may_not_is_not_sent_again_and_says_so,
    all_who_wait_when_it_dies_are_answered_by_the_next_one,
)
