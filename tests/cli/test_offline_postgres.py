"""The operator's tools on a PostgreSQL database, with nothing running."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from events.budget import BudgetSet, SpendSettled, whose
from events.ids import LEDGER, Scope
from events.money import MicroUsd
from events.project import ProjectCreated
from projections.engine.store import ReadStore
from tests.cli.test_offline import reserved, write
from tests.postgres import PASSWORD
from vapora.settings import Settings

Run = Callable[..., Any]


@pytest.fixture
def settings(settings: Settings, database_url: str) -> Settings:
    return settings.model_copy(update={"database_url": SecretStr(database_url)})


@pytest.fixture
def vapora(settings: Settings, alone: Run, database_url: str) -> Run:
    """A command on a database that holds five events; its data folder is on another machine."""
    limit = BudgetSet(scope=Scope.ROLE, scope_id="tester", monthly_limit_microusd=MicroUsd(10_000))
    settled = SpendSettled(**whose(reserved(0, 8_000)), cost_microusd=MicroUsd(3_000))
    write(settings, "project:p", ProjectCreated(project_id="p", name="Shortleaf"))
    write(settings, LEDGER, limit, reserved(0, 8_000), settled)
    return lambda *given: alone(*given, "--data", str(settings.data), VAPORA_DATABASE_URL=database_url)


def test_the_audit_replays_the_ledger(vapora: Run, settings: Settings) -> None:
    said = vapora("audit", "budget", "--json")
    assert (said.code, said.json["ok"], said.json["reservations"]) == (0, True, 1)
    write(settings, LEDGER, reserved(1, 7_001))
    said = vapora("audit", "budget", "--json")
    assert (said.code, [one["call_id"] for one in said.json["violations"]]) == (1, ["task-1.1/1"])


def test_the_log_is_read_from_the_database(vapora: Run) -> None:
    lines = [json.loads(line) for line in vapora("log", "tail", "--json").out.splitlines()]
    assert [one["position"] for one in lines] == [1, 2, 3, 4]
    assert "Shortleaf" in vapora("log", "show", "1").out


def test_the_read_models_are_built_in_the_database_and_nothing_in_the_folder(vapora: Run, settings: Settings) -> None:
    said = vapora("rebuild", "--json")
    assert (said.code, said.json["failed"]) == (0, {})
    assert set(said.json["checkpoints"].values()) == {4}
    assert not settings.data.exists()
    assert vapora("rebuild", "projects", "--json").json["rebuilt"] == ["projects"]


def test_a_rebuild_beside_a_server_on_whatever_machine_takes_nothing_away_from_it(
    vapora: Run, settings: Settings
) -> None:
    running = ReadStore(settings.read_place("default"))
    assert vapora("rebuild").code == 0
    with running.snapshot() as rows:
        assert rows.position == 4
    running.close()


def test_an_export_of_the_database_becomes_a_data_folder(vapora: Run, alone: Run, tmp_path: Path) -> None:
    assert vapora("export", str(tmp_path / "log.jsonl")).code == 0
    said = alone("import", str(tmp_path / "log.jsonl"), "--data", str(tmp_path / "new"), "--json")
    assert (said.code, said.json["position"]) == (0, 4)


def test_the_chain_is_proved_in_the_database(vapora: Run) -> None:
    assert vapora("audit", "verify", "--chain-only").code == 0


def test_a_backup_of_a_database_holds_its_logs(vapora: Run, tmp_path: Path) -> None:
    said = vapora("backup", str(tmp_path / "there"), "--json")
    assert said.code == 0, said.err
    assert said.json["workspaces"]["default"]["position"] == 4
    assert (tmp_path / "there" / "backup.json").exists()


def test_an_import_takes_no_database_that_holds_the_workspace(vapora: Run, settings: Settings, tmp_path: Path) -> None:
    assert vapora("export", str(tmp_path / "log.jsonl")).code == 0
    said = vapora("import", str(tmp_path / "log.jsonl"))
    assert (said.code, "exists already" in said.err, "DROP SCHEMA" in said.err) == (1, True, True)
    assert vapora("audit", "verify", "--chain-only", "--json").json["position"] == 4
    assert not settings.data.exists()


def test_a_workspace_without_a_log_is_told_and_not_made(vapora: Run) -> None:
    said = vapora("audit", "budget", "--workspace", "nowhere")
    assert said.code == 2
    assert "VAPORA_DATABASE_URL" in said.err
    assert PASSWORD not in said.err


def test_the_doctor_looks_into_the_database(vapora: Run) -> None:
    said = vapora("doctor", "--json")
    checks = {one["check"]: one for one in said.json["checks"]}
    assert "4 events, and no read models yet" in checks["workspace default"]["detail"]
    vapora("rebuild")
    said = vapora("doctor", "--json")
    checks = {one["check"]: one for one in said.json["checks"]}
    assert said.code == 0
    assert "4 events" in checks["workspace default"]["detail"]
    assert "1 workspaces" in checks["database"]["detail"]


def test_the_doctor_says_so_where_the_database_is_away(alone: Run, tmp_path: Path) -> None:
    said = alone("doctor", "--data", str(tmp_path), "--json", VAPORA_DATABASE_URL="postgresql://u:hush@127.0.0.1:9/d")
    [told] = [one for one in said.json["checks"] if one["check"] == "database"]
    assert (said.code, told["state"]) == (1, "bad")
    assert "hush" not in said.out + said.err
