"""The keys that sign access tokens: a file beside the log, with one that signs and those that may still verify."""

from __future__ import annotations

import json
import os
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from vapora import durable
from vapora.errors import ConfigurationError

NAME = "signing_keys.json"
_BYTES = 32


@dataclass(frozen=True, slots=True)
class SigningKey:
    """`retired_at`: since then it signs nothing; None: it signs."""

    kid: str
    secret: bytes = field(repr=False)
    made_at: datetime
    retired_at: datetime | None = None


class KeyRing:
    """The keys of a file, for its one owner. `keep`: how long a retired key still verifies."""

    def __init__(self, path: Path, keys: tuple[SigningKey, ...], keep: timedelta) -> None:
        self._path = path
        self._keep = keep
        self.keys = keys

    @classmethod
    def open(cls, folder: Path, now: datetime, keep: timedelta) -> KeyRing:
        """Makes a first key where there is none. Raises `ConfigurationError` for a file that cannot be used."""
        path = folder / NAME
        ring = cls(path, _read(path), keep)
        if not any(one.retired_at is None for one in ring.keys):
            ring._write((*ring.keys, _made(now)))
        return ring

    @property
    def signing(self) -> SigningKey:
        return next(one for one in reversed(self.keys) if one.retired_at is None)

    def verifying(self, now: datetime) -> tuple[SigningKey, ...]:
        return tuple(one for one in self.keys if one.retired_at is None or now - one.retired_at <= self._keep)

    def rotate(self, now: datetime) -> SigningKey:
        """A new key signs from now on; those that no token needs any more are forgotten. The new one."""
        retired = tuple(
            SigningKey(one.kid, one.secret, one.made_at, one.retired_at or now) for one in self.verifying(now)
        )
        made = _made(now)
        self._write((*retired, made))
        return made

    def _write(self, keys: tuple[SigningKey, ...]) -> None:
        text = json.dumps({"keys": [_stored(one) for one in keys]}, indent=1)
        durable.write(self._path, f"{text}\n".encode())
        self.keys = keys


def _made(now: datetime) -> SigningKey:
    return SigningKey(secrets.token_hex(8), secrets.token_bytes(_BYTES), now)


def _read(path: Path) -> tuple[SigningKey, ...]:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read()
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read ({error.strerror}).", remedy="It belongs to the user who runs VAPORA."
        ) from error
    remedy = f"Delete {path}, and start again: new keys are made, and everybody's next request gets a new access token."
    if mode & 0o077:
        raise ConfigurationError(f"Others on this machine can read {path}.", remedy=remedy)
    try:
        return tuple(_key(one) for one in json.loads(text)["keys"])
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(f"{path} does not hold signing keys.", remedy=remedy) from error


def _stored(key: SigningKey) -> dict[str, Any]:
    return {
        "kid": key.kid,
        "key": urlsafe_b64encode(key.secret).decode(),
        "made_at": key.made_at.isoformat(),
        "retired_at": None if key.retired_at is None else key.retired_at.isoformat(),
    }


def _key(stored: dict[str, Any]) -> SigningKey:
    secret = urlsafe_b64decode(stored["key"])
    if len(secret) != _BYTES:
        raise ValueError("not a key of ours")
    retired = stored["retired_at"]
    return SigningKey(
        str(stored["kid"]),
        secret,
        datetime.fromisoformat(stored["made_at"]),
        None if retired is None else datetime.fromisoformat(retired),
    )
