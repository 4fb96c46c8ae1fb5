"""Where data is: what a database's URL may look like, and that its password is seen nowhere."""

from __future__ import annotations

import pickle
import traceback
from pathlib import Path
from typing import Any

import pytest
import structlog
from pydantic import SecretStr, ValidationError

from actors.composition import LocalActorSystem, require_shared
from tests.postgres import PASSWORD
from vapora.database import Database, check_url, log_schema, read_schema, workspaces
from vapora.errors import BadInputError, ConfigurationError, UnavailableError, VaporaError
from vapora.log.places import open_log
from vapora.log.proof import SigningKey
from vapora.settings import Settings

SECRET = "s3cret/w@rd"
QUOTED = "s3cret%2Fw%40rd"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://localhost/vapora",
        "postgres://u@localhost:5432/vapora",
        f"postgresql://u:{QUOTED}@[::1]:5432/vapora?sslmode=require",
        f"postgresql://u:{QUOTED}@one:5432,two:5433/vapora",
        "postgresql:///vapora?host=/var/run/postgresql",
    ],
)
def test_what_libpq_understands_is_taken(url: str) -> None:
    assert check_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u:hush@localhost/vapora",
        "localhost/hush",
        "postgresql://u:hu@sh@localhost/vapora",
        "postgresql://u:12/hush@localhost/vapora",
        "postgresql://u:12#hush@localhost/vapora",
        "postgresql://u:12?hush@localhost/vapora",
        "postgresql://u:hush",
        "postgresql://u:hush/vapora",
        "postgresql://[hush",
    ],
)
def test_a_url_that_cannot_be_taken_apart_is_refused_without_being_shown(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match="percent-encoded") as caught:
        check_url(url)
    assert "hush" not in str(caught.value)
    monkeypatch.setenv("VAPORA_DATABASE_URL", url)
    with pytest.raises(ValidationError) as told:
        Settings()
    assert "hush" not in str(told.value)


def test_an_empty_url_means_files(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, database_url=SecretStr("  "))
    assert settings.database_url is None
    assert settings.log_place("acme") == settings.log_file("acme")
    assert settings.read_place("acme") == settings.read_file("acme")


def test_log_and_read_models_have_schemas_of_their_own() -> None:
    settings = Settings(database_url=SecretStr("postgresql://h/d"))
    assert settings.log_place("a-b") == Database("postgresql://h/d", "vapora_a-b")
    assert settings.read_place("a-b") == Database("postgresql://h/d", "vapora_a-b_read")


@pytest.mark.parametrize("name", ["", "Acme", "a b", 'a"b', "a_read", "x" * 52, "ä"])
def test_a_workspace_whose_name_makes_no_schema_is_refused(name: str) -> None:
    for place in (log_schema, read_schema):
        with pytest.raises(BadInputError, match="cannot have a schema"):
            place("postgresql://h/d", name)
    assert len(read_schema("postgresql://h/d", "x" * 51).schema) == 63


def test_a_database_is_named_without_user_and_password() -> None:
    one = Database(f"postgresql://anna:{QUOTED}@db.example:5432/vapora?sslmode=require", "vapora_acme")
    assert str(one) == "vapora_acme in vapora on db.example:5432"
    assert pickle.loads(pickle.dumps(one)) == one
    hidden = Database(f"postgresql://db.example/vapora?password={QUOTED}", "vapora_acme")
    for text in (str(one), repr(one), repr(hidden), str(hidden), hidden.told(ValueError(f"with {SECRET} in it"))):
        assert "anna" not in text
        assert "s3cret" not in text


async def test_the_password_is_in_no_error_and_no_journal(database_url: str, tmp_path: Path) -> None:
    wrong = database_url.replace(PASSWORD, QUOTED) if PASSWORD in database_url else database_url + f"?password={QUOTED}"
    settings = Settings(data=tmp_path, database_url=SecretStr(wrong), model="rehearsal", health_interval_s=0.01)
    told = [repr(settings), str(settings), settings.model_dump_json()]
    with structlog.testing.capture_logs() as journal:
        system = LocalActorSystem(settings)
        for what in (
            lambda: open_log(settings.log_place("default"), "default"),
            lambda: workspaces(wrong),
        ):
            with pytest.raises(VaporaError) as caught:
                what()
            assert "user and password in VAPORA_DATABASE_URL" in caught.value.remedy
            told += [repr(caught.value), *traceback.format_exception(caught.value)]
        with pytest.raises(VaporaError) as started:
            await system.start()
        told += [repr(started.value), *traceback.format_exception(started.value)]
        await system.stop()
    told += map(repr, journal)
    assert not [text for text in told if "s3cret" in text]


def test_a_server_that_is_away_is_no_empty_list_of_workspaces() -> None:
    with pytest.raises(UnavailableError, match="cannot be used"):
        workspaces("postgresql://u:hush@127.0.0.1:9/vapora")


def test_files_are_refused_on_more_than_one_machine_and_a_database_is_not() -> None:
    require_shared(Settings(), 1)
    with pytest.raises(ConfigurationError, match="has 2 nodes") as caught:
        require_shared(Settings(), 2)
    assert "VAPORA_DATABASE_URL" in caught.value.remedy


def test_several_nodes_need_database_store_and_key_and_each_that_is_missing_is_named(tmp_path: Path) -> None:
    key = tmp_path / "audit_key"
    needed: dict[str, Any] = {
        "database_url": SecretStr("postgresql://h/d"),
        "blobs_url": "s3://bucket/prefix",
        "audit_key": key,
    }
    for missing in needed:
        with pytest.raises(ConfigurationError) as caught:
            require_shared(Settings(**{name: value for name, value in needed.items() if name != missing}), 2)
        assert f"VAPORA_{missing.upper()}" in caught.value.remedy
    with pytest.raises(ConfigurationError, match=r"not on this one: .*audit_key"):
        require_shared(Settings(**needed), 2)
    SigningKey.open(key)
    require_shared(Settings(**needed), 3)


def test_an_installation_that_others_follow_needs_the_same_as_several_nodes() -> None:
    with pytest.raises(ConfigurationError, match=r"VAPORA_GENERATION is set, and SQLite files are on one node only"):
        require_shared(Settings(generation=1), 1)
