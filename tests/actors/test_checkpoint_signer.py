"""Signatures beside the writer: often enough, at the start and at the end, and never in an append's way."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from actors.log_writer import LogWriter
from actors.log_writer.checkpoint_signer import CheckpointSigner
from tests.actors.test_log_writer import request
from tests.waiting import DEADLINE_S
from vapora.errors import ConfigurationError, CorruptLogError, UnavailableError
from vapora.log.proof import CheckpointBook, SigningKey, checkpoints
from vapora.log.sqlite import SQLiteLog


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "checkpoints.jsonl"


def make_writer(folder: Path, events: int = 1_000, interval_s: float = 3_600) -> LogWriter:
    signer = CheckpointSigner(
        lambda: CheckpointBook(folder / "checkpoints.jsonl", "acme", SigningKey.open(folder / "audit_key")),
        lambda: datetime.now(UTC),
        events=events,
        interval_s=interval_s,
    )
    return LogWriter(lambda: SQLiteLog.open(folder / "log.db", "acme"), signer=signer)


def signed(file: Path) -> list[int]:
    return [one.position for one in checkpoints.read(file)]


async def until(file: Path, positions: list[int]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while signed(file) != positions:
            await asyncio.sleep(0.005)


async def test_it_signs_at_the_start_after_so_many_events_and_at_the_end(file: Path) -> None:
    writer = make_writer(file.parent, events=3)
    await writer.start()
    assert signed(file) == [0]
    for number in range(4):
        await writer.append([request("a", number)])
        if number == 2:
            await until(file, [0, 3])
    await writer.stop()
    assert signed(file) == [0, 3, 4]
    await writer.start()
    await writer.stop()
    assert signed(file) == [0, 3, 4, 4]


async def test_it_signs_some_time_after_a_change_and_not_without_one(file: Path) -> None:
    writer = make_writer(file.parent, interval_s=0.02)
    await writer.start()
    await writer.append([request("a", 0)])
    await until(file, [0, 1])
    await writer.append([request("a", 1)])
    await until(file, [0, 1, 2])
    await writer.stop()
    assert signed(file) == [0, 1, 2]


async def test_a_writer_does_not_start_on_a_log_that_lost_what_was_signed(file: Path) -> None:
    writer = make_writer(file.parent)
    await writer.start()
    await writer.append([request("a", 0), request("b", 0)])
    await writer.stop()
    _remove(file.parent / "log.db")
    with pytest.raises(CorruptLogError, match="position 2 is missing"):
        await writer.start()
    with pytest.raises(UnavailableError):
        await writer.append([request("a", 0)])


async def test_a_writer_does_not_start_without_its_key(file: Path) -> None:
    writer = make_writer(file.parent)
    await writer.start()
    await writer.stop()
    _remove(file.parent / "audit_key")
    with pytest.raises(ConfigurationError, match="is missing at"):
        await writer.start()


async def test_a_checkpoint_that_cannot_be_written_shows_in_health_and_stops_no_append(file: Path) -> None:
    writer = make_writer(file.parent, events=1)
    await writer.start()
    _block(file)
    await writer.append([request("a", 0)])
    async with asyncio.timeout(DEADLINE_S):
        while (await writer.health())["status"] == "ok":
            await asyncio.sleep(0.005)
    assert "No checkpoint can be written" in (await writer.health())["reason"]
    _unblock(file)
    await writer.append([request("a", 1)])
    await until(file, [2])
    await writer.stop()


async def test_the_end_is_signed_also_where_a_signature_is_under_way(file: Path) -> None:
    writer = make_writer(file.parent, events=1)
    await writer.start()
    for number in range(20):
        await writer.append([request("a", number)])
    await writer.stop()
    assert signed(file)[-1] == 20


def _block(file: Path) -> None:
    file.unlink()
    file.mkdir()


def _unblock(file: Path) -> None:
    file.rmdir()


def _remove(file: Path) -> None:
    file.unlink()
