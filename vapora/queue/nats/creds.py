"""A NATS credentials file: the user's signed token, and the key that answers the server's challenge.

`nats-py` leaves the signing to a package that has to be compiled at installation, so it is done here. The file is read
again for each connection: it may be replaced while VAPORA runs.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from pathlib import Path

from vapora.errors import ConfigurationError

_TOKEN = re.compile(r"-{3,}BEGIN NATS USER JWT-{3,}\s+(\S+)\s+-{3,}END")
_SEED = re.compile(r"-{3,}BEGIN USER NKEY SEED-{3,}\s+(\S+)\s+-{3,}END")

# A seed in base32: five bits that make it begin with S, eight that say whose it is, 32 bytes of key, and a CRC.
_SEED_BITS = 18 << 3
_USER_BITS = 20 << 3
_BYTES = 2 + 32 + 2


def check(path: Path) -> None:
    """Raises `ConfigurationError`, without a word of the content, where this is no credentials file of a user."""
    _read(path)


def callbacks(path: Path) -> dict[str, Callable[..., bytes]]:
    """For `nats.connect`: the token, and the signature of the server's nonce."""

    def token() -> bytes:
        return _read(path)[0].encode()

    def sign(nonce: str) -> bytes:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        signature = Ed25519PrivateKey.from_private_bytes(_read(path)[1]).sign(nonce.encode())
        return base64.urlsafe_b64encode(signature).rstrip(b"=")

    return {"user_jwt_cb": token, "signature_cb": sign}


def _read(path: Path) -> tuple[str, bytes]:
    """The token and the 32 bytes of the private key."""
    try:
        text = path.read_text(encoding="ascii")
    except FileNotFoundError:
        raise ConfigurationError(f"VAPORA_NATS_CREDS names no file: {path}", remedy="Check the path.") from None
    except OSError as error:
        raise ConfigurationError(
            f"The file that VAPORA_NATS_CREDS names cannot be read: {path} ({error.strerror}).",
            remedy="Let the user who runs VAPORA read it.",
        ) from None
    except UnicodeDecodeError:
        text = ""
    token, seed = _TOKEN.search(text), _SEED.search(text)
    if token is None or seed is None:
        raise _unusable(path, "it has no user token or no user seed")
    return token[1], _private_key(seed[1], path)


def _private_key(seed: str, path: Path) -> bytes:
    try:
        raw = base64.b32decode(seed + "=" * (-len(seed) % 8))
    except binascii.Error:
        raise _unusable(path, "its seed is not in base32") from None
    if len(raw) != _BYTES or binascii.crc_hqx(raw[:-2], 0).to_bytes(2, "little") != raw[-2:]:
        raise _unusable(path, "its seed is damaged")
    if raw[0] & 0xF8 != _SEED_BITS or (raw[0] & 0x07) << 5 | raw[1] >> 3 != _USER_BITS:
        raise _unusable(path, "its seed is not a user's")
    return raw[2:-2]


def _unusable(path: Path, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"The file that VAPORA_NATS_CREDS names is no NATS user's credentials: {path} ({why}).",
        remedy="Name the .creds file that `nsc generate creds` wrote.",
    )
