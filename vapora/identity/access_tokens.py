"""Access tokens: short-lived JWTs (HS256) that say who somebody is, and in which session.

Whoever verifies one still has to ask whether the session stands.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from vapora.errors import UnauthenticatedError
from vapora.identity.signing_keys import SigningKey

ALGORITHM = "HS256"
# Clocks of two machines differ by less.
SKEW_S = 30
_ISSUER, _AUDIENCE, _TYPE = "vapora", "vapora-api", "at+jwt"
# Ours have some 300 characters.
_LONGEST = 4_096


@dataclass(frozen=True, slots=True)
class Claims:
    user_id: str
    session_id: str
    expires_at: int


class AccessTokens:
    """Makes and verifies them with the keys of the day."""

    def __init__(self, keys: Iterable[SigningKey] = ()) -> None:
        self._keys: dict[str, OctKey] = {}
        self.use(keys)

    def use(self, keys: Iterable[SigningKey]) -> None:
        """These keys from now on, and no others."""
        self._keys = {one.kid: OctKey.import_key(one.secret) for one in keys}

    def knows(self, token: str) -> bool:
        """Whether the key that the token names is here."""
        try:
            return _kid(jwt_header(token)) in self._keys
        except UnauthenticatedError:
            return False

    def make(self, key: SigningKey, user_id: str, session_id: str, now: datetime, lives_s: int) -> str:
        issued = int(now.timestamp())
        claims = {
            "iss": _ISSUER,
            "aud": _AUDIENCE,
            "sub": user_id,
            "sid": session_id,
            "iat": issued,
            "exp": issued + lives_s,
        }
        header = {"alg": ALGORITHM, "typ": _TYPE, "kid": key.kid}
        return jwt.encode(header, claims, OctKey.import_key(key.secret), algorithms=[ALGORITHM])

    def verify(self, token: str, now: datetime) -> Claims:
        """Raises `UnauthenticatedError`: for a token that is none, that another key made, that has expired …"""
        registry = jwt.JWTClaimsRegistry(
            now=int(now.timestamp()),
            leeway=SKEW_S,
            iss={"essential": True, "value": _ISSUER},
            aud={"essential": True, "value": _AUDIENCE},
            sub={"essential": True},
            sid={"essential": True},
            iat={"essential": True},
            exp={"essential": True},
        )
        key = self._keys.get(_kid(jwt_header(token)))
        if key is None:
            raise refused()
        try:
            found = jwt.decode(token, key, algorithms=[ALGORITHM])
            registry.validate(found.claims)
        except (JoseError, ValueError, TypeError) as error:
            raise refused() from error
        claims: dict[str, Any] = found.claims
        if not (isinstance(claims["sub"], str) and isinstance(claims["sid"], str)):
            raise refused()
        return Claims(claims["sub"], claims["sid"], int(claims["exp"]))


def jwt_header(token: str) -> dict[str, Any]:
    """What the token says of itself; nothing of it is proved."""
    from joserfc.jws import extract_compact

    if len(token) > _LONGEST or not token.isascii():
        raise refused()
    try:
        return dict(extract_compact(token.encode()).headers())
    except (JoseError, ValueError, TypeError) as error:
        raise refused() from error


def _kid(header: dict[str, Any]) -> str:
    kid = header.get("kid")
    # No other algorithm than ours, and above all not `none`.
    if header.get("alg") != ALGORITHM or not isinstance(kid, str):
        raise refused()
    return kid


def refused() -> UnauthenticatedError:
    return UnauthenticatedError("The access token is not good, or not any more.", remedy="Refresh it, or sign in.")
