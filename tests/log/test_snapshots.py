from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from vapora.log.folds.snapshots import EventRef, Snapshot, SnapshotStore


@dataclass(frozen=True)
class Counted:
    numbers: list[int]
    names: dict[str, tuple[str, int]]


MARK = EventRef(7, "ledger", 3, "req-1", "2026-11-22T12:00:00+00:00")
SAVED = Snapshot(MARK, 3, Counted([1, 2], {"a": ("b", 3)}))


def store(folder: Path, name: str = "counted", fold: str = "counted-1") -> SnapshotStore[Counted]:
    return SnapshotStore(folder, name, fold, Counted)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cell" / "snapshots"


def lines(captured: list[Any]) -> list[str]:
    return [one["why"] for one in captured]


def test_what_was_saved_is_loaded(folder: Path) -> None:
    assert store(folder).load() is None
    assert store(folder).save(SAVED)
    assert store(folder).load() == SAVED
    newer = replace(SAVED, mark=replace(MARK, position=9), data=Counted([3], {}))
    assert store(folder).save(newer)
    assert store(folder).load() == newer


def test_it_is_one_file_for_its_owner_alone(folder: Path) -> None:
    store(folder).save(SAVED)
    store(folder).save(SAVED)
    [file] = folder.iterdir()
    assert (file.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_name_is_no_path(folder: Path) -> None:
    for name in ("../x", "", "a/b", "A"):
        with pytest.raises(ValueError, match="name"):
            store(folder, name)


def test_a_file_that_differs_in_any_byte_is_left_aside_and_said_so(folder: Path) -> None:
    store(folder).save(SAVED)
    [file] = folder.iterdir()
    whole = file.read_bytes()
    for place in range(len(whole)):
        for damaged in (whole[:place], whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]):
            file.write_bytes(damaged)
            with capture_logs() as captured:
                assert store(folder).load() is None, damaged
            assert len(lines(captured)) == 1


def test_what_is_appended_to_a_file_makes_it_broken(folder: Path) -> None:
    store(folder).save(SAVED)
    [file] = folder.iterdir()
    file.write_bytes(file.read_bytes() + b" ")
    assert store(folder).load() is None


@pytest.mark.parametrize("content", [b"", b"\n", b"\x00" * 10_000, b"{}\n{}", b"SQLite format 3\x00"])
def test_a_foreign_file_is_left_aside(folder: Path, content: bytes) -> None:
    folder.mkdir(parents=True)
    (folder / "counted.snapshot").write_bytes(content)
    with capture_logs() as captured:
        assert store(folder).load() is None
    assert len(lines(captured)) == 1


def test_a_snapshot_of_another_fold_is_left_aside_whether_older_or_newer(folder: Path) -> None:
    store(folder, fold="counted-2").save(SAVED)
    with capture_logs() as captured:
        assert store(folder, fold="counted-1").load() is None
        assert store(folder, fold="counted-3").load() is None
    assert lines(captured) == ["it is counted of the fold counted-2 in format 1"] * 2


def test_a_snapshot_under_another_name_is_left_aside(folder: Path) -> None:
    store(folder).save(SAVED)
    (folder / "counted.snapshot").rename(folder / "other.snapshot")
    assert store(folder, "other").load() is None


def test_a_newer_format_is_left_aside(folder: Path) -> None:
    store(folder).save(SAVED)
    [file] = folder.iterdir()
    label, _, data = file.read_bytes().partition(b"\n")
    file.write_bytes(json.dumps(json.loads(label) | {"format": 2}).encode() + b"\n" + data)
    with capture_logs() as captured:
        assert store(folder).load() is None
    assert lines(captured) == ["it is counted of the fold counted-1 in format 2"]


def test_a_folder_that_takes_no_file_is_said_so_and_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "snapshots").write_text("a file")
    with capture_logs() as captured:
        assert not store(tmp_path / "snapshots").save(SAVED)
        assert store(tmp_path / "snapshots").load() is None
    assert len(lines(captured)) == 2


def test_what_a_crash_left_half_written_is_cleared_and_the_one_before_stands(folder: Path) -> None:
    store(folder).save(SAVED)
    (folder / ".counted.snapshot.abc").write_text("half")
    assert store(folder).load() == SAVED
    store(folder).save(SAVED)
    assert [file.name for file in folder.iterdir()] == ["counted.snapshot"]
