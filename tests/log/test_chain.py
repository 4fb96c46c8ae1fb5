"""The chain, in memory as on disk: every way to lie about the past is found, at the first position that lies."""

from __future__ import annotations

import hashlib
import sqlite3
import struct
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.log.conftest import MakeRequest
from vapora.errors import ConfigurationError, CorruptLogError, LogError
from vapora.log import checkpoints as books
from vapora.log.chain import GENESIS, Link, Tip, follows, link
from vapora.log.checkpoints import Checkpoint, CheckpointBook
from vapora.log.event_log import EventLog
from vapora.log.keys import SigningKey, Verifier, public_path
from vapora.log.sqlite import SQLiteLog
from vapora.log.verify import Verdict, verify

AT = datetime(2026, 11, 22, tzinfo=UTC)
EVENTS = 12
NUMBERS = ("position", "originator_version")
COLUMNS = (*NUMBERS, "originator_id", "topic", "state", "digest")
Change = Callable[[sqlite3.Connection], object]


def test_a_digest_takes_in_the_one_before_it_and_every_column() -> None:
    numbers = struct.pack(">qqII", 3, 2, 6, 13)
    plain = GENESIS.digest + numbers + b"task:1" + b"task.approved" + b"{}"
    assert link(GENESIS.digest, 3, b"task:1", 2, b"task.approved", b"{}") == hashlib.sha256(plain).digest()
    assert GENESIS.digest.hex() == "0" * 64


_bytes = st.binary(max_size=6)
_event = st.tuples(st.integers(0, 300), _bytes, st.integers(0, 300), _bytes, _bytes)


@given(one=_event, other=_event)
def test_no_two_events_have_one_digest(
    one: tuple[int, bytes, int, bytes, bytes], other: tuple[int, bytes, int, bytes, bytes]
) -> None:
    assert (link(GENESIS.digest, *one) == link(GENESIS.digest, *other)) == (one == other)


def test_every_log_is_chained_from_its_first_event_on(log: EventLog, make: MakeRequest) -> None:
    assert log.tip() == GENESIS
    log.append([make(("a", 0, 2)), make(("b", 0, 1))])
    log.append([make(("a", 2, 1))])
    links = log.scan(None)
    digests = [GENESIS.digest, *(found.digest for found in links)]
    assert all(follows(before, found) for before, found in zip(digests, links, strict=False))
    assert log.tip() == Tip(4, digests[-1])
    assert [found.position for found in log.scan(1, 2)] == [2, 3]
    assert log.topics() == {"task.approved": 1}
    assert verify(log) == Verdict(4, log.tip(), 0)


def test_an_empty_log_is_whole(log: EventLog) -> None:
    assert verify(log) == Verdict(0, GENESIS, 0)


