"""An OpenBao of one's own: signing in, its policy, and what happens while it is away."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.vault.bench import secret, value_of
from tests.vault.openbao_server import POLICY, OpenBaoServer
from vapora.errors import ConfigurationError, ConflictError, UnavailableError, VaultError
from vapora.vault.openbao import OpenBaoOptions, OpenBaoVault


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[OpenBaoServer]:
    server = OpenBaoServer(tmp_path / "bao")
    try:
        server.start()
        yield server
    finally:
        server.strike()


def test_stopped_and_started_again_in_mid_work_it_loses_nothing_that_was_acknowledged(
    own_server: OpenBaoServer,
) -> None:
    """It is killed while one thread writes and another reads; both go on by themselves once it is back."""
    vault = own_server.vault(token=own_server.token(POLICY))
    acknowledged, failed, wrong = [0], list[str](), list[object]()
    moved, away, over = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        number = 0
        while not over.is_set():
            number += 1
            try:
                vault.put("acme", "key", secret(f"value {number}"))
                acknowledged.append(number)
                if len(acknowledged) > 3:
                    moved.set()
            except UnavailableError as error:
                failed.append(str(error))
                away.set()
            except Exception as error:
                wrong.append(error)
                return

    thread = threading.Thread(target=work)
    thread.start()
    assert moved.wait(90)
    own_server.strike()
    assert away.wait(90)
    own_server.start(unseal=False)
    with pytest.raises(UnavailableError, match="unsealed"):
        vault.get("acme", "key")
    own_server.unseal()
    moved.clear()
    assert moved.wait(90)
    over.set()
    thread.join()
    assert wrong == []
    assert "does not answer" in failed[0]
    found = value_of(vault, "acme", "key")
    assert found is not None and int(found.removeprefix("value ")) >= acknowledged[-1]
    vault.close()


def test_by_app_role_it_signs_in_again_when_its_token_is_over(openbao: OpenBaoServer) -> None:
    role_id, secret_id = openbao.app_role(POLICY)
    vault = openbao.vault(role_id=role_id, secret_id=secret_id)
    vault.put("app-role", "key", secret("one"))
    openbao.client().auth.token.revoke(vault._signed_in.token)
    assert value_of(vault, "app-role", "key") == "one"
    vault.close()


def test_a_token_file_is_read_again_when_its_token_is_refused(openbao: OpenBaoServer, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(openbao.token(POLICY))
    vault = openbao.vault(token_file=file)
    vault.put("by-file", "key", secret("one"))
    openbao.client().auth.token.revoke(file.read_text())
    file.write_text(openbao.token(POLICY) + "\n")
    assert value_of(vault, "by-file", "key") == "one"
    vault.close()


def test_a_token_that_may_too_little_is_told_what_is_missing(openbao: OpenBaoServer) -> None:
    vault = openbao.vault(token=openbao.token('path "secret/none" { capabilities = ["read"] }'))
    for ask in (vault.check, lambda: vault.put("acme", "key", secret("one")), lambda: vault.get("acme", "key")):
        with pytest.raises(VaultError, match="permission denied") as refused:
            ask()
        assert "policy" in refused.value.remedy
    vault.close()


def test_a_mount_that_is_not_there_is_no_empty_vault(openbao: OpenBaoServer) -> None:
    vault = openbao.vault(token=openbao.root, mount="elsewhere")
    with pytest.raises(VaultError, match="no handler for route"):
        vault.check()
    vault.close()


def test_its_own_key_is_rotated_only_where_that_is_allowed(openbao: OpenBaoServer) -> None:
    vault = openbao.vault(token=openbao.token(POLICY))
    with pytest.raises(ConflictError, match="may not rotate") as refused:
        vault.rotate("acme")
    assert "bao operator rotate" in refused.value.remedy
    vault.close()


_USUAL: dict[str, Any] = {"url": "https://bao.example.com:8200", "token": "t"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"url": "bao.example.com"}, "not the address"),
        ({"url": "https://bao.example.com:port"}, "not the address"),
        ({"url": "https://me:s3cret@bao.example.com"}, "holds credentials"),
        ({"url": "http://bao.example.com:8200"}, "plain text"),
        ({"token": ""}, "No way to sign in"),
        ({"role_id": "r", "secret_id": "s"}, "VAPORA_VAULT_TOKEN and VAPORA_VAULT_ROLE_ID are set"),
        ({"token": "", "role_id": "r"}, "needs a secret id"),
        ({"token": "", "token_file": Path("/nowhere")}, "names no file"),
    ],
)
def test_settings_that_can_never_work_are_refused_at_once(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as refused:
        OpenBaoVault(OpenBaoOptions(**{**_USUAL, **given}))
    assert "s3cret" not in str(refused.value)
    OpenBaoVault(OpenBaoOptions(**_USUAL))
