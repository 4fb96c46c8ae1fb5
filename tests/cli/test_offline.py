"""The operator's tools on files alone, with nothing running."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from events import DomainEvent
from events.budget import BudgetSet, Charge, SpendReserved, SpendSettled, Windows, whose
from events.ids import LEDGER, Provider, Scope
from events.money import MicroUsd
from events.project import ProjectArchived, ProjectCreated
from vapora.clock import now
from vapora.log.mapper import LazyRecord, encode
from vapora.log.places import open_log
from vapora.log.sqlite import SQLiteLog
from vapora.records import Append, Encoded, StreamAppend
from vapora.settings import Settings

Run = Callable[..., Any]
NOW = datetime(2026, 11, 20, tzinfo=UTC)


def write(settings: Settings, stream: str, *events: DomainEvent) -> None:
    log = open_log(settings.log_place("default"), "default")
    try:
        version = len(log.read(stream))
        part = StreamAppend(stream, version, tuple(map(encode, events)))
        log.append([Append(f"req-{stream}-{version}", "user:test", f"cor-{stream}", None, (part,))])
    finally:
        log.close()


def reserved(number: int, amount: int) -> SpendReserved:
    return SpendReserved(
        call_id=f"task-1.1/{number}",
        attempt=1,
        charge=Charge(
            project_id="p", task_id="task-1", run_id="task-1.1", agent_id="tester", role="tester", task_type="unit-test"
        ),
        provider=Provider.OPENAI,
        model="gpt",
        amount_microusd=MicroUsd(amount),
        windows=Windows(month="2026-11", week="2026-W47"),
        expires_at=NOW + timedelta(minutes=5),
    )


@pytest.fixture
def data(settings: Settings) -> Path:
    limit = BudgetSet(scope=Scope.ROLE, scope_id="tester", monthly_limit_microusd=MicroUsd(10_000))
    settled = SpendSettled(**whose(reserved(0, 8_000)), cost_microusd=MicroUsd(3_000))
    write(settings, "project:p", ProjectCreated(project_id="p", name="Shortleaf"))
    write(settings, LEDGER, limit, reserved(0, 8_000), settled)
    return settings.data


def test_the_audit_passes_where_the_budget_held(alone: Run, data: Path) -> None:
    said = alone("audit", "budget", "--data", str(data), "--json")

    assert said.code == 0
    assert said.json["ok"] is True
    assert said.json["reservations"] == 1
    assert "held" in alone("audit", "budget", VAPORA_DATA=str(data)).out


def test_the_audit_fails_and_names_the_reservation_that_crossed_a_limit(
    alone: Run, data: Path, settings: Settings
) -> None:
    write(settings, LEDGER, reserved(1, 7_001))

    said = alone("audit", "budget", "--data", str(data), "--json")

    assert said.code == 1
    assert [one["call_id"] for one in said.json["violations"]] == ["task-1.1/1"]
    assert alone("audit", "budget", "--data", str(data)).code == 1


@pytest.mark.parametrize(
    "command", [["audit", "budget"], ["rebuild"], ["log", "tail"], ["log", "show", "1"]], ids=" ".join
)
def test_where_there_is_no_log_there_is_nothing_to_work_on(command: list[str], alone: Run, tmp_path: Path) -> None:
    said = alone(*command, "--data", str(tmp_path / "nothing"))

    assert said.code == 2
    assert "VAPORA_DATA" in said.err
    assert not (tmp_path / "nothing").exists()


def test_the_read_models_are_built_from_the_log_alone(alone: Run, data: Path, settings: Settings) -> None:
    first = alone("rebuild", "--data", str(data), "--json").json
    one = alone("rebuild", "projects", "--data", str(data), "--json").json

    assert first["events"] > one["events"] == 1
    assert set(first["checkpoints"].values()) == {4}
    assert first["failed"] == {}
    assert one["rebuilt"] == ["projects"]
    assert settings.read_file("default").stat().st_mode & 0o077 == 0
    assert alone("rebuild", "weather", "--data", str(data)).code == 2


def test_a_rebuild_goes_on_beside_those_who_read_and_feed_the_same_rows(
    alone: Run, data: Path, settings: Settings
) -> None:
    from projections import all_projections
    from projections.engine.runner import Runner
    from projections.engine.store import ReadStore, StoreReader
    from projections.projects import projects

    assert alone("rebuild", "--data", str(data)).code == 0
    store = ReadStore(settings.read_file("default"))
    reader = StoreReader(settings.read_file("default"))
    runner = Runner(store, all_projections())
    with reader.snapshot() as rows:
        assert [one.name for one in projects(rows)] == ["Shortleaf"]
        said = alone("rebuild", "--data", str(data), "--json")
        assert [one.name for one in projects(rows)] == ["Shortleaf"]  # the moment that it had begun with
    assert (said.code, said.json["rebuilding"]) == (0, {})
    write(settings, "project:q", ProjectCreated(project_id="q", name="Longleaf"))
    log = SQLiteLog.open_for_reading(settings.log_file("default"))
    runner.apply(list(map(LazyRecord, log.after(4))))
    log.close()
    with reader.snapshot() as rows:
        assert [one.name for one in projects(rows)] == ["Shortleaf", "Longleaf"]
    reader.close()
    store.close()


def test_a_rebuild_says_so_where_the_log_was_put_back_behind_its_read_models(
    alone: Run, data: Path, settings: Settings
) -> None:
    assert alone("rebuild", "--data", str(data)).code == 0
    settings.log_file("default").unlink()
    write(settings, "project:p", ProjectCreated(project_id="p", name="Shortleaf"))

    said = alone("rebuild", "projects", "--data", str(data))

    assert said.code == 1
    assert "read.db" in " ".join(said.err.split())


def test_the_log_is_read_from_its_file(alone: Run, data: Path) -> None:
    lines = [json.loads(line) for line in alone("log", "tail", "--data", str(data), "--json").out.splitlines()]
    last = alone("log", "tail", "--data", str(data), "--limit", "1").out
    ledger = alone("log", "tail", "--data", str(data), "--stream", "ledger", "--json").out.splitlines()
    asked = alone("log", "tail", "--data", str(data), "--correlation", "cor-project:p", "--json").out.splitlines()

    assert [one["position"] for one in lines] == [1, 2, 3, 4]
    assert "budget.spend-settled" in last
    assert (len(ledger), len(asked)) == (3, 1)
    assert "Shortleaf" in alone("log", "show", "1", "--data", str(data)).out
    assert alone("log", "show", "99", "--data", str(data)).code == 1


def test_the_log_is_filtered_by_topics_actor_and_time(alone: Run, data: Path) -> None:
    def asked(*filters: str) -> list[int]:
        lines = alone("log", "tail", "--data", str(data), "--json", *filters).out.splitlines()
        return [json.loads(line)["position"] for line in lines]

    everything = [json.loads(line) for line in alone("log", "tail", "--data", str(data), "--json").out.splitlines()]
    second, last = everything[1]["recorded_at"], everything[-1]["recorded_at"]

    assert asked("--topic", "budget.set", "--topic", "project.created") == [1, 2]
    assert asked("--actor", "user:test", "--limit", "2") == [3, 4]
    assert asked("--actor", "nobody") == []
    assert asked("--since", second) == [one["position"] for one in everything if one["recorded_at"] >= second]
    assert asked("--until", last, "--topic", "budget.spend-settled") == [4]
    assert asked("--until", "2000-01-01") == []
    assert alone("log", "tail", "--data", str(data), "--since", "yesterday").code == 2
    assert alone("log", "tail", "--data", str(data), "--until", last, "--follow").code == 2
    assert asked("--since", "0001-01-01T00:00:00Z", "--until", "9999-12-31") == [1, 2, 3, 4]
    unknown = alone("log", "tail", "--data", str(data), "--topic", "budget.sett")
    assert (unknown.code, "budget.set," in unknown.err) == (1, True)


def test_the_audit_trail_is_read_from_the_log_alone(alone: Run, data: Path) -> None:
    said = alone("audit", "list", "--data", str(data), "--json").json["items"]
    searched = alone("audit", "list", "--data", str(data), "--text", "SHORTLEAF", "--since", "2026-01-01", "--json")

    assert [(one["action"], one["resource_type"]) for one in said] == [("update", "budget"), ("create", "project")]
    assert [one["resource_id"] for one in searched.json["items"]] == ["p"]
    assert "user:test" in alone("audit", "list", "--data", str(data), "--resource", "project").out
    assert "Nothing" in alone("audit", "list", "--data", str(data), "--actor", "nobody").out
    # As it was printed, to the microsecond.
    since = alone("audit", "list", "--data", str(data), "--since", said[0]["timestamp"], "--json").json["items"]
    assert said[0] in since
    assert alone("audit", "list", "--data", str(data), "--until", "yesterday").code == 2


def test_why_an_event_happened_is_told_from_the_log_alone(alone: Run, data: Path, settings: Settings) -> None:
    caused = Append(
        "r", "coordinator", "cor", 1, (StreamAppend("project:p", 1, (encode(ProjectArchived(project_id="p")),)),)
    )
    log = SQLiteLog.open(settings.log_file("default"), "default")
    log.append([caused])
    log.close()

    told = alone("log", "why", "5", "--data", str(data), "--json").json

    assert [one["position"] for one in told["items"]] == [5, 1]
    assert told["complete"] is True
    assert "asked for by user:test" in alone("log", "why", "5", "--data", str(data)).out
    assert alone("log", "why", "99", "--data", str(data)).code == 1


def test_the_doctor_names_what_only_a_newer_version_knows(alone: Run, data: Path, settings: Settings) -> None:
    log = SQLiteLog.open(settings.log_file("default"), "default")
    part = StreamAppend("task:1", 0, (Encoded("task.teleported", 1, b'{"to":"Mars"}'),))
    log.append([Append("r", "user:test", "cor", None, (part,))])
    log.close()
    rebuilt = alone("rebuild", "--data", str(data), "--json")

    said = alone("doctor", "--data", str(data), "--json")

    assert (rebuilt.code, rebuilt.json["failed"]) == (0, {})
    [told] = [one for one in said.json["checks"] if "task.teleported" in one["detail"]]
    assert (told["state"], "Position 5" in told["detail"]) == ("warn", True)
    assert "Mars" in alone("log", "show", "5", "--data", str(data)).out
    tailed = alone("log", "tail", "--data", str(data), "--topic", "task.teleported", "--json")
    assert json.loads(tailed.out)["position"] == 5


def test_a_log_that_no_server_has_seen_is_nothing_to_mend(alone: Run, data: Path, settings: Settings) -> None:
    said = alone("doctor", "--data", str(data), "--json")
    [found] = [one for one in said.json["checks"] if one["check"] == "workspace default"]
    assert (said.code, found["state"]) == (0, "warn")
    assert "4 events, and no read models yet" in found["detail"]
    assert not settings.read_file("default").exists()


def test_the_doctor_reads_the_files_too(alone: Run, data: Path) -> None:
    alone("rebuild", "--data", str(data))

    said = alone("doctor", "--data", str(data), "--json")

    checks = {one["check"]: one for one in said.json["checks"]}
    assert said.code == 0
    assert "4 events" in checks["workspace default"]["detail"]
    assert checks["server"]["state"] == "warn"


def test_a_clock_that_was_ahead_is_said_and_corrected(alone: Run, data: Path, settings: Settings) -> None:
    ahead = now() + timedelta(days=400)
    log = SQLiteLog.open(settings.log_file("default"), "default", lambda: ahead)
    event = encode(ProjectArchived(project_id="p"))
    log.append([Append("late", "user:test", "cor", None, (StreamAppend("project:p", 1, (event,)),))])
    log.close()
    alone("rebuild", "--data", str(data))
    correct = ("log", "correct-clock", "--data", str(data))

    ill = alone("doctor", "--data", str(data), "--json")
    assert ill.code == 1
    [told] = [one for one in ill.json["checks"] if "behind the last event" in one["detail"]]
    assert "vapora log correct-clock" in told["remedy"]

    planned = alone(*correct, "--json").json
    assert (planned["position"], planned["booked"]) == (None, 0)
    assert "Nothing is changed yet" in alone(*correct).out
    assert alone(*correct, "--yes", "--json").json["position"] == 6
    assert alone("doctor", "--data", str(data), "--json").code == 0
    again = alone(*correct, "--yes")
    assert (again.code, "not behind" in again.err) == (1, True)
    assert alone("audit", "budget", "--data", str(data)).code == 0


def test_the_doctor_fails_where_a_log_is_damaged(alone: Run, data: Path, settings: Settings) -> None:
    settings.log_file("default").write_bytes(b"this is no database, but it is as long as the head of one would be" * 3)

    said = alone("doctor", "--data", str(data), "--json")

    assert said.code == 1
    assert {one["check"] for one in said.json["checks"] if one["state"] == "bad"} == {"workspace default"}


def test_read_models_that_are_none_are_named_and_may_be_deleted(alone: Run, data: Path, settings: Settings) -> None:
    settings.read_file("default").write_bytes(b"this is no database, but it is as long as the head of one would be" * 3)

    for command in (["doctor"], ["rebuild"]):
        said = alone(*command, "--data", str(data), "--json")
        assert said.code == 1
        assert "delete it: it is built again from the log" in said.out + said.err
    settings.read_file("default").unlink()
    assert alone("rebuild", "--data", str(data)).code == 0


def test_the_doctor_names_providers_and_never_their_keys(alone: Run, tmp_path: Path) -> None:
    environ = {"ANTHROPIC_API_KEY": "sk-very-secret", "ANTHROPIC_BASE_URL": "http://127.0.0.1:9"}

    said = alone("doctor", "--data", str(tmp_path), "--json", **environ)

    [told] = [one for one in said.json["checks"] if one["check"] == "providers"]
    assert "anthropic" in told["detail"]
    assert "127.0.0.1:9" in told["detail"]
    assert "sk-very-secret" not in said.out + said.err


OPERATORS = [
    "log tail",
    "log show 1",
    "log why 1",
    "audit list",
    "audit budget",
    "audit verify --chain-only",
    "rebuild",
]


@pytest.mark.parametrize("command", OPERATORS)
@pytest.mark.parametrize("url", ["", "http://127.0.0.1:9"], ids=["no server named", "a server named that is away"])
def test_the_operators_tools_work_on_vapora_data_with_nothing_running(
    command: str, url: str, alone: Run, data: Path
) -> None:
    by_option = alone(*command.split(), "--data", str(data), "--json")
    by_variable = alone(*command.split(), "--json", VAPORA_DATA=str(data), VAPORA_URL=url)

    assert (by_variable.code, by_option.code) == (0, 0), by_variable.err
    if command not in ("rebuild", "audit verify --chain-only"):  # they say how long it took
        assert by_variable.out == by_option.out


def test_the_folder_that_is_read_instead_of_a_server_is_named(
    alone: Run, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = alone("log", "tail", "--json", VAPORA_DATA=str(data))
    assert "Nobody answers at http://127.0.0.1:9" in said.err
    assert str(data) in said.err.replace("\n", "")
    # The default folder too, where it is in the working folder; and where there is none, the server's absence is told.
    monkeypatch.chdir(tmp_path)
    assert alone("log", "tail", "--json").code == 2
    data.rename(tmp_path / ".vapora")
    assert alone("log", "tail", "--json").code == 0


def test_a_named_server_counts_more_than_the_data_of_another_installation(vapora: Run, data: Path, url: str) -> None:
    from tests.cli.conftest import invoke

    asked = invoke("log", "show", "1", "--json", VAPORA_URL=url, VAPORA_DATA=str(data)).json
    assert asked == vapora("log", "show", "1", "--json").json
    assert asked["topic"] == "workspace.opened"
