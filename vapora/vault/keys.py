"""The installation's key: it encrypts the keys of workspaces, and nothing else.

It comes from `VAPORA_VAULT_KEY` or the file that `VAPORA_VAULT_KEY_FILE` names; on one machine, where neither is set,
it is made in the data folder. Several may be given, the one to use first: so one is replaced by another.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from vapora import durable
from vapora.errors import VaultKeyError

NAME = "vault_key"
BYTES = 32
_LONGEST = 4_096
FORM = "Write 32 random bytes as base64, as `openssl rand -base64 32` prints them."


@dataclass(frozen=True, slots=True)
class InstallationKey:
    """`id` names it beside what it encrypted, so that another key is told apart from damage."""

    bytes: bytes = field(repr=False)

    @property
    def id(self) -> str:
        return sha256(b"vapora vault key\n" + self.bytes).hexdigest()[:16]


def parse(text: str, source: str) -> tuple[InstallationKey, ...]:
    """The keys of a text, white space or commas between them. Raises `VaultKeyError`, which shows none of it."""
    parts = [part for part in re.split(r"[\s,]+", text) if part]
    if not parts:
        raise VaultKeyError(f"{source} holds no key.", remedy=FORM)
    return tuple(InstallationKey(_decoded(part, source)) for part in parts)


def read(path: Path, *, forbidden: int) -> tuple[InstallationKey, ...] | None:
    """Those in a file; None where there is none. `forbidden`: rights that nobody else may have."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(_LONGEST).decode("ascii", "replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise VaultKeyError(
            f"The vault's key cannot be read from {path} ({error.strerror}).",
            remedy="See that the file belongs to the user who runs VAPORA.",
        ) from error
    if mode & forbidden:
        raise VaultKeyError(
            f"Others on this machine can read the vault's key in {path}.",
            remedy="Take their rights away (chmod 600; in Kubernetes defaultMode: 0400), and replace the key.",
        )
    return parse(text, str(path))


def make(path: Path) -> tuple[InstallationKey, ...]:
    """A new key in the file, for its owner alone. Two that make one at once get the same."""
    text = base64.b64encode(secrets.token_bytes(BYTES)).decode()
    try:
        durable.write_new(path, f"{text}\n".encode())
    except OSError as error:
        raise VaultKeyError(
            f"The vault's key cannot be written to {path} ({error.strerror}).",
            remedy="See that the data folder is writable, or set VAPORA_VAULT_KEY_FILE.",
        ) from error
    return read(path, forbidden=0o077) or ()


def _decoded(part: str, source: str) -> bytes:
    try:
        known = base64.b64decode(part.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        known = b""
    if len(known) != BYTES:
        raise VaultKeyError(f"{source} holds no key of {BYTES} bytes.", remedy=FORM)
    return known
