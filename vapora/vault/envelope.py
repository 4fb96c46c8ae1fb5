"""AES-256-GCM with a fresh key for each value, and that key encrypted by another one: pure but for the random bytes.

What is encrypted is bound to its place (the associated data): a value that is moved to another name, version or
workspace in the database does not open there.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vapora.errors import VaultError

KEY_BITS = 256
_NONCE_BYTES = 12


class Sealed(NamedTuple):
    """A value under a key of its own, and that key under the workspace's."""

    value: bytes
    key: bytes


def new_key() -> bytes:
    return AESGCM.generate_key(KEY_BITS)


def place(workspace: str, name: str, version: int) -> bytes:
    """Where a value belongs. None of the three can hold the sign between them."""
    return f"{workspace}|{name}|{version}".encode()


def seal(value: bytes, workspace_key: bytes, where: bytes) -> Sealed:
    key = new_key()
    return Sealed(encrypt(key, value, where), encrypt(workspace_key, key, where))


def open_(sealed: Sealed, workspace_key: bytes, where: bytes) -> bytes:
    """Raises `VaultError`."""
    return decrypt(decrypt(workspace_key, sealed.key, where), sealed.value, where)


def rewrap(key: bytes, old: bytes, new: bytes, where: bytes) -> bytes:
    """The value's own key, under another key of the workspace. Raises `VaultError`."""
    return encrypt(new, decrypt(old, key, where), where)


def encrypt(key: bytes, data: bytes, where: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, data, where)


def decrypt(key: bytes, data: bytes, where: bytes) -> bytes:
    """Raises `VaultError` where it was not encrypted with this key for this place, or was changed since."""
    try:
        return AESGCM(key).decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], where)
    except (InvalidTag, ValueError) as error:
        raise VaultError(
            f"What is stored for {where.decode()} cannot be decrypted: it was changed, or comes from elsewhere.",
            remedy="Set the secret again, or put the vault's database back from a backup.",
        ) from error
