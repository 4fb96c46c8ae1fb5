"""Vaults for tests: one over files, one over PostgreSQL, one over a real OpenBao."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr

from vapora.vault import Vault
from vapora.vault.embedded import EmbeddedVault
from vapora.vault.keys import InstallationKey
from vapora.vault.tables import SqliteTables, Tables

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
BACKENDS = ("sqlite", "postgres", "openbao")
OURS = InstallationKey(b"k" * 32)
OTHERS = InstallationKey(b"o" * 32)


def secret(text: str) -> SecretStr:
    return SecretStr(text)


@dataclass
class Bench:
    """`open` gives another vault over the same store, as another process has it."""

    open: Callable[[], Vault]


def embedded(
    tables: Tables,
    folder: Path,
    *given: InstallationKey,
    stepped: Callable[[str], None] = lambda step: None,
) -> EmbeddedVault:
    """With these installation keys; without any, with the one in the folder."""
    return EmbeddedVault(tables, lambda: given or None, folder / "vault_key", lambda: NOON, stepped=stepped)


def over_files(
    folder: Path, *given: InstallationKey, stepped: Callable[[str], None] = lambda step: None
) -> EmbeddedVault:
    return embedded(SqliteTables(folder / "vault.db"), folder, *given, stepped=stepped)


def value_of(vault: Vault, workspace: str, name: str) -> str | None:
    found = vault.get(workspace, name)
    return None if found is None else found[0].get_secret_value()
