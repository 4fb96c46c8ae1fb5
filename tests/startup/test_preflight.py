"""What cannot work is told in a sentence, before anything is started; against a real database and a real S3 API."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tests.ports import free_port
from vapora.errors import ConfigurationError
from vapora.settings import Settings
from vapora.startup import preflight

AT_ONCE_S = 10


def refusal(environ: dict[str, str] | None = None, **given: Any) -> str:
    """The sentence of the error that it ends with."""
    began = time.monotonic()
    with pytest.raises(ConfigurationError) as error:
        preflight.check(Settings(**given), environ or {})
    assert time.monotonic() - began < AT_ONCE_S
    assert "\n" not in str(error.value)
    return str(error.value)


def test_plain_settings_pass(tmp_path: Path) -> None:
    preflight.check(Settings(data=tmp_path), {})


@pytest.mark.parametrize("host", ["0.0.0.0", "example.org", "::"])
def test_other_addresses_are_listened_on_since_everybody_signs_in_there(host: str, tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, host=host, tls_proxy=True)
    preflight.check(settings, {})
    assert not settings.on_loopback


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ({"owner_email": "ada@example.com"}, "VAPORA_OWNER_PASSWORD cannot be taken"),
        ({"owner_email": "ada@example.com", "owner_password": "too short"}, "12 to 1,000 characters"),
        ({"owner_password": "a good password"}, "VAPORA_OWNER_EMAIL is no e-mail address"),
        ({"owner_email": "ada", "owner_password": "a good password"}, "VAPORA_OWNER_EMAIL is no e-mail address"),
    ],
)
def test_a_first_owner_who_cannot_be_one_is_told_at_the_start(named: dict[str, str], said: str) -> None:
    assert said in (told := refusal({}, **named))
    assert "good" not in told


def test_a_database_that_refuses_is_told_without_its_password(database_url: str) -> None:
    place, _, name = database_url.rpartition("/")
    said = refusal(database_url=f"{place}/nowhere_{name}")
    assert "The database cannot be used" in said
    assert "Check the database's name in VAPORA_DATABASE_URL" in said


def test_a_database_that_is_not_there_is_told() -> None:
    said = refusal(database_url=f"postgresql://vapora:very-secret@127.0.0.1:{free_port()}/vapora")
    assert "See that PostgreSQL runs" in said
    assert "very-secret" not in said


def test_a_database_that_answers_passes(database_url: str) -> None:
    preflight.check(Settings(database_url=database_url), {})


def test_a_blob_store_that_answers_passes(bucket: str) -> None:
    preflight.check(Settings(blobs_url=f"s3://{bucket}/texts"), {})


@pytest.mark.usefixtures("environment")
def test_a_bucket_that_is_not_there_is_told() -> None:
    assert "There is no bucket 'none-such-bucket'" in refusal(blobs_url="s3://none-such-bucket/texts")


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("url", ["s3:/bucket", "https://bucket", "s3://", "s3://a"])
def test_a_blob_store_that_cannot_be_is_told(url: str) -> None:
    assert "s3://bucket/prefix" in refusal(blobs_url=url)


def test_a_blob_store_that_refuses_or_does_not_answer_is_told(
    refusing: str, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", refusing)
    assert "refuses access" in refusal(blobs_url=f"s3://{bucket}/texts")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    assert "it does not answer" in refusal(blobs_url=f"s3://{bucket}/texts")


@pytest.mark.parametrize("name", ["ANTHROPIC_BASE_URL", "OPENAI_BASE_URL", "GOOGLE_GEMINI_BASE_URL", "OLLAMA_HOST"])
@pytest.mark.parametrize(
    "address", ["http://[::1", "http://host:many", "ftp://host", "http:///path", "http://host:99999"]
)
def test_an_address_that_cannot_be_taken_apart_is_told(name: str, address: str) -> None:
    said = refusal({name: address})
    assert said.startswith(f"{name} is not an address")
    assert address not in said


@pytest.mark.parametrize("address", ["", "localhost", ":11434", "10.0.0.1:11434", "http://[::1]:11434", "https://x/y"])
def test_ollamas_own_forms_pass(address: str) -> None:
    preflight.check(Settings(), {"OLLAMA_HOST": address})


def test_a_base_url_without_a_scheme_is_told() -> None:
    assert "OPENAI_BASE_URL is not an address" in refusal({"OPENAI_BASE_URL": "localhost:8080/v1"})


def test_an_address_of_nats_that_cannot_be_is_told() -> None:
    assert "VAPORA_NATS_URL" in refusal(nats_url="http://localhost:4222")


def test_a_models_file_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    file = tmp_path / "models.toml"
    file.write_text('[house]\ndialect = "openai-compatible"\nurl = "https://h/v1"\nkey = "sk-123456"')
    said = refusal(models_file=file)
    assert "house.key: must be the name of an environment variable" in said
    assert "sk-123456" not in said


def test_a_price_without_a_known_provider_is_told(tmp_path: Path) -> None:
    assert "'gpt-6-luna' names no provider" in refusal(prices={"gpt-6-luna": (1, 1)})
    file = tmp_path / "models.toml"
    file.write_text('[house]\ndialect = "openai-compatible"\nurl = "https://h/v1"')
    assert "anthropic, openai, gemini, ollama, house" in refusal(prices={"hous/m": (1, 1)}, models_file=file)
    preflight.check(Settings(data=tmp_path, prices={"house/m": (1, 1)}, models_file=file), {})
