"""How fast read models are rebuilt, beside what decoding the same events costs alone, in one run on one machine.

    PYTHONPATH=. python benchmarks/rebuild.py [tasks] [batch]

Times on a busy machine say little; the ratio of the two lines says what the projections cost.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from events import Recorded
from projections import Projection, ReadStore, Runner, all_projections
from tests.projections.story import Story
from vapora.log.mapper import encode, envelope, instant, open_record, seal
from vapora.records import StoredRecord


def a_log(tasks: int) -> list[StoredRecord]:
    """About 16 events a task: submitted, assigned, three calls with their money, succeeded, done."""
    story = Story().register("developer", capacity=10)
    for number in range(tasks):
        run_id = f"t-{number}.1"
        story.submit(f"t-{number}", description="x" * 200).assign(run_id)
        for step in range(3):
            story.call(f"{run_id}/{step}")
        story.succeed(run_id)
    return list(map(_stored, story.log))


def _stored(recorded: Recorded) -> StoredRecord:
    head = envelope(
        at=instant(recorded.recorded_at),
        workspace=recorded.workspace,
        actor=recorded.actor,
        correlation=recorded.correlation,
        causation=recorded.causation,
        request_id=recorded.request_id,
    )
    state = seal(encode(recorded.event), head)
    return StoredRecord(recorded.position, recorded.stream, recorded.version, recorded.topic, state)


def _batches(records: list[StoredRecord], size: int) -> Iterator[list[Recorded]]:
    for start in range(0, len(records), size):
        yield [open_record(record) for record in records[start : start + size]]


def _rebuild(records: list[StoredRecord], size: int, projections: tuple[Projection, ...], frames: bool) -> float:
    with tempfile.TemporaryDirectory() as folder:
        runner = Runner(ReadStore(Path(folder) / "read.db"), projections)
        begun = time.perf_counter()
        for batch in _batches(records, size):
            runner.apply(batch, frames_wanted=frames)
        took = time.perf_counter() - begun
        if runner.status()["failed"] or runner.position != records[-1].position:
            raise SystemExit(f"the rebuild did not get through: {runner.status()}")
        runner.close()
        return took


def _line(what: str, events: int, seconds: float, alone: float) -> None:
    print(f"{what:<28}{events / seconds:>12,.0f} events/s   {seconds / alone:>6.1f} x decoding")


def main(tasks: int, size: int) -> None:
    records = a_log(tasks)
    begun = time.perf_counter()
    for _ in _batches(records, size):
        pass
    alone = time.perf_counter() - begun
    print(f"{len(records):,} events, {size:,} a batch")
    _line("decoding alone", len(records), alone, alone)
    _line("rebuild of all", len(records), _rebuild(records, size, all_projections(), frames=False), alone)
    _line("the same with frames", len(records), _rebuild(records, size, all_projections(), frames=True), alone)
    for projection in all_projections():
        took = _rebuild(records, size, (projection,), frames=False)
        _line(f"  {projection.NAME} alone", len(records), took, alone)


if __name__ == "__main__":
    arguments = [int(argument) for argument in sys.argv[1:]]
    main(*(arguments + [1_000, 1_000][len(arguments) :]))
