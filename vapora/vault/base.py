"""What a vault does, whichever keeps the values. `tests/vault/test_contract.py` holds for each of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pydantic import SecretStr

# A private key of ssh takes some 3 KiB; whatever is much larger is no secret but a file.
LONGEST_VALUE_BYTES = 65_536
# So many versions of a secret are kept, the newest first.
KEPT_VERSIONS = 5


@dataclass(frozen=True, slots=True)
class StoredSecret:
    """What may be shown of a secret. `version` counts 1, 2, 3 …, and goes on where the secret was deleted between."""

    name: str
    version: int
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Rotated:
    """The workspace's key was replaced: `key` names the new one, `secrets` counts the versions that it covers."""

    key: str
    secrets: int


class Vault(Protocol):
    """Blocking; for an event loop, call it in a thread. May be used from several threads, and by several processes.

    Every method raises `UnavailableError` where the vault does not answer, `VaultError` where what is stored cannot be
    decrypted, and `VaultKeyError` where the key is not the one that it was encrypted with.
    """

    # For so many seconds nobody needs to ask again what is stored: 0 where asking costs next to nothing.
    fresh_s: float

    def put(self, workspace: str, name: str, value: SecretStr) -> StoredSecret:
        """A new version. On the disk for certain when this returns."""
        ...

    def get(self, workspace: str, name: str) -> tuple[SecretStr, StoredSecret] | None:
        """The newest version; None where there is no such secret.

        Whoever asks for a value records it first: see `actors.secrets.SecretReader`, the one caller.
        """
        ...

    def list(self, workspace: str) -> tuple[StoredSecret, ...]:
        """The newest version of each, by name."""
        ...

    def delete(self, workspace: str, name: str) -> StoredSecret:
        """All versions of it; the answer names the last one. Raises `NotFoundError`."""
        ...

    def rotate(self, workspace: str) -> Rotated:
        """Another key for the workspace's secrets. Values and versions stay; readers and writers go on meanwhile.
        What a crash cuts off, the next call completes."""
        ...

    def check(self) -> None:
        """Raises what would keep it from working now."""
        ...

    def close(self) -> None: ...
