"""The key that signs checkpoints: Ed25519, made at the first start, its public half beside it.

Whoever holds the private key can sign another past. To guard against those who own the machine, keep it, or copies of
the checkpoints and of the public key, elsewhere.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from vapora import durable
from vapora.errors import ConfigurationError

_END = b"-----END PUBLIC KEY-----\n"


def public_path(private: Path) -> Path:
    return private.with_name(private.name + ".pub")


class SigningKey:
    """`id` names it in what it signs."""

    def __init__(self, key: Ed25519PrivateKey, verifier: Verifier) -> None:
        self._key = key
        self.id = _id(key.public_key())
        self._verifier = verifier

    def knows(self, key_id: str) -> bool:
        """Whether that is its own, or one of those that it took the place of."""
        return key_id == self.id or self._verifier.knows(key_id)

    def sign(self, message: bytes) -> str:
        return self._key.sign(message).hex()

    @classmethod
    def open(cls, path: Path) -> SigningKey:
        """The key at `path`; made there, readable to its owner alone, where there never was one."""
        try:
            if not path.exists():
                _require_new(path)
                _make(path)
            _keep_to_ourselves(path)
            key = _load(path)
            if not public_path(path).exists() and os.access(path.parent, os.W_OK):
                _write_public(path, key)
        except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise ConfigurationError(
                f"The key that signs checkpoints cannot be read or made at {path}: {error}.",
                remedy="Put the right key there, make the folder writable, or set VAPORA_AUDIT_KEY to another path.",
            ) from error
        return cls(key, Verifier.beside(path))


class Verifier:
    """Knows the public keys of a file; one after another where a key was replaced."""

    def __init__(self, keys: Mapping[str, Ed25519PublicKey]) -> None:
        self._keys = dict(keys)

    @classmethod
    def open(cls, path: Path) -> Verifier:
        """`ConfigurationError` where there is none."""
        try:
            blocks = [block + _END for block in path.read_bytes().split(_END) if block.strip()]
            keys = [serialization.load_pem_public_key(block) for block in blocks]
            if not keys or not all(isinstance(key, Ed25519PublicKey) for key in keys):
                raise ValueError("it holds no Ed25519 key")
        except (OSError, ValueError, UnsupportedAlgorithm) as error:
            raise ConfigurationError(
                f"The public key that proves checkpoints cannot be read at {path}: {error}.",
                remedy="Name it with --key; it was made beside the private key, with the ending .pub.",
            ) from error
        return cls({_id(key): key for key in keys if isinstance(key, Ed25519PublicKey)})

    @classmethod
    def beside(cls, private: Path) -> Verifier:
        """The public keys beside the private one; where there is no such file, as where a secret is mounted alone, the
        public half of that one."""
        if public_path(private).exists():
            return cls.open(public_path(private))
        try:
            public = _load(private).public_key()
        except (OSError, ValueError, TypeError, UnsupportedAlgorithm):
            return cls.open(public_path(private))
        return cls({_id(public): public})

    def knows(self, key_id: str) -> bool:
        return key_id in self._keys

    def proves(self, key_id: str, message: bytes, signature: str) -> bool:
        try:
            self._keys[key_id].verify(bytes.fromhex(signature), message)
        except (InvalidSignature, ValueError, KeyError):
            return False
        return True


def _load(path: Path) -> Ed25519PrivateKey:
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("it is of another kind than Ed25519")
    return key


def _keep_to_ourselves(path: Path) -> None:
    """Nobody else reads it; where it is mounted and cannot be changed, a group may, as in a pod."""
    mode = path.stat().st_mode
    if mode & 0o077:
        try:
            path.chmod(0o600)
        except OSError:
            if mode & 0o007:
                raise ValueError("others on this machine can read it; in Kubernetes say defaultMode: 0440") from None


def _require_new(path: Path) -> None:
    public = public_path(path)
    if public.exists():
        raise ConfigurationError(
            f"The key that signs checkpoints is missing at {path}, and its public half at {public} says there was one.",
            remedy="Put it back from a backup. To begin with a new key, append the old public key to the new one "
            "afterwards: move it away, start, and join the two files.",
        )


def _make(path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    # Of two that start together, one makes the key and both read the same.
    durable.write_new(path, pem)


def _write_public(path: Path, key: Ed25519PrivateKey) -> None:
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    durable.write(public_path(path), pem, 0o644)


def _id(key: Ed25519PublicKey) -> str:
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return sha256(raw).hexdigest()[:16]
