"""Random texts that let somebody in, and the digests by which they are known again.

256 random bits: nobody finds one by its SHA-256, so the digest may stand in the log.
"""

from __future__ import annotations

import secrets
from hashlib import sha256

_BYTES = 32
# By which a token for a program is told from an access token, also by whoever searches a repository for secrets.
SERVICE_PREFIX = "vapora_"


def new_secret(prefix: str = "") -> str:
    return f"{prefix}{secrets.token_urlsafe(_BYTES)}"


def digest_of(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()
