"""The vault of our own: its keys, what stands in its files, and what a crash leaves."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.vault.bench import OTHERS, OURS, over_files, secret, value_of
from vapora.errors import VaultError, VaultKeyError

CANARY = "sk-canary-3f1d77c2"
STEPS = ("made", "re-wrapped", "retired")


def everything_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_no_file_holds_the_value_in_plain_text(tmp_path: Path) -> None:
    vault = over_files(tmp_path)
    vault.put("acme", "key", secret(CANARY))
    vault.rotate("acme")
    assert CANARY.encode() not in everything_in(tmp_path)
    vault.delete("acme", "key")
    vault.close()
    assert CANARY.encode() not in everything_in(tmp_path)


def test_nothing_is_made_before_the_first_secret(tmp_path: Path) -> None:
    vault = over_files(tmp_path)
    vault.check()
    vault.list("acme")
    vault.get("acme", "key")
    assert list(tmp_path.iterdir()) == []


def test_the_key_that_is_made_and_the_database_are_their_owners_alone(tmp_path: Path) -> None:
    over_files(tmp_path).put("acme", "key", secret("one"))
    for name in ("vault_key", "vault.db"):
        assert (tmp_path / name).stat().st_mode & 0o077 == 0, name


def test_another_key_is_refused_with_a_sentence(tmp_path: Path) -> None:
    over_files(tmp_path, OURS).put("acme", "key", secret("one"))
    wrong = over_files(tmp_path, OTHERS)
    for ask in (
        wrong.check,
        lambda: wrong.get("acme", "key"),
        lambda: wrong.put("acme", "key", secret("two")),
        lambda: wrong.rotate("acme"),
    ):
        with pytest.raises(VaultKeyError, match=f"another key than the one given: with the key {OURS.id}"):
            ask()
    assert value_of(over_files(tmp_path, OURS), "acme", "key") == "one"


def test_a_key_that_went_missing_is_not_replaced_in_silence(tmp_path: Path) -> None:
    over_files(tmp_path).put("acme", "key", secret("one"))
    kept = (tmp_path / "vault_key").read_bytes()
    (tmp_path / "vault_key").unlink()
    vault = over_files(tmp_path)
    for ask in (vault.check, lambda: vault.put("other", "key", secret("two"))):
        with pytest.raises(VaultKeyError, match="is missing"):
            ask()
    assert not (tmp_path / "vault_key").exists()
    (tmp_path / "vault_key").write_bytes(kept)
    (tmp_path / "vault_key").chmod(0o600)
    assert value_of(vault, "acme", "key") == "one"


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    over_files(tmp_path).put("acme", "key", secret("one"))
    (tmp_path / "vault_key").chmod(0o644)
    with pytest.raises(VaultKeyError, match="can read the vault's key"):
        over_files(tmp_path).check()


def test_the_installation_key_is_replaced_by_giving_both_and_rotating(tmp_path: Path) -> None:
    over_files(tmp_path, OURS).put("acme", "key", secret("one"))
    both = over_files(tmp_path, OTHERS, OURS)
    assert value_of(both, "acme", "key") == "one"
    both.rotate("acme")
    assert value_of(over_files(tmp_path, OTHERS), "acme", "key") == "one"
    with pytest.raises(VaultKeyError):
        over_files(tmp_path, OURS).get("acme", "key")


def test_a_running_process_takes_another_key_from_the_file(tmp_path: Path) -> None:
    running = over_files(tmp_path)
    running.put("acme", "key", secret("one"))
    old = (tmp_path / "vault_key").read_bytes()
    (tmp_path / "vault_key").write_bytes(b"bm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm4=\n" + old)
    over_files(tmp_path).rotate("acme")
    assert value_of(running, "acme", "key") == "one"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE vault_secrets SET value = CAST(substr(value, 1, 20) || x'7f' || substr(value, 22) AS BLOB) "
        "WHERE name = 'a'",
        "UPDATE vault_secrets SET (value, wrapped) = "
        "(SELECT value, wrapped FROM vault_secrets WHERE name = 'b') WHERE name = 'a'",
        "UPDATE vault_keys SET wrapped = zeroblob(60)",
    ],
    ids=["a changed value", "the value of another secret", "a changed key"],
)
def test_what_was_changed_or_moved_in_the_database_does_not_open(tmp_path: Path, statement: str) -> None:
    vault = over_files(tmp_path)
    for name in ("a", "b"):
        vault.put("acme", name, secret(name))
    with sqlite3.connect(tmp_path / "vault.db") as connection:
        connection.execute(statement)
    connection.close()
    with pytest.raises(VaultError, match="cannot be decrypted"):
        vault.get("acme", "a")


def test_a_rotation_leaves_nothing_that_the_old_key_opens(tmp_path: Path) -> None:
    vault = over_files(tmp_path, OURS)
    vault.put("acme", "key", secret("one"))
    with sqlite3.connect(tmp_path / "vault.db") as connection:
        [[old_key]] = connection.execute("SELECT wrapped FROM vault_keys").fetchall()
        [[old_wrapped]] = connection.execute("SELECT wrapped FROM vault_secrets").fetchall()
    connection.close()
    vault.rotate("acme")
    vault.close()
    left = everything_in(tmp_path)
    assert old_key not in left
    assert old_wrapped not in left


class _Gone(Exception):
    """Stands for the end of the process."""


@pytest.mark.parametrize("at", STEPS)
def test_a_rotation_that_is_cut_off_loses_nothing_and_is_completed(tmp_path: Path, at: str) -> None:
    def end(step: str) -> None:
        if step == at:
            raise _Gone

    vault = over_files(tmp_path, OURS, stepped=end)
    for number in range(120):  # three batches
        vault.put("acme", f"key-{number}", secret(f"value {number}"))
    with pytest.raises(_Gone):
        vault.rotate("acme")
    after = over_files(tmp_path, OURS)
    assert all(value_of(after, "acme", f"key-{number}") == f"value {number}" for number in range(120))
    assert after.rotate("acme").secrets == 120
    assert all(value_of(after, "acme", f"key-{number}") == f"value {number}" for number in range(120))
    with sqlite3.connect(tmp_path / "vault.db") as connection:
        assert connection.execute("SELECT COUNT(*) FROM vault_keys").fetchall() == [(1,)]
    connection.close()


_KILLED = """
import os, signal, sys
from pathlib import Path
from tests.vault.bench import over_files, secret
def end(step):
    if step == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)
vault = over_files(Path(sys.argv[1]), stepped=end)
for number in range(60):
    vault.put("acme", f"key-{number}", secret(f"value {number}"))
vault.rotate("acme")
"""


def test_a_process_that_is_killed_between_two_batches_loses_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, str(tmp_path), "re-wrapped"], cwd=Path.cwd(), env=os.environ, timeout=240
    )
    assert done.returncode == -signal.SIGKILL
    vault = over_files(tmp_path)
    assert all(value_of(vault, "acme", f"key-{number}") == f"value {number}" for number in range(60))
    assert vault.rotate("acme").secrets == 60
