from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from events.ids import PEOPLE
from vapora.database import log_schema, workspaces
from vapora.domain.cell import CellRecord, LogEnd
from vapora.errors import LogError
from vapora.log.cell_records import CellRecords, log_ends, open_cell_records
from vapora.log.places import open_log
from vapora.settings import Settings

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
ASLEEP = CellRecord("acme", "asleep", NOON, LogEnd(7, "ab"), NOON + timedelta(hours=1))
DELETED = CellRecord("gone", "deleted", NOON, export="exports/gone.jsonl.gz")


@pytest.fixture(params=["files", "table"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    url = None if request.param == "files" else SecretStr(request.getfixturevalue("database_url"))
    return Settings(data=tmp_path, database_url=url)


@pytest.fixture
def records(settings: Settings) -> CellRecords:
    return open_cell_records(settings)


def test_a_record_is_kept_until_it_is_forgotten(records: CellRecords) -> None:
    assert records.get("acme") is None
    assert records.every() == {}
    records.put(ASLEEP)
    records.put(DELETED)
    assert records.every() == {"acme": ASLEEP, "gone": DELETED}
    records.put(CellRecord("acme", "archived", NOON))
    assert records.get("acme") == CellRecord("acme", "archived", NOON)
    records.forget("acme")
    records.forget("acme")
    assert records.every() == {"gone": DELETED}


def test_where_logs_end_is_found_without_opening_them(settings: Settings) -> None:
    for name in ("acme", PEOPLE):
        open_log(settings.log_place(name), name).close()
    assert log_ends(settings, ["acme", "nowhere", PEOPLE]) == {"acme": LogEnd(0), PEOPLE: LogEnd(0)}
    assert log_ends(settings, []) == {}


def test_records_are_no_workspace_of_the_database(database_url: str) -> None:
    chosen = Settings(database_url=SecretStr(database_url))
    open_cell_records(chosen).put(ASLEEP)
    open_log(log_schema(database_url, PEOPLE), PEOPLE).close()
    assert workspaces(database_url) == set()


def test_a_record_that_cannot_be_read_is_told_and_hides_no_other(tmp_path: Path) -> None:
    chosen = Settings(data=tmp_path, database_url=None)
    records = open_cell_records(chosen)
    records.put(DELETED)
    (chosen.cells_folder / "acme.json").write_text("{")
    assert records.every() == {"gone": DELETED}
    with pytest.raises(LogError, match=r"acme\.json cannot be read"):
        records.get("acme")