@pytest.fixture
def whole(path: Path, make: MakeRequest) -> Path:
    log = SQLiteLog.open(path, "acme")
    for number in range(EVENTS // 3):
        log.append([make(("task:a", number, 1), ("ledger", number * 2, 2))])
    log.close()
    return path


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return SigningKey.open(tmp_path / "audit_key")


@pytest.fixture
def book(tmp_path: Path, key: SigningKey) -> CheckpointBook:
    return CheckpointBook(tmp_path / "checkpoints.jsonl", "acme", key)


def judged(path: Path, signed: list[Checkpoint] | None = None) -> Verdict:
    log = SQLiteLog.open_for_reading(path)
    try:
        return verify(log, signed or [])
    finally:
        log.close()


def change(path: Path, *steps: str | Change) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for step in steps:
            if isinstance(step, str):
                connection.execute(step)
            else:
                step(connection)


def flip(column: str, position: int, bit: int) -> Change:
    """One bit of a stored value, with its type kept."""

    def run(connection: sqlite3.Connection) -> None:
        if column in NUMBERS:
            (value,) = connection.execute(
                f"SELECT {column} FROM stored_events WHERE position = ?", (position,)
            ).fetchone()
            flipped: object = value ^ (1 << bit) if bit < 63 else value - 2**63
            cast = "?"
        else:
            select = f"SELECT CAST({column} AS BLOB) FROM stored_events WHERE position = ?"
            value = bytearray(connection.execute(select, (position,)).fetchone()[0])
            value[(bit // 8) % len(value)] ^= 1 << bit % 8
            flipped, cast = bytes(value), "CAST(? AS TEXT)" if column in ("originator_id", "topic") else "?"
        connection.execute(f"UPDATE stored_events SET {column} = {cast} WHERE position = ?", (flipped, position))

    return run


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("position", [1, 2, 7, EVENTS])
def test_a_flipped_bit_in_any_column_of_any_event_is_found_where_it_is(column: str, position: int, whole: Path) -> None:
    original = whole.read_bytes()
    # Of numbers only bits above the 12 events': two events with one number cannot be stored at all.
    for bit in (4, 5, 7, 12, 40, 63) if column in NUMBERS else (0, 1, 5, 7, 12, 40, 63):
        whole.write_bytes(original)
        change(whole, flip(column, position, bit))
        verdict = judged(whole)
        assert not verdict.ok
        if column == "position":
            # It now stands elsewhere: it is bad there, or the one that came after it is, whichever comes first.
            moved = position ^ (1 << bit) if bit < 63 else position - 2**63
            assert verdict.position == (moved if moved < 0 or position == EVENTS else position + 1)
        else:
            assert verdict.position == position, (bit, verdict)


@pytest.mark.parametrize("column", ["originator_id", "topic", "state", "digest"])
def test_a_value_of_another_type_with_the_same_bytes_is_found(column: str, whole: Path) -> None:
    kind = "BLOB" if column in ("originator_id", "topic") else "TEXT"
    change(whole, f"UPDATE stored_events SET {column} = CAST({column} AS {kind}) WHERE position = 5")
    assert (judged(whole).position, judged(whole).ok) == (5, False)


@pytest.mark.parametrize("position", range(1, EVENTS))
def test_a_deleted_event_is_found_at_the_one_after_it(position: int, whole: Path) -> None:
    change(whole, f"DELETE FROM stored_events WHERE position = {position}")
    verdict = judged(whole)
    assert verdict.position == position + 1
    assert "missing" in str(verdict.fault)


@pytest.mark.parametrize("position", range(2, EVENTS + 1))
def test_a_deleted_event_whose_gap_was_closed_is_found(position: int, whole: Path) -> None:
    change(
        whole,
        f"DELETE FROM stored_events WHERE position = {position - 1}",
        f"UPDATE stored_events SET position = position - 1 WHERE position >= {position}",
    )
    assert judged(whole).position == position - 1


@pytest.mark.parametrize("position", range(1, EVENTS + 2))
def test_an_inserted_event_is_found(position: int, whole: Path) -> None:
    change(
        whole,
        f"UPDATE stored_events SET position = -position - 1 WHERE position >= {position}",
        "UPDATE stored_events SET position = -position WHERE position < 0",
        f"INSERT INTO stored_events SELECT {position}, 'evil', 1, topic, state, digest "
        f"FROM stored_events WHERE position = {1 if position > 1 else 2}",
    )
    assert judged(whole).position == position


@pytest.mark.parametrize("position", range(1, EVENTS))
def test_two_events_in_each_others_place_are_found(position: int, whole: Path) -> None:
    change(
        whole,
        f"UPDATE stored_events SET position = -1 WHERE position = {position}",
        f"UPDATE stored_events SET position = {position} WHERE position = {position + 1}",
        f"UPDATE stored_events SET position = {position + 1} WHERE position = -1",
    )
    assert judged(whole).position == position


def rechained(connection: sqlite3.Connection) -> None:
    """What a forger does who knows how digests are made: every digest anew."""
    digest = GENESIS.digest
    for row in connection.execute(
        "SELECT position, originator_id, originator_version, topic, state FROM stored_events ORDER BY position"
    ).fetchall():
        digest = link(digest, row[0], row[1].encode(), row[2], row[3].encode(), row[4])
        connection.execute("UPDATE stored_events SET digest = ? WHERE position = ?", (digest, row[0]))


@pytest.fixture
def signed(whole: Path, book: CheckpointBook, tmp_path: Path) -> list[Checkpoint]:
    """At the positions 5 and 12."""
    log = SQLiteLog.open_for_reading(whole)
    links = log.scan(None)
    log.close()
    for found in (links[4], links[11]):
        book.sign(Tip(found.position, found.digest), AT)
    read = books.read(tmp_path / "checkpoints.jsonl")
    assert books.fault(read, "acme", Verifier.open(public_path(tmp_path / "audit_key"))) is None
    return read


def test_signed_checkpoints_fit_a_log_that_was_left_alone(whole: Path, signed: list[Checkpoint]) -> None:
    verdict = judged(whole, signed)
    assert (verdict.ok, verdict.events, verdict.checkpoints) == (True, EVENTS, 2)


@pytest.mark.parametrize("left", range(EVENTS))
def test_a_cut_tail_is_found_by_the_checkpoints(left: int, whole: Path, signed: list[Checkpoint]) -> None:
    change(
        whole,
        f"DELETE FROM stored_events WHERE position > {left}",
        f"UPDATE sqlite_sequence SET seq = {left}",
    )
    assert judged(whole).ok
    verdict = judged(whole, signed)
    assert verdict.position == left + 1
    assert "the tail was cut" in str(verdict.fault)


def test_a_log_that_was_written_anew_is_found_at_the_first_checkpoint_after_the_change(
    whole: Path, signed: list[Checkpoint]
) -> None:
    change(whole, flip("originator_version", 7, 5), rechained)
    assert judged(whole).ok
    assert judged(whole, signed).position == EVENTS
    change(whole, flip("topic", 2, 0), rechained)
    assert judged(whole, signed).position == 5
    change(whole, "DELETE FROM stored_events WHERE position = 5", rechained)
    assert "was signed" in str(judged(whole, signed).fault)


def test_a_page_that_cannot_be_read_names_the_first_event_that_cannot(whole: Path) -> None:
    log = SQLiteLog.open_for_reading(whole)

    class Torn:
        def __getattr__(self, name: str) -> object:
            return getattr(log, name)

        def scan(self, after: int | None, limit: int = 2_000) -> list[Link]:
            found = log.scan(after, limit)
            if any(one.position >= 8 for one in found):
                raise LogError("database disk image is malformed")
            return found

    verdict = verify(Torn())  # type: ignore[arg-type]
    log.close()
    assert (verdict.position, verdict.events) == (8, 7)
    assert "malformed" in str(verdict.fault)


def test_flipped_bits_in_the_file_itself_are_found(whole: Path) -> None:
    original = whole.read_bytes()
    known = judged(whole)
    states = [original.find(b'"req":"req-%d"' % number) for number in range(1, EVENTS // 3 + 1)]
    assert all(at > 0 for at in states)
    for at in [*states, *(at - 30 for at in states)]:
        data = bytearray(original)
        data[at] ^= 0b100
        whole.write_bytes(data)
        assert not judged(whole).ok
    whole.write_bytes(original)
    assert judged(whole) == known


def test_an_index_that_lies_is_found_though_every_event_is_whole(whole: Path) -> None:
    def misfiled(connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_master SET rootpage = (SELECT rootpage FROM sqlite_master WHERE name = 'writer') "
            "WHERE name = 'sqlite_autoindex_stored_events_1'"
        )

    change(whole, misfiled)
    try:
        verdict = judged(whole)
    except LogError:
        return
    assert not verdict.ok


# --- keys and checkpoints ---


def test_the_key_is_made_once_for_its_owner_alone_with_its_public_half_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "audit_key"
    first, second = SigningKey.open(path), SigningKey.open(path)
    assert first.id == second.id
    assert path.stat().st_mode & 0o777 == 0o600
    assert Verifier.open(public_path(path)).proves(first.id, b"x", second.sign(b"x"))
    assert sorted(file.name for file in path.parent.iterdir()) == ["audit_key", "audit_key.pub"]
    path.chmod(0o644)
    SigningKey.open(path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_key_that_is_gone_is_not_made_anew_in_silence(tmp_path: Path) -> None:
    path = tmp_path / "audit_key"
    SigningKey.open(path)
    path.unlink()
    with pytest.raises(ConfigurationError, match="is missing at"):
        SigningKey.open(path)
    assert not path.exists()


@pytest.mark.parametrize("content", [b"", b"no key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_file_that_is_no_key_is_refused_and_left_alone(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "audit_key"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="cannot be read or made"):
        SigningKey.open(path)
    with pytest.raises(ConfigurationError, match="--key"):
        Verifier.open(path)
    assert path.read_bytes() == content


def test_two_keys_one_after_another_prove_what_each_signed(tmp_path: Path) -> None:
    old, new = SigningKey.open(tmp_path / "old"), SigningKey.open(tmp_path / "new")
    both = tmp_path / "both.pub"
    both.write_bytes((tmp_path / "new.pub").read_bytes() + (tmp_path / "old.pub").read_bytes())
    verifier = Verifier.open(both)
    assert all(verifier.proves(key.id, b"m", key.sign(b"m")) for key in (old, new))
    assert not verifier.proves(old.id, b"m", new.sign(b"m"))
    assert not Verifier.open(tmp_path / "new.pub").knows(old.id)


@pytest.mark.parametrize("field", ["workspace", "position", "digest", "at", "key", "signature"])
def test_a_changed_field_of_a_checkpoint_is_found(field: str, signed: list[Checkpoint], tmp_path: Path) -> None:
    path = tmp_path / "checkpoints.jsonl"
    value = getattr(signed[1], field)
    before, after = (f'"{field}":{value}', f'"{field}":9') if field == "position" else (value, "0" + value[1:] + "0")
    first, second = path.read_text().splitlines()
    path.write_text(f"{first}\n{second.replace(before, after)}\n")
    read = books.read(path)
    assert books.fault(read, "acme", Verifier.open(tmp_path / "audit_key.pub")) is not None


def test_a_checkpoint_that_a_crash_left_half_written_does_not_count_and_is_cleared_away(
    signed: list[Checkpoint], book: CheckpointBook, tmp_path: Path
) -> None:
    path = tmp_path / "checkpoints.jsonl"
    with path.open("ab") as file:
        file.write(signed[0].line()[:-20])
    assert books.read(path) == signed
    book.sign(Tip(13, bytes(32)), AT)
    assert [one.position for one in books.read(path)] == [5, 12, 13]


@pytest.mark.parametrize(
    "line", ["{", "[]", '{"position": 1}', '{"workspace":1,"position":"1","digest":"","at":"","key":"","signature":""}']
)
def test_a_line_that_is_no_checkpoint_is_named(line: str, tmp_path: Path) -> None:
    (tmp_path / "c").write_text(line + "\n")
    with pytest.raises(CorruptLogError, match="Line 1"):
        books.read(tmp_path / "c")


def test_a_log_that_lost_what_was_signed_is_not_opened_for_more(
    whole: Path, signed: list[Checkpoint], book: CheckpointBook
) -> None:
    def opened() -> Iterator[EventLog]:
        log = SQLiteLog.open_for_reading(whole)
        yield log
        log.close()

    for log in opened():
        book.require_whole(log)
    change(whole, "DELETE FROM stored_events WHERE position > 11", "UPDATE sqlite_sequence SET seq = 11")
    for log in opened():
        with pytest.raises(CorruptLogError, match=r"position 12 is missing.*move .*checkpoints\.jsonl away"):
            book.require_whole(log)
    assert signed
