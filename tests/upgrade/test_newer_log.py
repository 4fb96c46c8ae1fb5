"""What a newer version wrote stops what needs it, with a word of what to do, and nothing else; a backup leads back."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from actors.composition import LocalActorSystem
from actors.runtime.base import Address
from events.budget import SpendSettled
from events.ids import LEDGER
from events.task import TaskCompleted, TaskWaiting
from tests.upgrade.conftest import Invoke
from tests.upgrade.test_older_log import HEAD, log_of, seen
from vapora.api.problems import kind_of
from vapora.clock import new_id, now
from vapora.commands import SetBudget, SubmitTask
from vapora.dispatch import Dispatcher
from vapora.errors import NewerEventError
from vapora.log.client import LogClient
from vapora.log.places import open_log
from vapora.ports import Origin
from vapora.records import Append, Encoded, StreamAppend
from vapora.settings import Settings

TOPIC = Encoded("task.teleported", 1, b'{"task_id":"t","to":"Mars"}')
VERSION = Encoded("budget.spend-settled", SpendSettled.VERSION + 1, b'{"call_id":"c","attempt":1,"cost_eur":1}')
MEMBER = Encoded("task.waiting", TaskWaiting.VERSION, b'{"task_id":"t","reason":"full-moon","remedy":"Wait."}')


def newer_writes(settings: Settings, stream: str, event: Encoded) -> int:
    """As a newer version would have: behind the end of the stream, chained, by its own words. The position."""
    with closing(open_log(settings.log_place("default"), "default", now)) as log:
        version = len(log.read(stream, 0, 10_000))
        log.append([Append(new_id("req"), "newer", "cor", None, (StreamAppend(stream, version, (event,)),))])
        return log.head()


@asynccontextmanager
async def started(settings: Settings) -> AsyncIterator[LocalActorSystem]:
    system = LocalActorSystem(settings)
    try:
        await system.start()
        yield system
    finally:
        await system.stop()


def project_of(settings: Settings) -> str:
    rows = json.loads((settings.data / "read-models.json").read_text(encoding="utf-8"))
    return str(rows["projects"][0]["id"])


async def work(system: LocalActorSystem, settings: Settings) -> None:
    """Another card is done from its submission to its end."""
    client = LogClient(system.log("default"), "default")
    card = SubmitTask(project_id=project_of(settings), title="New work", task_type="code-generation", review="none")
    made = await Dispatcher(client, now).dispatch(Origin("default", "user:local", new_id("cor")), card)
    await seen(client, TaskCompleted, made.id)


async def test_a_topic_that_nobody_here_knows_disturbs_nobody(settings: Settings, vapora: Invoke) -> None:
    position = newer_writes(settings, "teleport:1", TOPIC)
    async with started(settings) as system:
        await work(system, settings)
        projector = system.projector("default")
        await projector.wait_for(position, 60)
        assert (await projector.status())["failed"] == {}
    code, said = vapora("audit", "verify")
    assert code == 0, said
    _, said = await asyncio.to_thread(vapora, "doctor", "--json")
    assert f"Position {position} was written by a newer VAPORA: the topic 'task.teleported'" in said


async def test_a_settlement_in_a_newer_form_stops_the_money_with_a_word_of_what_to_do(
    settings: Settings, vapora: Invoke
) -> None:
    position = newer_writes(settings, LEDGER, VERSION)
    async with started(settings) as system:
        cells = await system.runtime.ref(Address("supervisor")).cells()
        with pytest.raises(NewerEventError) as caught:
            await system.budgets("default").set_budget(
                Origin("default", "user:local", "cor"), "role", "tester", SetBudget(monthly_limit_cents=1)
            )
    assert "written by a newer VAPORA" in cells["default"]["budget"]["problem"]
    assert [one.event.TOPIC for one in log_of(settings, lenient=True) if one.stream == LEDGER][-1] == "unknown"
    known = SpendSettled.VERSION
    why = f"budget.spend-settled in version {known + 1}, and here it is known up to {known}"
    assert caught.value.message == f"Position {position} was written by a newer VAPORA: {why}."
    assert kind_of(caught.value).code == "written-by-newer-version"
    assert caught.value.remedy.startswith("Upgrade to the version of VAPORA that wrote it")
    code, said = vapora("audit", "budget")
    assert code != 0
    assert "written by a newer VAPORA" in " ".join(said.split())
    code, said = vapora("audit", "verify")
    assert code == 0, said
    _, said = await asyncio.to_thread(vapora, "doctor", "--json")
    assert f"Position {position} was written by a newer VAPORA" in said


async def test_a_member_that_is_not_known_here_stops_the_read_models_that_need_its_topic(
    settings: Settings, vapora: Invoke
) -> None:
    position = newer_writes(settings, "task:t", MEMBER)
    async with started(settings) as system:
        projector = system.projector("default")
        await projector.wait_for(position, 60)
        while (status := await projector.status())["rebuilding"]:
            await projector.frames(position, timeout_s=0.05)
    assert "board" in status["failed"]
    assert not status["failed"].keys() & {"budgets", "costs", "providers", "runs", "projects"}
    assert all(f"Position {position} was written by a newer VAPORA" in why for why in status["failed"].values())
    _, said = await asyncio.to_thread(vapora, "doctor", "--json")
    assert f"Position {position} was written by a newer VAPORA: task.waiting with reason 'full-moon'" in said
    assert "backup" not in said


async def test_a_backup_from_before_the_upgrade_leads_back(settings: Settings, vapora: Invoke, tmp_path: Path) -> None:
    backup = tmp_path / "before-upgrade"
    code, said = vapora("backup", str(backup))
    assert code == 0, said
    shutil.copy(settings.data / "read-models.json", backup)
    newer_writes(settings, LEDGER, VERSION)
    back = settings.model_copy(update={"data": backup})
    assert len(log_of(back)) == HEAD
    async with started(back) as system:
        await work(system, back)
    code, said = vapora("audit", "verify", "--data", str(backup))
    assert code == 0, said
