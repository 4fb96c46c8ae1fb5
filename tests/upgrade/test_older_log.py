"""What an older version left is opened, proved, rebuilt and gone on with."""

from __future__ import annotations

import asyncio
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from actors.composition import LocalActorSystem
from events import Recorded
from events.budget import SpendUnknown
from events.ids import TaskState
from events.task import TaskCompleted, TaskSentToReview
from projections import StoreReader
from tests.upgrade.conftest import Invoke
from tests.waiting import DEADLINE_S
from vapora.clock import new_id, now
from vapora.commands import MoveTask, SubmitTask
from vapora.dispatch import Dispatcher
from vapora.domain.audit import violations
from vapora.log import open_record
from vapora.log.client import LogClient
from vapora.log.places import open_for_reading
from vapora.ports import Origin
from vapora.settings import Settings
from vapora.testing import agreement

HEAD = 162
# What the older version said that must not change, however the rows are kept. None: all of it.
SAME: dict[str, tuple[str, ...] | None] = {
    "board_cards": ("id", "state", "title", "priority", "waiting", "assigned_agent", "simulated_microusd", "rank"),
    "budget_accounts": None,
    "costs": None,
    "profiles": None,
    "provider_calls": None,
    "run_durations": None,
    "runs": ("run_id", "state", "agent_id", "calls", "cost_microusd", "tokens_in", "tokens_out", "duration_ms"),
}


def log_of(settings: Settings, *, lenient: bool = False) -> list[Recorded]:
    with closing(open_for_reading(settings.log_place("default"))) as log:
        return [open_record(record, lenient) for record in log.after(0, 10_000)]


@pytest.fixture
def log(settings: Settings) -> list[Recorded]:
    return log_of(settings)


def test_the_chain_the_checkpoints_and_the_budgets_are_proved(vapora: Invoke) -> None:
    code, said = vapora("audit", "verify", "--json")
    assert code == 0, said
    assert (json.loads(said)["events"], json.loads(said)["position"]) == (HEAD, HEAD)
    assert json.loads(said)["checkpoints"] > 3
    code, said = vapora("audit", "budget", "--json")
    assert code == 0, said
    assert json.loads(said)["reservations"] == 22


def test_every_event_reads_and_the_rows_say_what_the_older_version_said(older: Path, log: list[Recorded]) -> None:
    before: dict[str, list[dict[str, Any]]] = json.loads((older / "read-models.json").read_text(encoding="utf-8"))
    after = agreement.rebuilt(log)
    assert len(log) == HEAD
    for table, columns in SAME.items():
        assert before[table], table
        told = [{name: row[name] for name in columns or row} for row in before[table]]
        assert [{name: row[name] for name in one} for row, one in zip(after[table], told, strict=True)] == told


def test_only_the_call_that_was_under_way_is_kept_as_an_old_reservation(log: list[Recorded]) -> None:
    rows = agreement.rebuilt(log)
    for name in ("budget", "cost", "provider"):
        [kept] = rows[f"{name}_old_reservations"]
        assert kept["position"] == HEAD - 1


def test_its_read_models_are_rebuilt_by_command(vapora: Invoke, settings: Settings, log: list[Recorded]) -> None:
    code, said = vapora("rebuild")
    assert code == 0, said
    assert disagreements(settings, log) == []


def test_its_export_is_imported(older: Path, vapora: Invoke, tmp_path: Path) -> None:
    code, said = vapora("import", str(older / "export.jsonl.gz"), "--data", str(tmp_path / "imported"))
    assert code == 0, said
    assert [one.event for one in log_of(Settings(data=tmp_path / "imported"))] == [
        one.event for one in log_of(Settings(data=older))
    ]


async def test_it_goes_on_with_the_work_that_was_under_way_and_with_new_work(
    settings: Settings, log: list[Recorded], vapora: Invoke
) -> None:
    [waiting] = [one.event.task_id for one in log if one.position == HEAD - 4]  # type: ignore[attr-defined]
    project = json.loads((settings.data / "read-models.json").read_text(encoding="utf-8"))["projects"][0]["id"]
    reviewed = [one.event.task_id for one in log if isinstance(one.event, TaskSentToReview)][-1]
    system = LocalActorSystem(settings)
    client = LogClient(system.log("default"), "default")
    dispatcher, origin = Dispatcher(client, now), Origin("default", "user:local", new_id("cor"))
    await system.start()
    try:
        made = await dispatcher.dispatch(
            origin, SubmitTask(project_id=project, title="New work", task_type="code-generation", review="none")
        )
        await dispatcher.dispatch(origin, MoveTask(state=TaskState.DONE), reviewed)
        async with asyncio.timeout(DEADLINE_S):
            await seen(client, TaskCompleted, made.id)
            await seen(client, TaskSentToReview, waiting)
            while (await system.projector("default").status())["rebuilding"]:
                await client.poll(await client.head(), 1, 0.05)
        await system.projector("default").wait_for(await client.head(), 60)
    finally:
        await system.stop()
    after = log_of(settings)
    assert [one.event for one in after[:HEAD]] == [one.event for one in log]
    lost = [one.event for one in after[HEAD:] if isinstance(one.event, SpendUnknown)]
    assert [(one.charge.task_id, one.provider is not None) for one in lost] == [(waiting, True)]
    assert violations(after, "default") == []
    assert disagreements(settings, after) == []
    code, said = vapora("audit", "verify")
    assert code == 0, said


async def seen(client: LogClient, kind: type[TaskCompleted | TaskSentToReview], task_id: str) -> None:
    position = HEAD
    while True:
        polled = await client.poll(position, 1_000, 5)
        if any(isinstance(one.event, kind) and one.event.task_id == task_id for one in polled.events):
            return
        position = polled.position


def disagreements(settings: Settings, log: list[Recorded]) -> list[str]:
    """The tables whose stored rows are not those that the log gives. A row that came with a rebuild stands at the
    position at which that took the place of the older rows, so that followers hear of it."""
    reader = StoreReader(settings.read_place("default"))
    with closing(reader), reader.snapshot() as rows:
        stored = agreement.rows_of(rows)
    wanted = agreement.rebuilt(log)
    assert stored.keys() == wanted.keys()
    return [table for table in wanted if _without_position(stored[table]) != _without_position(wanted[table])]


def _without_position(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "position"} for row in rows]
