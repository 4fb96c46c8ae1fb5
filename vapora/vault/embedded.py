"""The vault that needs nothing else: encrypted rows beside the log.

The installation's key encrypts a key for each workspace, which encrypts a key for each version of a secret, which
encrypts the value. So a workspace's key is replaced without the values, and the installation's without the secrets.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from pydantic import SecretStr

from vapora.clock import Clock
from vapora.errors import NotFoundError, VaultKeyError
from vapora.vault import envelope, keys
from vapora.vault.base import KEPT_VERSIONS, Rotated, StoredSecret
from vapora.vault.envelope import Sealed
from vapora.vault.keys import InstallationKey
from vapora.vault.tables import Statements, Tables

# So many are encrypted anew in one transaction: a writer waits for some milliseconds at most.
_BATCH = 50


class EmbeddedVault:
    """`given`: the installation's keys as they are configured, the one to use first; None: the one in `made_at`, which
    is made there with the first secret, if it `makes_key`. `stepped`: called after each step of a rotation, for tests
    that end there."""

    fresh_s = 0.0

    def __init__(
        self,
        tables: Tables,
        given: Callable[[], tuple[InstallationKey, ...] | None],
        made_at: Path,
        clock: Clock,
        *,
        stepped: Callable[[str], None] = lambda step: None,
        makes_key: bool = True,
    ) -> None:
        self._tables = tables
        self._given = given
        self._made_at = made_at
        self._clock = clock
        self._stepped = stepped
        self._makes_key = makes_key
        self._keys: tuple[InstallationKey, ...] | None = None

    def put(self, workspace: str, name: str, value: SecretStr) -> StoredSecret:
        at = self._clock()
        with self._tables.writing(workspace) as run:
            last = run("SELECT MAX(version) FROM vault_secrets WHERE workspace = ? AND name = ?", (workspace, name))
            version = (last[0][0] or 0) + 1
            number, key = self._newest_key(run, workspace) or self._make_key(run, workspace)
            where = envelope.place(workspace, name, version)
            sealed = envelope.seal(value.get_secret_value().encode(), key, where)
            run(
                "INSERT INTO vault_secrets (workspace, name, version, key, wrapped, value, updated_at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (workspace, name, version, number, sealed.key, sealed.value, at.isoformat()),
            )
            run(
                "DELETE FROM vault_secrets WHERE workspace = ? AND name = ? AND version <= ?",
                (workspace, name, version - KEPT_VERSIONS),
            )
        return StoredSecret(name, version, at)

    def get(self, workspace: str, name: str) -> tuple[SecretStr, StoredSecret] | None:
        if not self._tables.exists():
            return None
        with self._tables.reading() as run:
            found = run(
                "SELECT s.version, s.updated_at, s.wrapped, s.value, k.number, k.installation_key, k.wrapped "
                "FROM vault_secrets s LEFT JOIN vault_keys k ON k.workspace = s.workspace AND k.number = s.key "
                "WHERE s.workspace = ? AND s.name = ? ORDER BY s.version DESC LIMIT 1",
                (workspace, name),
            )
        if not found or found[0][3] is None:
            return None
        version, at, wrapped, value, number, key_id, wrapped_key = found[0]
        if number is None:
            raise VaultKeyError(
                f"The key of the workspace '{workspace}' is missing in the vault's database.",
                remedy="Put the database back from a backup, whole.",
            )
        key = self._workspace_key(workspace, number, key_id, bytes(wrapped_key))
        where = envelope.place(workspace, name, version)
        plain = envelope.open_(Sealed(bytes(value), bytes(wrapped)), key, where)
        return SecretStr(plain.decode()), StoredSecret(name, version, datetime.fromisoformat(at))

    def list(self, workspace: str) -> tuple[StoredSecret, ...]:
        if not self._tables.exists():
            return ()
        with self._tables.reading() as run:
            found = run(
                "SELECT name, version, updated_at FROM vault_secrets s WHERE workspace = ? AND value IS NOT NULL "
                "AND version = (SELECT MAX(version) FROM vault_secrets t WHERE t.workspace = s.workspace "
                "AND t.name = s.name) ORDER BY name",
                (workspace,),
            )
        return tuple(StoredSecret(name, version, datetime.fromisoformat(at)) for name, version, at in found)

    def delete(self, workspace: str, name: str) -> StoredSecret:
        known = next((one for one in self.list(workspace) if one.name == name), None)
        if known is None:
            raise NotFoundError(f"There is no secret '{name}'.", remedy="Check the name: GET /secrets lists them.")
        at = self._clock()
        with self._tables.writing(workspace) as run:
            last = run("SELECT MAX(version) FROM vault_secrets WHERE workspace = ? AND name = ?", (workspace, name))
            version = last[0][0]
            run(
                "DELETE FROM vault_secrets WHERE workspace = ? AND name = ? AND version < ?", (workspace, name, version)
            )
            run(
                "UPDATE vault_secrets SET key = NULL, wrapped = NULL, value = NULL, updated_at = ? "
                "WHERE workspace = ? AND name = ?",
                (at.isoformat(), workspace, name),
            )
        self._tables.forget()
        return StoredSecret(name, version, at)

    def rotate(self, workspace: str) -> Rotated:
        with self._tables.writing(workspace) as run:
            number, key = self._make_key(run, workspace)
        self._stepped("made")
        while self._rewrap_some(workspace, number, key):
            self._stepped("re-wrapped")
        with self._tables.writing(workspace) as run:
            run(
                "DELETE FROM vault_keys WHERE workspace = ? AND number < ? AND number NOT IN "
                "(SELECT key FROM vault_secrets WHERE workspace = ? AND key IS NOT NULL)",
                (workspace, number, workspace),
            )
            [[count]] = run("SELECT COUNT(*) FROM vault_secrets WHERE workspace = ? AND key = ?", (workspace, number))
        self._stepped("retired")
        self._tables.forget()
        return Rotated(str(number), count)

    def check(self) -> None:
        """Whether each workspace's key was encrypted with a key that is given."""
        given = self._given()  # also before there is anything that it could be wrong for
        if not self._tables.exists():
            return
        with self._tables.reading() as run:
            found = run("SELECT DISTINCT installation_key FROM vault_keys")
        if found:
            known = {one.id for one in given or self._in_folder()}
            for (key_id,) in found:
                if key_id not in known:
                    raise _other_key(key_id)

    def close(self) -> None:
        self._tables.close()

    # Keys.

    def _rewrap_some(self, workspace: str, number: int, key: bytes) -> bool:
        with self._tables.writing(workspace) as run:
            found = run(
                "SELECT s.name, s.version, s.wrapped, k.number, k.installation_key, k.wrapped FROM vault_secrets s "
                "JOIN vault_keys k ON k.workspace = s.workspace AND k.number = s.key "
                "WHERE s.workspace = ? AND s.key < ? ORDER BY s.name, s.version LIMIT ?",
                (workspace, number, _BATCH),
            )
            for name, version, wrapped, old_number, key_id, wrapped_key in found:
                old = self._workspace_key(workspace, old_number, key_id, bytes(wrapped_key))
                where = envelope.place(workspace, name, version)
                run(
                    "UPDATE vault_secrets SET key = ?, wrapped = ? WHERE workspace = ? AND name = ? AND version = ?",
                    (number, envelope.rewrap(bytes(wrapped), old, key, where), workspace, name, version),
                )
        return bool(found)

    def _newest_key(self, run: Statements, workspace: str) -> tuple[int, bytes] | None:
        found = run(
            "SELECT number, installation_key, wrapped FROM vault_keys WHERE workspace = ? ORDER BY number DESC LIMIT 1",
            (workspace,),
        )
        if not found:
            return None
        number, key_id, wrapped = found[0]
        return number, self._workspace_key(workspace, number, key_id, bytes(wrapped))

    def _make_key(self, run: Statements, workspace: str) -> tuple[int, bytes]:
        [[newest]] = run("SELECT MAX(number) FROM vault_keys WHERE workspace = ?", (workspace,))
        [[others]] = run("SELECT COUNT(*) FROM vault_keys")
        number, key = (newest or 0) + 1, envelope.new_key()
        installation = self._installation_keys(may_make=others == 0)[0]
        wrapped = envelope.encrypt(installation.bytes, key, _key_place(workspace, number))
        run(
            "INSERT INTO vault_keys (workspace, number, installation_key, wrapped, created_at) VALUES (?, ?, ?, ?, ?)",
            (workspace, number, installation.id, wrapped, self._clock().isoformat()),
        )
        return number, key

    def _workspace_key(self, workspace: str, number: int, key_id: str, wrapped: bytes) -> bytes:
        known = {one.id: one for one in self._installation_keys()}
        if key_id not in known:
            # Perhaps the file was given another key since.
            self._keys = None
            known = {one.id: one for one in self._installation_keys()}
        if key_id not in known:
            raise _other_key(key_id)
        return envelope.decrypt(known[key_id].bytes, wrapped, _key_place(workspace, number))

    def _installation_keys(self, *, may_make: bool = False) -> tuple[InstallationKey, ...]:
        if self._keys is None:
            found = self._given() or keys.read(self._made_at, forbidden=0o077)
            if found is None and may_make:
                if not self._makes_key:
                    raise VaultKeyError(
                        "Nobody gave a key for the secrets, and one made here would be lost with this node.",
                        remedy=f"Set VAPORA_VAULT_KEY_FILE on every node to a file with the same key. {keys.FORM}",
                    )
                found = keys.make(self._made_at)
            self._keys = found or self._in_folder()
        return self._keys

    def _in_folder(self) -> tuple[InstallationKey, ...]:
        found = keys.read(self._made_at, forbidden=0o077)
        if found is None:
            raise VaultKeyError(
                f"The key that the secrets were encrypted with is missing: there is no {self._made_at}.",
                remedy="Put the file back, or set VAPORA_VAULT_KEY or VAPORA_VAULT_KEY_FILE.",
            )
        return found


def _key_place(workspace: str, number: int) -> bytes:
    return f"{workspace}|key {number}".encode()


def _other_key(key_id: str) -> VaultKeyError:
    return VaultKeyError(
        f"The secrets were encrypted with another key than the one given: with the key {key_id}.",
        remedy="Set VAPORA_VAULT_KEY or VAPORA_VAULT_KEY_FILE to that key; to replace it, give the new one and behind "
        "it the old one, and rotate the secrets of each workspace.",
    )
