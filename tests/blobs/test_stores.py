"""What holds for blobs wherever they are kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from events.content import INLINE_LIMIT_BYTES, Content
from vapora.blobs import Blobs
from vapora.errors import NotFoundError

LARGE = "ü" * INLINE_LIMIT_BYTES
Open = Callable[..., Blobs]


def test_a_large_text_is_found_again_by_whoever_knows_its_digest(open_store: Open) -> None:
    content = open_store().content(LARGE)
    assert content == Content(digest=hashlib.sha256(LARGE.encode()).hexdigest(), size=2 * INLINE_LIMIT_BYTES)
    assert open_store().text(content) == LARGE


def test_a_small_text_stays_inline(open_store: Open) -> None:
    store = open_store()
    assert store.text(store.content("small")) == "small"
    assert list(store.stored()) == []


@pytest.mark.parametrize("data", [b"", b"\x00\xff" * 100_000, b"x" * 6_000_000], ids=["nothing", "bytes", "6 MB"])
def test_any_bytes_come_back_as_they_were(open_store: Open, data: bytes) -> None:
    store = open_store()
    assert store.get(store.put(data)) == data


def test_what_is_not_there_is_not_found(open_store: Open) -> None:
    for digest in ("0" * 64, "../../etc/passwd", ""):
        with pytest.raises(NotFoundError):
            open_store().get(digest)


def test_workspaces_do_not_see_each_others_texts(open_store: Open) -> None:
    digest = open_store("acme").put(b"theirs")
    assert list(open_store("other").stored()) == []
    with pytest.raises(NotFoundError):
        open_store("other").get(digest)


def test_it_lists_what_it_holds_with_size_and_age(open_store: Open) -> None:
    store = open_store()
    digests = {store.put(f"text {number}".encode()) for number in range(60)}
    found = list(store.stored())
    assert {one.digest for one in found} == digests and len(found) == 60
    assert {one.size for one in found} == {6, 7}
    assert all(abs(datetime.now(UTC) - one.modified_at) < timedelta(minutes=1) for one in found)


def test_what_is_removed_is_gone_and_what_is_younger_stays(open_store: Open) -> None:
    store = open_store()
    gone, kept = store.put(b"gone"), store.put(b"kept")
    now = datetime.now(UTC)
    assert store.remove(gone, now + timedelta(minutes=1))
    assert not store.remove(kept, now - timedelta(minutes=1))
    assert store.remove("0" * 64, now)
    assert [one.digest for one in store.stored()] == [kept]
    assert store.get(kept) == b"kept"
    assert store.get(store.put(b"gone")) == b"gone"
