"""What nobody names goes, what somebody names stays, and who is not sure waits."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.run import ArtifactRecorded
from vapora.blobs import Blobs, BlobStore, named_in, sweep
from vapora.errors import BadInputError
from vapora.log import encode

GRACE = timedelta(hours=24)
Open = Callable[..., Blobs]


def naming(store: Blobs, text: str) -> bytes:
    """An event as it is stored that names the text."""
    event = ArtifactRecorded(run_id="r", task_id="t", name="work.md", kind="text", content=store.content(text))
    return b'{"v":1,"data":' + encode(event).data + b"}"


def large(number: int) -> str:
    return f"{number:05}" * 3_000


def digest(number: int) -> str:
    return hashlib.sha256(large(number).encode()).hexdigest()


def test_a_dry_run_shows_what_would_go_and_removes_nothing(open_store: Open) -> None:
    store = open_store()
    states = [naming(store, large(0))]
    naming(store, large(1))
    later = datetime.now(UTC) + GRACE + timedelta(minutes=5)
    found = sweep(store, lambda: named_in(states), later, GRACE)
    assert ([one.digest for one in found.orphans], found.named, found.young) == ([digest(1)], 1, 0)
    assert (found.bytes, found.removed) == (15_000, None)
    assert len(list(store.stored())) == 2


def test_only_orphans_are_removed(open_store: Open) -> None:
    store = open_store()
    states = [naming(store, large(number)) for number in range(5)]
    for number in range(5, 8):
        naming(store, large(number))
    later = datetime.now(UTC) + GRACE + timedelta(minutes=5)
    assert sweep(store, lambda: named_in(states), later, GRACE, delete=True).removed == 3
    assert {one.digest for one in store.stored()} == {digest(number) for number in range(5)}
    assert sweep(store, lambda: named_in(states), later, GRACE, delete=True).orphans == ()


def test_what_may_be_named_in_a_moment_is_left_alone(open_store: Open) -> None:
    store = open_store()
    naming(store, large(1))
    found = sweep(store, set, datetime.now(UTC), GRACE, delete=True)
    assert (found.orphans, found.young, found.removed) == ((), 1, 0)
    assert len(list(store.stored())) == 1


def test_what_is_named_while_the_store_is_listed_stays(open_store: Open) -> None:
    """The log is read after the listing, so an append in between is seen."""
    store = open_store()
    naming(store, large(1))
    states: list[bytes] = []

    def read() -> set[str]:
        states.append(naming(store, large(1)))
        return named_in(states)

    later = datetime.now(UTC) + GRACE + timedelta(minutes=5)
    assert sweep(store, read, later, GRACE, delete=True).removed == 0


@pytest.mark.parametrize("hours", [0, 1, 1.99])
def test_a_short_grace_period_is_refused(tmp_path: Path, hours: float) -> None:
    with pytest.raises(BadInputError, match="too short"):
        sweep(BlobStore(tmp_path), set, datetime.now(UTC), timedelta(hours=hours))


def test_an_old_orphan_that_is_put_again_is_young_again(tmp_path: Path) -> None:
    """It is about to be named; a sweep that had listed it before must not take it."""
    store = BlobStore(tmp_path)
    content = store.content(large(1))
    [path] = [path for path in tmp_path.rglob("*") if path.is_file()]
    os.utime(path, (1, 1))
    before = datetime.now(UTC) - GRACE
    store.content(large(1))
    assert not store.remove(digest(1), before)
    assert store.text(content) == large(1)


ages = st.integers(0, 72)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(ages, st.booleans()), max_size=25), st.integers(2, 48))
def test_no_named_text_and_no_young_one_is_ever_removed(blobs: list[tuple[int, bool]], grace_h: int) -> None:
    now = datetime.now(UTC)
    with tempfile.TemporaryDirectory() as folder:
        store = BlobStore(Path(folder))
        states = []
        for number, (age_h, named) in enumerate(blobs):
            state = naming(store, large(number))
            states += [state] if named else []
            at = (now - timedelta(hours=age_h, minutes=1)).timestamp()
            os.utime(Path(folder) / digest(number)[:2] / digest(number), (at, at))
        sweep(store, lambda: named_in(states), now, timedelta(hours=grace_h), delete=True)
        left = {one.digest for one in store.stored()}
    expected = {digest(number) for number, (age_h, named) in enumerate(blobs) if named or age_h < grace_h}
    assert left == expected


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(alphabet='0123456789abcdef"\\,:{}', max_size=90), max_size=5), st.integers(0, 99))
def test_a_digest_is_found_in_an_event_whatever_stands_around_it(texts: list[str], number: int) -> None:
    event = ArtifactRecorded.model_validate(
        {
            "run_id": "".join(texts),
            "task_id": "t",
            "name": digest(number + 1),
            "kind": "".join(reversed(texts)),
            "content": {"digest": digest(number), "size": 15_000},
        }
    )
    assert {digest(number), digest(number + 1)} <= named_in([encode(event).data])
