"""A provider of OpenID Connect: the way to it with PKCE, state and nonce, and what it proves when somebody comes back.

The authorization code flow alone. Nothing of what the browser brings is believed before the provider was asked.
"""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from pydantic import SecretStr

from vapora.clock import Clock
from vapora.errors import ConfigurationError, UnauthenticatedError, UnavailableError
from vapora.settings import Settings

_SCOPES = "openid email profile"
# Asymmetric ones only: with a shared secret whoever knows it could vouch for anybody. And never `none`.
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
_SKEW_S = 60
_TIMEOUT_S = 10.0
_LARGEST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Client:
    """What the provider knows of us. `issuer`: its address, without a slash at the end."""

    issuer: str
    client_id: str
    secret: SecretStr = field(repr=False)


def client_of(settings: Settings) -> Client:
    """As the settings name it. Raises `ConfigurationError`."""
    parts = urlsplit(settings.openid_issuer)
    is_here = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if not parts.hostname or (parts.scheme != "https" and not (parts.scheme == "http" and is_here)):
        raise ConfigurationError(
            "VAPORA_OPENID_ISSUER is no address of a provider.", remedy="Write https://host, with a path if it has one."
        )
    if not settings.openid_client_id:
        raise ConfigurationError(
            "VAPORA_OPENID_CLIENT_ID is missing.", remedy="Register VAPORA with the provider, and set what it gives."
        )
    return Client(settings.openid_issuer.rstrip("/"), settings.openid_client_id, settings.openid_client_secret)


@dataclass(frozen=True, slots=True)
class Attempt:
    """Somebody on their way to the provider. Kept here until they come back; none of it leaves but by `way`."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    redirect_uri: str

    @classmethod
    def begin(cls, redirect_uri: str) -> Attempt:
        return cls(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(64), redirect_uri)


@dataclass(frozen=True, slots=True)
class Proved:
    """What the provider says of somebody. `email`: only if it says that the address is theirs."""

    issuer: str
    subject: str
    email: str | None
    name: str


class Provider:
    """Asked for its description once, with the first attempt."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self.client = client
        self._clock = clock
        self._found: dict[str, Any] | None = None

    async def way(self, attempt: Attempt) -> str:
        """The address to send the browser to. Raises `UnavailableError` where the provider does not answer."""
        challenge = base64.urlsafe_b64encode(sha256(attempt.verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": self.client.client_id,
            "redirect_uri": attempt.redirect_uri,
            "scope": _SCOPES,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        endpoint = str((await self._metadata())["authorization_endpoint"])
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"

    async def prove(self, attempt: Attempt, code: str) -> Proved:
        """Exchange the code that somebody came back with. Raises `UnauthenticatedError` where the provider does not
        vouch for them, and `UnavailableError` where it does not answer."""
        metadata = await self._metadata()
        given = await self._exchange(metadata, attempt, code)
        claims = await self._claims(metadata, str(given.get("id_token", "")), attempt.nonce)
        if "email" not in claims and "userinfo_endpoint" in metadata and given.get("access_token"):
            told = await self._ask(
                "GET", metadata["userinfo_endpoint"], headers={"Authorization": f"Bearer {given['access_token']}"}
            )
            # Of somebody else, and it must not be mixed in.
            if told.get("sub") == claims["sub"]:
                claims = {**told, **claims}
        address = claims.get("email")
        email = address.strip().lower() if isinstance(address, str) and claims.get("email_verified") is True else None
        name = claims.get("name")
        shown = name.strip()[:200] if isinstance(name, str) else ""
        return Proved(self.client.issuer, str(claims["sub"]), email, shown)

    async def _exchange(self, metadata: dict[str, Any], attempt: Attempt, code: str) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": attempt.redirect_uri,
            "code_verifier": attempt.verifier,
        }
        secret = self.client.secret.get_secret_value()
        ways = metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        auth = None
        if secret and "client_secret_basic" in ways:
            auth = httpx.BasicAuth(_quoted(self.client.client_id), _quoted(secret))
        else:
            form |= {"client_id": self.client.client_id} | ({"client_secret": secret} if secret else {})
        return await self._ask("POST", metadata["token_endpoint"], data=form, auth=auth)

    async def _claims(self, metadata: dict[str, Any], id_token: str, nonce: str) -> dict[str, Any]:
        keys = await self._ask("GET", metadata["jwks_uri"])
        registry = jwt.JWTClaimsRegistry(
            now=int(self._clock().timestamp()),
            leeway=_SKEW_S,
            iss={"essential": True, "value": metadata["issuer"]},
            aud={"essential": True, "value": self.client.client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            claims = jwt.decode(id_token, KeySet.import_key_set(keys), algorithms=_ALGORITHMS).claims  # type: ignore[arg-type]
            registry.validate(claims)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise _not_proved() from error
        audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        if (len(audiences) > 1 or "azp" in claims) and claims.get("azp") != self.client.client_id:
            raise _not_proved()
        return dict(claims)

    async def _metadata(self) -> dict[str, Any]:
        if self._found is None:
            found = await self._ask("GET", f"{self.client.issuer}/.well-known/openid-configuration")
            missing = {"issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"} - found.keys()
            if missing or found["issuer"].rstrip("/") != self.client.issuer:
                raise UnavailableError(
                    "The provider does not describe itself as it should.",
                    remedy="See that VAPORA_OPENID_ISSUER is exactly the issuer that it names.",
                )
            self._found = found
        return self._found

    async def _ask(self, method: str, url: Any, **more: Any) -> dict[str, Any]:
        """An answer in JSON. Refusals of the provider are nobody's proof; silence is nobody's fault here."""
        try:
            async with httpx.AsyncClient(timeout=_TIMEOUT_S, follow_redirects=False) as http:
                answer = await http.request(method, str(url), **more)
            if answer.is_client_error:
                raise _not_proved()
            if not answer.is_success or len(answer.content) > _LARGEST_BYTES:
                raise UnavailableError(f"The provider answered with {answer.status_code}.", remedy="Try again.")
            found = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise UnavailableError("The provider does not answer.", remedy="Try again; or use a password.") from error
        if not isinstance(found, dict):
            raise UnavailableError("The provider's answer cannot be understood.", remedy="Try again.")
        return found


def _quoted(text: str) -> str:
    """As RFC 6749 (2.3.1) wants it in a header."""
    return urlencode({"": text})[1:]


def _not_proved() -> UnauthenticatedError:
    return UnauthenticatedError("The provider does not vouch for you.", remedy="Try again from the sign-in page.")
