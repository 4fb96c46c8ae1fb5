"""The chain, in memory as on disk: every way to lie about the past is found, at the first position that lies."""

from __future__ import annotations

import hashlib
import sqlite3
import struct
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.log.conftest import MakeRequest
from tests.log.stored import COLUMNS, NUMBERS, ImpossibleError, Stored
from vapora.database import Place
from vapora.errors import ConfigurationError, CorruptLogError, LogError
from vapora.log.chain import GENESIS, Link, Tip, follows, link
from vapora.log.event_log import EventLog
from vapora.log.places import open_log
from vapora.log.proof import Checkpoint, CheckpointBook, SigningKey, Verdict, Verifier, public_path, verify
from vapora.log.proof import checkpoints as books

AT = datetime(2026, 11, 22, tzinfo=UTC)
EVENTS = 12


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
    assert log.topics() == {"task.approved": 4}
    assert verify(log) == Verdict(4, log.tip(), 0)


def test_an_empty_log_is_whole(log: EventLog) -> None:
    assert verify(log) == Verdict(0, GENESIS, 0)


@pytest.fixture(params=["sqlite", "postgres"])
def whole(request: pytest.FixtureRequest, path: Path, make: MakeRequest) -> Stored:
    """A closed log of 12 events."""
    place = request.getfixturevalue("database") if request.param == "postgres" else path
    return filled(place, make)


@pytest.fixture
def file(path: Path, make: MakeRequest) -> Stored:
    """The same in a file, for what only a file can suffer."""
    return filled(path, make)


