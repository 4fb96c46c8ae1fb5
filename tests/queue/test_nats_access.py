"""Who may use NATS, over what: sign-in and TLS against a real server, and no secret in any text."""

from __future__ import annotations

import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from tests.actors.kit import passed
from tests.queue.credentials import Authority, NKey, operated
from tests.queue.nats_server import NatsServer
from vapora.errors import ConfigurationError, UnavailableError
from vapora.queue.nats.options import NatsOptions, options_of
from vapora.queue.nats.queue import NatsQueue
from vapora.settings import Settings

SECRET = "c0rrect-horse-battery"
Serve = Callable[..., Awaitable[NatsServer]]


@pytest.fixture
async def serve(tmp_path: Path) -> AsyncIterator[Serve]:
    servers: list[NatsServer] = []

    async def make(**settings: Any) -> NatsServer:
        server = NatsServer(tmp_path / f"nats-{len(servers)}", **settings)
        servers.append(server)
        await server.start()
        return server

    yield make
    for server in servers:
        await server.kill()


async def problem_of(options: NatsOptions) -> str | None:
    """What a queue says of it, once it has tried."""
    queue = NatsQueue(options, "acme")
    await queue.start()
    found = queue.problem
    if found is None:
        assert (await queue.status()).depth == {}
    else:
        with pytest.raises(UnavailableError) as caught:
            await queue.fetch(1, 5)
        found += "".join(traceback.format_exception(caught.value))
        status = await queue.status()
        assert not status.connected
        found += str(status.problem)
    await queue.stop()
    return found


