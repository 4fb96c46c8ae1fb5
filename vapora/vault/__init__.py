"""Secrets of workspaces: stored encrypted here, or in an OpenBao or Vault of one's own.

A value is written before the event that names it. What a crash between the two leaves is a newer version that no event
names: it is used as it was meant to be, and the next write of that name says so in the log.
"""

from vapora.vault.base import LONGEST_VALUE_BYTES, Rotated, StoredSecret, Vault
from vapora.vault.names import api_key_name, git_known_hosts_name, git_login_name, git_ssh_name, webhook_secret_name
from vapora.vault.opening import open_vault
from vapora.vault.rows import put_rows, stored_rows

__all__ = [
    "LONGEST_VALUE_BYTES",
    "Rotated",
    "StoredSecret",
    "Vault",
    "api_key_name",
    "git_known_hosts_name",
    "git_login_name",
    "git_ssh_name",
    "open_vault",
    "put_rows",
    "stored_rows",
    "webhook_secret_name",
]
