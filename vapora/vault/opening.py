"""Which vault the settings name."""

from __future__ import annotations

from vapora.clock import Clock
from vapora.clock import now as system_now
from vapora.errors import ConfigurationError, VaultKeyError
from vapora.settings import Settings
from vapora.vault import keys
from vapora.vault.base import Vault
from vapora.vault.embedded import EmbeddedVault
from vapora.vault.keys import InstallationKey
from vapora.vault.openbao import OpenBaoOptions, OpenBaoVault
from vapora.vault.tables import PostgresTables, SqliteTables, Tables


def open_vault(settings: Settings, clock: Clock = system_now) -> Vault:
    """Asks nobody, and makes nothing, before it is used. Raises `ConfigurationError` for what can never work."""
    if settings.vault_url:
        return OpenBaoVault(_options(settings))
    url = settings.database_url
    tables: Tables = SqliteTables(settings.vault_file) if url is None else PostgresTables(url.get_secret_value())
    made_at = settings.data.absolute() / keys.NAME
    return EmbeddedVault(tables, lambda: _given(settings), made_at, clock, makes_key=not settings.is_shared)


def _given(settings: Settings) -> tuple[InstallationKey, ...] | None:
    named, path = settings.vault_key.get_secret_value().strip(), settings.vault_key_file
    if named and path:
        raise VaultKeyError("VAPORA_VAULT_KEY and VAPORA_VAULT_KEY_FILE are both set.", remedy="Choose one of them.")
    if named:
        return keys.parse(named, "VAPORA_VAULT_KEY")
    if path is None:
        return None
    # A group may share it, as in a pod; the whole machine may not.
    found = keys.read(path, forbidden=0o007)
    if found is None:
        raise VaultKeyError(f"VAPORA_VAULT_KEY_FILE names no file: {path}", remedy="Check the path.")
    return found


def _options(settings: Settings) -> OpenBaoOptions:
    if settings.vault_key.get_secret_value() or settings.vault_key_file:
        raise ConfigurationError(
            "VAPORA_VAULT_URL is set, and a key for the vault that needs none of it.",
            remedy="Leave out VAPORA_VAULT_KEY and VAPORA_VAULT_KEY_FILE: OpenBao has its own.",
        )
    return OpenBaoOptions(
        url=settings.vault_url,
        token=settings.vault_token.get_secret_value(),
        token_file=settings.vault_token_file,
        role_id=settings.vault_role_id,
        secret_id=settings.vault_secret_id.get_secret_value(),
        secret_id_file=settings.vault_secret_id_file,
        mount=settings.vault_mount.strip("/"),
        prefix=settings.vault_prefix.strip("/"),
        namespace=settings.vault_namespace,
        ca=settings.vault_ca,
    )
