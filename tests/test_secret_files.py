"""A secret may stand in a file that a variable names, is read in the process that uses it, and is never shown."""

from __future__ import annotations

import json
from ipaddress import ip_network
from pathlib import Path

import pytest
from pydantic import SecretStr

from actors.runtime.ray import HostConfig
from events.ids import Provider
from vapora import secret_files
from vapora.errors import ConfigurationError
from vapora.llm.factory import clients, configured, is_rehearsal
from vapora.settings import HANDED, Settings
from vapora.startup import names

PLANTED = "planted-do-not-show"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(f" {PLANTED}\n")
    path.chmod(0o440)
    return path


def test_every_secret_among_the_settings_may_stand_in_a_file() -> None:
    secrets = [name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)]
    assert "database_url" in secrets
    assert [name for name in secrets if f"{name}_file" not in Settings.model_fields] == []


@pytest.mark.parametrize("name", Settings.in_files())
def test_a_setting_is_read_from_its_file(name: str, secret: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forms = {"database_url": f"postgresql://me:{PLANTED}@db/vapora\n", "otlp_headers": f"token={PLANTED}\n"}
    secret.write_text(forms.get(name, f"{PLANTED}\n"))
    monkeypatch.setenv(f"VAPORA_{name.upper()}_FILE", str(secret))
    settings = Settings()
    assert getattr(settings, name).get_secret_value() == secret.read_text().strip()
    assert PLANTED not in repr(settings)
    assert names.check_environment({f"VAPORA_{name.upper()}_FILE": str(secret)}) == ()


def test_a_value_beside_its_file_is_refused(secret: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAPORA_NATS_TOKEN", "other")
    monkeypatch.setenv("VAPORA_NATS_TOKEN_FILE", str(secret))
    with pytest.raises(ConfigurationError, match="VAPORA_NATS_TOKEN and VAPORA_NATS_TOKEN_FILE are both set"):
        Settings()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda path: path.chmod(0o444), "others on this machine can read"),
        (lambda path: path.write_text(" \n"), "which is empty"),
        (lambda path: path.write_bytes(b"\xff\xfe"), "holds no text"),
        (lambda path: path.unlink(), "cannot be read"),
    ],
)
def test_a_file_that_is_no_secret_is_refused_and_none_of_it_is_shown(spoil, said: str, secret: Path) -> None:  # type: ignore[no-untyped-def]
    secret.chmod(0o640)
    spoil(secret)
    for read in (
        lambda: Settings(owner_password_file=secret),
        lambda: secret_files.read({"SOME_KEY_FILE": str(secret)}, "SOME_KEY"),
    ):
        with pytest.raises(ConfigurationError, match=said) as refused:
            read()
        assert PLANTED not in str(refused.value)


def test_a_providers_key_is_read_from_its_file(secret: Path) -> None:
    environ = {"ANTHROPIC_API_KEY_FILE": str(secret)}
    assert configured(environ) == ("anthropic",)
    assert not is_rehearsal(environ, "auto")
    assert PLANTED in str(vars(clients(environ)[Provider.ANTHROPIC]))
    with pytest.raises(ConfigurationError, match="ANTHROPIC_API_KEY and ANTHROPIC_API_KEY_FILE"):
        configured(environ | {"ANTHROPIC_API_KEY": "other"})


def test_a_process_of_ours_gets_exactly_these_settings(
    secret: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = Settings(
        data=Path("here"),
        nats_token=SecretStr("t0ken"),
        owner_password_file=secret,
        webhook_allow=(ip_network("10.0.0.0/8"),),
        cors_origins=("https://a.example.com",),
        prices={"openai/x": (1, 2)},
        repo_roots=(tmp_path,),
        allowed_hosts=("a", "b"),
        rehearsal_steps=3,
    )
    handed = given.handed()
    # Whatever else there is to be read.
    monkeypatch.setenv("VAPORA_DATABASE_URL", "postgresql://db/other")
    monkeypatch.setenv("VAPORA_PRICES", '{"openai/y": [3, 4]}')
    monkeypatch.setenv(HANDED, handed[HANDED])
    assert Settings() == given.model_copy(update={"data": tmp_path / "here"})
    assert names.check_environment(handed) == ()
    # What stands in a file stays there.
    assert PLANTED not in handed[HANDED]
    assert json.loads(handed[HANDED])["owner_password_file"] == str(secret)


def test_what_ray_keeps_of_a_host_has_no_room_for_settings() -> None:
    assert {*HostConfig.__dataclass_fields__} == {"builder", "placement", "direct", "shards", "holds"}
