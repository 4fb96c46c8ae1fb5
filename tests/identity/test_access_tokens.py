"""An access token is taken only as we made it, with a key of the day, in its time."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from vapora.errors import ConfigurationError, UnauthenticatedError
from vapora.identity import AccessTokens, KeyRing, SigningKey
from vapora.identity.signing_keys import NAME

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
KEY = SigningKey("kid-1", b"k" * 32, NOW)
OTHER = SigningKey("kid-1", b"o" * 32, NOW)
KEEP = timedelta(seconds=930)


def part(value: dict[str, Any]) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def made(key: SigningKey = KEY, at: datetime = NOW) -> str:
    return AccessTokens().make(key, "user-1", "session-1", at, 900)


def forged(header: dict[str, Any] | None = None, **claims: Any) -> str:
    said = {"iss": "vapora", "aud": "vapora-api", "sub": "user-1", "sid": "session-1"}
    said |= {"iat": int(NOW.timestamp()), "exp": int(NOW.timestamp()) + 900} | claims
    left = {name: value for name, value in said.items() if value is not None}
    return jwt.encode(
        {"alg": "HS256", "kid": "kid-1"} | (header or {}), left, OctKey.import_key(KEY.secret), ["HS256", "HS512"]
    )


def test_what_was_made_is_taken_and_says_who_and_in_which_session() -> None:
    claims = AccessTokens([KEY]).verify(made(), NOW)
    assert (claims.user_id, claims.session_id) == ("user-1", "session-1")


HEAD, BODY, SIGNATURE = made().split(".")
CLAIMS = {"iss": "vapora", "aud": "vapora-api", "sub": "user-1", "sid": "s", "iat": 1, "exp": 9_999_999_999}
BAD = {
    "nothing": "",
    "no token": "abc",
    "alg none": f"{part({'alg': 'none', 'kid': 'kid-1'})}.{part(CLAIMS)}.",
    "alg none with our signature": f"{part({'alg': 'none', 'kid': 'kid-1'})}.{BODY}.{SIGNATURE}",
    "another algorithm": forged({"alg": "HS512"}),
    "another key": made(OTHER),
    "an unknown kid": made(SigningKey("kid-2", KEY.secret, NOW)),
    "no kid": f"{part({'alg': 'HS256'})}.{BODY}.{SIGNATURE}",
    "a kid that is no text": f"{part({'alg': 'HS256', 'kid': 1})}.{BODY}.{SIGNATURE}",
    "truncated": made()[:-3],
    "no signature": f"{HEAD}.{BODY}.",
    "another body": f"{HEAD}.{part(CLAIMS)}.{SIGNATURE}",
    "of another issuer": forged(iss="elsewhere"),
    "for another audience": forged(aud="elsewhere"),
    "without a session": forged(sid=None),
    "with a session that is no text": forged(sid=["session-1"]),
    "without an end": forged(exp=None),
    "an end that is no number": forged(exp="never"),
    "not ASCII": made() + "é",
    "endless": made() + "a" * 10_000,
    "encrypted": "a.b.c.d.e",
}


@pytest.mark.parametrize("token", BAD.values(), ids=BAD)
def test_anything_else_is_refused(token: str) -> None:
    with pytest.raises(UnauthenticatedError):
        AccessTokens([KEY]).verify(token, NOW)
    assert not AccessTokens().knows(token)


def test_half_a_minute_of_skew_passes_either_way_and_no_more() -> None:
    tokens = AccessTokens([KEY])
    assert tokens.verify(made(at=NOW - timedelta(seconds=929)), NOW)
    assert tokens.verify(made(at=NOW + timedelta(seconds=29)), NOW)
    for off in (-931, 40):
        with pytest.raises(UnauthenticatedError):
            tokens.verify(made(at=NOW + timedelta(seconds=off)), NOW)


def test_a_key_that_was_replaced_verifies_until_its_tokens_have_expired(tmp_path: Path) -> None:
    ring = KeyRing.open(tmp_path, NOW, KEEP)
    before = made(ring.signing)
    rotated_at = NOW + timedelta(seconds=1)
    ring.rotate(rotated_at)
    after = made(ring.signing, rotated_at)

    tokens = AccessTokens(ring.verifying(rotated_at))
    assert tokens.verify(before, rotated_at) and tokens.verify(after, rotated_at)
    assert [one.kid for one in ring.verifying(rotated_at + KEEP + timedelta(seconds=1))] == [ring.signing.kid]
    assert KeyRing.open(tmp_path, rotated_at, KEEP).keys == ring.keys
    ring.rotate(rotated_at + timedelta(days=1))
    assert len(ring.keys) == 2


def test_the_keys_are_readable_to_their_owner_alone_and_shown_nowhere(tmp_path: Path) -> None:
    ring = KeyRing.open(tmp_path / "people", NOW, KEEP)
    place = tmp_path / "people" / NAME
    assert place.stat().st_mode & 0o777 == 0o600
    assert "secret" not in repr(ring.signing)
    place.chmod(0o644)
    with pytest.raises(ConfigurationError, match="Others on this machine"):
        KeyRing.open(tmp_path / "people", NOW, KEEP)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '{"keys": [{"kid": "a"}]}',
        '{"keys": [{"kid":"a","key":"YQ==","made_at":"2026-01-01T00:00:00+00:00","retired_at":null}]}',
    ],
)
def test_a_file_that_holds_no_keys_is_told(tmp_path: Path, text: str) -> None:
    place = tmp_path / NAME
    place.write_text(text)
    place.chmod(0o600)
    with pytest.raises(ConfigurationError, match="does not hold signing keys"):
        KeyRing.open(tmp_path, NOW, KEEP)
