"""Over TLS, from a certificate made here: requests, `/live`, commands, and what is refused at the start."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from tests.cli.conftest import invoke, quick
from tests.ports import free_port
from vapora import AsyncClient, Client
from vapora.commands import CreateProject
from vapora.errors import BadInputError, ConfigurationError
from vapora.platform import Platform
from vapora.sdk import NoServerError
from vapora.settings import Settings
from vapora.startup import lock, preflight, readiness, tls


@dataclass(frozen=True)
class Files:
    cert: Path
    key: Path


def certificate(folder: Path, days: int = 1, password: bytes | None = None) -> Files:
    """Signed by itself, for this machine's address."""
    folder.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "VAPORA in a test")])
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    until = datetime.now(UTC) + timedelta(days=days)
    own_id = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(until - timedelta(days=30))
        .not_valid_after(until)
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.KeyUsage(True, False, False, False, False, True, False, False, False),
            critical=True,
        )
        .add_extension(own_id, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, SHA256())
    )
    files = Files(folder / "cert.pem", folder / "key.pem")
    files.cert.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    sealed = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    files.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, sealed))
    return files


@dataclass(frozen=True)
class Server:
    url: str
    data: Path
    files: Files


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("tls")
    files = certificate(folder)
    settings = quick(folder / "data", free_port())
    platform = Platform(settings.model_copy(update={"tls_cert": files.cert, "tls_key": files.key}), {})
    try:
        yield Server(platform.start().api.removesuffix("/api/v1"), settings.data, files)
    finally:
        platform.stop()


def test_it_answers_by_https_and_says_that_no_other_way_is_to_be_taken(server: Server) -> None:
    assert server.url.startswith("https://127.0.0.1:")
    context = ssl.create_default_context(cafile=str(server.files.cert))
    answer = httpx.get(f"{server.url}/api/v1/board", verify=context, timeout=60)
    assert answer.status_code == 200
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")


def test_plain_http_is_not_served_there(server: Server) -> None:
    with pytest.raises(httpx.TransportError):
        httpx.get(server.url.replace("https", "http", 1) + "/api/v1/board", timeout=60)


def test_whoever_does_not_know_the_certificate_takes_no_answer_from_it(server: Server) -> None:
    with Client(server.url) as client, pytest.raises(NoServerError, match="CERTIFICATE_VERIFY_FAILED"):
        client.health()


def test_the_client_of_python_works_and_follows_with_what_ssl_cert_file_names(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(server.files.cert))
    with Client(server.url) as client:
        made = client.create_project(CreateProject(name="Sealed"))
        with client.live(after=made.position - 1, reconnect=False) as live:
            assert next(iter(live)).position >= made.position


async def test_the_asynchronous_client_follows_too(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(server.files.cert))
    async with AsyncClient(server.url) as client:
        made = await client.create_project(CreateProject(name="Sealed as well"))
        async with client.live(after=made.position - 1, reconnect=False) as live:
            assert (await anext(aiter(live))).position >= made.position


def test_a_file_of_certificates_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    with pytest.raises(BadInputError, match="SSL_CERT_FILE"):
        Client("https://127.0.0.1:9")


def test_commands_on_its_machine_know_it_by_its_certificate(server: Server) -> None:
    owner = lock.owner(server.data)
    assert owner is not None
    assert owner.url == server.url
    said = invoke("board", VAPORA_URL="", VAPORA_DATA=str(server.data))
    assert (said.code, said.err) == (0, "")


def test_commands_elsewhere_trust_what_ssl_cert_file_names(server: Server, tmp_path: Path) -> None:
    environ = {"VAPORA_URL": server.url, "VAPORA_DATA": str(tmp_path)}
    assert invoke("board", **environ, SSL_CERT_FILE=str(server.files.cert)).code == 0
    assert "CERTIFICATE_VERIFY_FAILED" in invoke("board", **environ).err


def test_the_server_is_known_by_exactly_its_certificate(server: Server, tmp_path: Path) -> None:
    assert readiness.answers(server.url, tls.pinned(server.files.cert))
    assert not readiness.answers(server.url, tls.pinned(certificate(tmp_path / "other").cert))


def test_a_certificate_whose_time_is_over_keeps_no_server_from_running(tmp_path: Path) -> None:
    files = certificate(tmp_path, days=-1)
    settings = quick(tmp_path / "data", free_port())
    platform = Platform(settings.model_copy(update={"tls_cert": files.cert, "tls_key": files.key}), {})
    try:
        base = platform.start().board
        assert readiness.answers(base.rstrip("/"), tls.pinned(files.cert))
    finally:
        platform.stop()


def refusal(**given: Any) -> str:
    with pytest.raises(ConfigurationError) as error:
        preflight.check(Settings(**given), {})
    return f"{error.value} {error.value.remedy}"


def test_one_file_without_the_other_is_refused(tmp_path: Path) -> None:
    files = certificate(tmp_path)
    assert "VAPORA_TLS_CERT is set, and VAPORA_TLS_KEY is not" in refusal(tls_cert=files.cert)
    assert "VAPORA_TLS_KEY is set, and VAPORA_TLS_CERT is not" in refusal(tls_key=files.key)


def test_files_that_cannot_be_read_or_do_not_fit_are_refused(tmp_path: Path) -> None:
    files, other = certificate(tmp_path / "one"), certificate(tmp_path / "other")
    sealed = certificate(tmp_path / "sealed", password=b"a password")
    nowhere = tmp_path / "nowhere.pem"
    assert "VAPORA_TLS_CERT: " in (said := refusal(tls_cert=nowhere, tls_key=files.key))
    assert "cannot be read" in said
    assert "VAPORA_TLS_KEY: " in refusal(tls_cert=files.cert, tls_key=nowhere)
    assert "does not fit" in refusal(tls_cert=files.cert, tls_key=other.key)
    assert "is encrypted" in refusal(tls_cert=sealed.cert, tls_key=sealed.key)
    assert "holds no certificate" in refusal(tls_cert=files.key, tls_key=files.key)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "vapora.example.com"])
def test_plain_http_for_others_is_refused_unless_a_proxy_ends_tls(host: str, tmp_path: Path) -> None:
    said = refusal(host=host, data=tmp_path)
    for name in ("VAPORA_TLS_CERT", "VAPORA_TLS_KEY", "VAPORA_TLS_PROXY=true"):
        assert name in said
    files = certificate(tmp_path / "files")
    preflight.check(Settings(host=host, data=tmp_path, tls_proxy=True), {})
    preflight.check(Settings(host=host, data=tmp_path, tls_cert=files.cert, tls_key=files.key), {})
