from __future__ import annotations

from pathlib import Path

import pytest

from vapora.errors import ConfigurationError
from vapora.settings import Settings
from vapora.startup import names

# What users, tools and other programs rely on, whether it has an effect yet or not.
PROMISED = (
    "DATA", "DATABASE_URL", "NATS_URL", "OWNER_EMAIL", "OWNER_PASSWORD", "LOG_FORMAT", "URL", "TOKEN", "RUNTIME",
    "MODEL", "AUTH", "AUDIT_KEY", "REHEARSAL_STEPS", "REPO_ROOTS", "WORKSPACE",
)  # fmt: skip


@pytest.mark.parametrize("name", [*PROMISED, *map(str.upper, Settings.model_fields)])
def test_what_is_promised_or_a_setting_is_known(name: str, tmp_path: Path) -> None:
    assert names.check({f"VAPORA_{name}": "x", f"vapora_{name}": "x"}, tmp_path / "none.toml") == ()


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("VAPORA_DAT", "VAPORA_DATA"),
        ("VAPORA_MODLE", "VAPORA_MODEL"),
        ("VAPORA_DATABSE_URL", "VAPORA_DATABASE_URL"),
        ("VAPORA_DATABASE", "VAPORA_DATABASE_URL"),
        ("VAPORA_NATS", "VAPORA_NATS_URL"),
        ("VAPORA_OWNER_PASSWROD", "VAPORA_OWNER_PASSWORD"),
        ("vapora_tokn", "VAPORA_TOKEN"),
        ("VAPORA_ULR", "VAPORA_URL"),
    ],
)
def test_a_slip_is_an_error_that_names_what_was_meant(given: str, meant: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        names.check_environment({"PATH": "/bin", given: "secret-value"})

    assert given in str(error.value)
    assert f"Did you mean {meant}?" in str(error.value)
    assert "secret-value" not in str(error.value)


@pytest.mark.parametrize("name", ["VAPORA_SERVICE_HOST", "VAPORA_PORT_8000_TCP_ADDR", "VAPORA_ENV"])
def test_a_name_that_is_somebody_elses_is_told_and_stops_nothing(name: str) -> None:
    [odd] = names.check_environment({name: "10.0.0.1"})

    assert name in odd
    assert "is ignored; the nearest is VAPORA_" in odd


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('port = 8000\nmodel = "rehearsal\n', "line 2"),
        ("modle = 'rehearsal'", "Did you mean 'model'?"),
        ("PORT = 1", "Did you mean 'port'?"),
        ("vapora_port = 1", "Did you mean"),
        ("something_else_entirely = 1", "Did you mean"),
        ("[server]\nport = 1", "'server', which is no setting"),
        ("token = 'x'", "Set VAPORA_TOKEN"),
    ],
)
def test_a_file_with_a_wrong_line_or_key_is_refused_with_what_to_do(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "vapora.toml"
    file.write_text(text)

    with pytest.raises(ConfigurationError) as error:
        names.check_file(file)

    assert str(file) in str(error.value)
    assert said in str(error.value)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "vapora.toml"
    file.write_bytes(b"\xff\xfe")

    with pytest.raises(ConfigurationError, match="UTF-8"):
        names.check_file(file)


def test_a_good_file_passes(tmp_path: Path) -> None:
    file = tmp_path / "vapora.toml"
    file.write_text('port = 8001\nowner_email = "a@b.example"\n[prices]\n"ollama/x" = [1, 2]\n')

    assert names.check({}, file) == ()