def filled(place: Place, make: MakeRequest) -> Stored:
    log = open_log(place, "acme")
    for number in range(EVENTS // 3):
        log.append([make(("task:a", number, 1), ("ledger", number * 2, 2))])
    log.close()
    return Stored(place)


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return SigningKey.open(tmp_path / "audit_key")


@pytest.fixture
def book(tmp_path: Path, key: SigningKey) -> CheckpointBook:
    return CheckpointBook(tmp_path / "checkpoints.jsonl", "acme", key)


# Of numbers only bits above the 12 events': two events with one number cannot be stored at all.
BITS = {column: (4, 5, 7, 12, 40, 63) if column in NUMBERS else (0, 1, 5, 7, 12, 40, 63) for column in COLUMNS}


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("position", [1, 2, 7, EVENTS])
def test_a_flipped_bit_in_any_column_of_any_event_is_found_where_it_is(
    column: str, position: int, whole: Stored
) -> None:
    tried = 0
    for bit in BITS[column]:
        try:
            moved = whole.flip(column, position, bit)
        except ImpossibleError:
            continue  # it would be no text
        verdict = whole.judged()
        assert not verdict.ok
        if column == "position":
            # It now stands elsewhere: it is bad there, or the one that came after it is, whichever comes first.
            assert verdict.position == (moved if moved < 0 or position == EVENTS else position + 1)
        else:
            assert verdict.position == position, (bit, verdict)
        whole.flip(column, moved, bit)
        tried += 1
    assert whole.judged().ok
    assert tried >= 5


@pytest.mark.parametrize("column", ["originator_id", "topic", "state", "digest"])
def test_a_value_of_another_type_with_the_same_bytes_is_found(column: str, file: Stored) -> None:
    kind = "BLOB" if column in ("originator_id", "topic") else "TEXT"
    file.change(f"UPDATE stored_events SET {column} = CAST({column} AS {kind}) WHERE position = 5")
    assert (file.judged().position, file.judged().ok) == (5, False)


@pytest.mark.parametrize("position", range(1, EVENTS))
def test_a_deleted_event_is_found_at_the_one_after_it(position: int, whole: Stored) -> None:
    whole.change(f"DELETE FROM stored_events WHERE position = {position}")
    verdict = whole.judged()
    assert verdict.position == position + 1
    assert "missing" in str(verdict.fault)


@pytest.mark.parametrize("position", range(2, EVENTS + 1))
def test_a_deleted_event_whose_gap_was_closed_is_found(position: int, whole: Stored) -> None:
    whole.change(
        f"DELETE FROM stored_events WHERE position = {position - 1}",
        f"UPDATE stored_events SET position = position - 1 WHERE position >= {position}",
    )
    assert whole.judged().position == position - 1


@pytest.mark.parametrize("position", range(1, EVENTS + 2))
def test_an_inserted_event_is_found(position: int, whole: Stored) -> None:
    whole.change(
        f"UPDATE stored_events SET position = -position - 1 WHERE position >= {position}",
        "UPDATE stored_events SET position = -position WHERE position < 0",
        f"INSERT INTO stored_events SELECT {position}, 'evil', 1, topic, state, digest "
        f"FROM stored_events WHERE position = {1 if position > 1 else 2}",
    )
    assert whole.judged().position == position


@pytest.mark.parametrize("position", range(1, EVENTS))
def test_two_events_in_each_others_place_are_found(position: int, whole: Stored) -> None:
    whole.change(
        f"UPDATE stored_events SET position = -1 WHERE position = {position}",
        f"UPDATE stored_events SET position = {position} WHERE position = {position + 1}",
        f"UPDATE stored_events SET position = {position + 1} WHERE position = -1",
    )
    assert whole.judged().position == position


@pytest.fixture
def signed(whole: Stored, book: CheckpointBook, tmp_path: Path) -> list[Checkpoint]:
    """At the positions 5 and 12."""
    with closing(whole.opened()) as log:
        links = log.scan(None)
    for found in (links[4], links[11]):
        book.sign(Tip(found.position, found.digest), AT)
    read = books.read(tmp_path / "checkpoints.jsonl")
    assert books.fault(read, "acme", Verifier.open(public_path(tmp_path / "audit_key"))) is None
    return read


def test_signed_checkpoints_fit_a_log_that_was_left_alone(whole: Stored, signed: list[Checkpoint]) -> None:
    verdict = whole.judged(signed)
    assert (verdict.ok, verdict.events, verdict.checkpoints) == (True, EVENTS, 2)


@pytest.mark.parametrize("left", range(EVENTS))
def test_a_cut_tail_is_found_by_the_checkpoints(left: int, whole: Stored, signed: list[Checkpoint]) -> None:
    whole.cut(left)
    assert whole.judged().ok
    verdict = whole.judged(signed)
    assert verdict.position == left + 1
    assert "the tail was cut" in str(verdict.fault)


def test_a_log_that_was_written_anew_is_found_at_the_first_checkpoint_after_the_change(
    whole: Stored, signed: list[Checkpoint]
) -> None:
    whole.flip("originator_version", 7, 5)
    whole.rechain()
    assert whole.judged().ok
    assert whole.judged(signed).position == EVENTS
    whole.flip("topic", 2, 0)
    whole.rechain()
    assert whole.judged(signed).position == 5
    whole.change("DELETE FROM stored_events WHERE position = 5")
    whole.rechain()
    assert "was signed" in str(whole.judged(signed).fault)


def test_a_page_that_cannot_be_read_names_the_first_event_that_cannot(whole: Stored) -> None:
    log = whole.opened()

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


def test_flipped_bits_in_the_file_itself_are_found(file: Stored, path: Path) -> None:
    original = path.read_bytes()
    known = file.judged()
    states = [original.find(b'"req":"req-%d"' % number) for number in range(1, EVENTS // 3 + 1)]
    assert all(at > 0 for at in states)
    for at in [*states, *(at - 30 for at in states)]:
        data = bytearray(original)
        data[at] ^= 0b100
        path.write_bytes(data)
        assert not file.judged().ok
    path.write_bytes(original)
    assert file.judged() == known


def test_an_index_that_lies_is_found_though_every_event_is_whole(file: Stored, path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_master SET rootpage = (SELECT rootpage FROM sqlite_master WHERE name = 'writer') "
            "WHERE name = 'sqlite_autoindex_stored_events_1'"
        )
    try:
        verdict = file.judged()
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
    whole: Stored, signed: list[Checkpoint], book: CheckpointBook
) -> None:
    with closing(whole.opened()) as log:
        book.require_whole(log)
    whole.cut(11)
    with (
        closing(whole.opened()) as log,
        pytest.raises(CorruptLogError, match=r"position 12 is missing.*move .*checkpoints\.jsonl away"),
    ):
        book.require_whole(log)
    assert signed
