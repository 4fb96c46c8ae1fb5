"""Proofs of who somebody is: passwords, access tokens, random tokens, and what is known of people beside the log."""

from vapora.identity.access_tokens import AccessTokens, Claims
from vapora.identity.first_owner import FirstOwner, named_owner
from vapora.identity.passwords import Passwords
from vapora.identity.random_tokens import SERVICE_PREFIX, digest_of, new_secret
from vapora.identity.signing_keys import KeyRing, SigningKey

__all__ = [
    "SERVICE_PREFIX",
    "AccessTokens",
    "Claims",
    "FirstOwner",
    "KeyRing",
    "Passwords",
    "SigningKey",
    "digest_of",
    "named_owner",
    "new_secret",
]