async def test_user_and_password_let_in_and_a_wrong_one_is_refused_without_repeating_it(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    server = await serve(authorization={"user": "vapora", "password": SECRET})
    right = replace(server.options, user="vapora", password=SECRET)
    assert await problem_of(right) is None

    for wrong in (replace(right, password=f"not-{SECRET}"), replace(server.options, user="vapora"), server.options):
        told = await problem_of(wrong)
        assert told is not None and "refused the sign-in" in told and "VAPORA_NATS_PASSWORD" in told
        assert SECRET not in told
    said = capsys.readouterr()
    assert "refused the sign-in" in said.out + said.err
    assert SECRET not in said.out + said.err


async def test_a_token_lets_in_and_a_wrong_one_is_refused_without_repeating_it(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    server = await serve(authorization={"token": SECRET})
    assert await problem_of(replace(server.options, token=SECRET)) is None
    told = await problem_of(replace(server.options, token=f"not-{SECRET}"))
    assert told is not None and "VAPORA_NATS_TOKEN" in told
    said = capsys.readouterr()
    assert SECRET not in told + said.out + said.err


async def test_signed_credentials_let_in(serve: Serve, tmp_path: Path) -> None:
    settings, creds = operated(tmp_path / "creds")
    server = await serve(**settings)
    assert await problem_of(replace(server.options, creds=creds)) is None
    told = await problem_of(server.options)
    assert told is not None and "VAPORA_NATS_CREDS" in told
    # Of another operator's making.
    _, foreign = operated(tmp_path / "foreign")
    told = await problem_of(replace(server.options, creds=foreign))
    assert told is not None and "refused the sign-in" in told


async def test_credentials_that_are_replaced_while_it_runs_are_read_at_the_next_connection(
    serve: Serve, tmp_path: Path
) -> None:
    settings, creds = operated(tmp_path / "creds")
    server = await serve(**settings)
    right = creds.read_text()
    queue = NatsQueue(replace(server.options, creds=creds), "acme")
    creds.write_text("nothing")
    await queue.start()
    await passed(lambda: "no user token or no user seed" in str(queue.problem))
    creds.write_text(right)
    await passed(lambda: queue.problem is None)
    await queue.stop()


async def test_tls_with_a_certificate_of_our_own_and_only_with_the_right_authority(
    serve: Serve, tmp_path: Path
) -> None:
    ours, other = Authority(tmp_path / "tls"), Authority(tmp_path / "other")
    pair = ours.pair("server")
    server = await serve(tls={"cert_file": str(pair.cert), "key_file": str(pair.key)})
    assert await problem_of(replace(server.options, tls_ca=ours.cert)) is None
    assert await problem_of(replace(server.options, url=f"tls://localhost:{server.port}", tls_ca=ours.cert)) is None
    told = await problem_of(replace(server.options, tls_ca=other.cert))
    assert told is not None and "TLS with NATS" in told and "VAPORA_NATS_TLS_CA" in told


async def test_a_server_that_wants_to_know_its_clients_takes_ours_by_its_certificate(
    serve: Serve, tmp_path: Path
) -> None:
    ours = Authority(tmp_path / "tls")
    pair, mine = ours.pair("server"), ours.pair("client")
    server = await serve(
        tls={"cert_file": str(pair.cert), "key_file": str(pair.key), "ca_file": str(ours.cert), "verify": True}
    )
    alone = replace(server.options, tls_ca=ours.cert)
    assert await problem_of(replace(alone, tls_cert=mine.cert, tls_key=mine.key)) is None
    assert await problem_of(alone) is not None


async def test_a_server_without_jetstream_is_told_apart(serve: Serve) -> None:
    server = await serve(jetstream=False)
    told = await problem_of(server.options)
    assert told is not None and "JetStream" in told


async def test_a_stream_of_another_make_is_left_as_it_is_and_the_remedy_named(serve: Serve) -> None:
    import nats

    server = await serve()
    client = await nats.connect(server.url)
    await client.jetstream().add_stream(name="VAPORA_TASKS_acme", subjects=["elsewhere"])
    told = await problem_of(server.options)
    assert told is not None and "VAPORA_TASKS_acme" in told and "workqueue" in told
    assert (await client.jetstream().stream_info("VAPORA_TASKS_acme")).config.subjects == ["elsewhere"]
    await client.close()


def _bad(folder: Path) -> dict[str, dict[str, Any]]:
    text = folder / "text.pem"
    text.write_text("no certificate")
    return {
        "not the address": {"nats_url": "http://127.0.0.1:4222"},
        "is not the address of": {"nats_url": "nats://:x"},
        "holds credentials": {"nats_url": f"nats://vapora:{SECRET}@127.0.0.1:4222"},
        "without VAPORA_NATS_USER": {"nats_password": SecretStr(SECRET)},
        "Choose one way": {"nats_user": "vapora", "nats_token": SecretStr(SECRET)},
        "only one is set": {"nats_tls_cert": text},
        "names no file": {"nats_tls_ca": folder / "missing.pem"},
        "certificates for NATS cannot be used": {"nats_tls_ca": text},
        "VAPORA_NATS_CREDS names no file": {"nats_creds": folder / "missing.creds"},
    }


def test_settings_that_can_never_work_are_refused_with_what_to_do_and_no_secret(tmp_path: Path) -> None:
    for expected, settings in _bad(tmp_path).items():
        with pytest.raises(ConfigurationError, match=expected) as caught:
            options_of(Settings(**{"nats_url": "nats://127.0.0.1:4222", **settings}))
        assert caught.value.remedy
        assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_file_that_is_no_users_credentials_is_refused_at_once_without_repeating_it(tmp_path: Path) -> None:
    _, creds = operated(tmp_path)
    right = creds.read_text()
    seed = right.splitlines()[-2]
    assert seed.startswith("SU")
    account = NKey("A").seed
    damaged = seed[:20] + ("A" if seed[20] != "A" else "B") + seed[21:]
    wrong = {
        "no user token or no user seed": ["", seed, right.replace("USER JWT", "JWT"), right.replace("SEED", "KEY")],
        "not in base32": [right.replace(seed, seed[:-1] + "1")],
        "is damaged": [right.replace(seed, one) for one in (damaged, seed[:-2], seed + seed)],
        "is not a user's": [right.replace(seed, account)],
    }
    for expected, texts in wrong.items():
        for text in texts:
            creds.write_text(text)
            with pytest.raises(ConfigurationError, match=expected) as caught:
                options_of(Settings(nats_url="nats://127.0.0.1:4222", nats_creds=creds))
            told = "".join(traceback.format_exception(caught.value))
            assert caught.value.remedy
            assert not any(secret in told for secret in (seed, account, damaged))
    creds.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="no user token"):
        options_of(Settings(nats_url="nats://127.0.0.1:4222", nats_creds=creds))


def test_secrets_do_not_show_in_settings_or_options() -> None:
    settings = Settings(nats_url="nats://h:4222", nats_user="vapora", nats_password=SecretStr(SECRET))
    options = options_of(settings)
    assert options is not None and options.password == SECRET
    assert SECRET not in f"{settings!r} {settings} {options!r} {options} {settings.model_dump_json()}"


def test_without_an_address_there_is_no_nats() -> None:
    assert options_of(Settings(nats_url="")) is None
