"""How to reach NATS, and as whom: checked before anything starts. Needs no client library."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from vapora.errors import ConfigurationError
from vapora.queue.nats import creds as nats_creds
from vapora.settings import Settings


def options_of(settings: Settings) -> NatsOptions | None:
    """None where no NATS is configured. Raises `ConfigurationError` for what can never work."""
    if not settings.nats_url:
        return None
    options = NatsOptions(
        url=settings.nats_url,
        user=settings.nats_user,
        password=settings.nats_password.get_secret_value(),
        token=settings.nats_token.get_secret_value(),
        creds=settings.nats_creds,
        tls_ca=settings.nats_tls_ca,
        tls_cert=settings.nats_tls_cert,
        tls_key=settings.nats_tls_key,
    )
    options.check()
    return options


@dataclass(frozen=True, slots=True)
class NatsOptions:
    """Secrets stand in no text that this makes."""

    url: str
    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    creds: Path | None = None
    tls_ca: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None

    def check(self) -> None:
        """Raises `ConfigurationError` for what can never work, without repeating what may be a secret."""
        try:
            parts = urlsplit(self.url)
            known = parts.scheme in ("nats", "tls") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
        except ValueError:
            known = False
        if not known:
            raise ConfigurationError(
                "VAPORA_NATS_URL is not the address of a NATS server.",
                remedy="Write nats://host:4222 or tls://host:4222.",
            )
        if parts.username or parts.password:
            raise ConfigurationError(
                "VAPORA_NATS_URL holds credentials, which would be shown in logs.",
                remedy="Put them into VAPORA_NATS_USER and VAPORA_NATS_PASSWORD, or VAPORA_NATS_TOKEN.",
            )
        if self.password and not self.user:
            raise ConfigurationError("VAPORA_NATS_PASSWORD is set without VAPORA_NATS_USER.", remedy="Set both.")
        ways = [name for name, value in (("USER", self.user), ("TOKEN", self.token), ("CREDS", self.creds)) if value]
        if len(ways) > 1:
            names = " and ".join(f"VAPORA_NATS_{name}" for name in ways)
            raise ConfigurationError(f"{names} are both set.", remedy="Choose one way to sign in to NATS.")
        self._check_files()

    def _check_files(self) -> None:
        if bool(self.tls_cert) != bool(self.tls_key):
            raise ConfigurationError(
                "Of VAPORA_NATS_TLS_CERT and VAPORA_NATS_TLS_KEY only one is set.", remedy="Set both, or neither."
            )
        for name in ("tls_ca", "tls_cert", "tls_key"):
            path: Path | None = getattr(self, name)
            if path is not None and not path.is_file():
                raise ConfigurationError(f"VAPORA_NATS_{name.upper()} names no file: {path}", remedy="Check the path.")
        if self.creds:
            nats_creds.check(self.creds)
        self.tls()

    @property
    def place(self) -> str:
        """Host and port: what may be shown."""
        return urlsplit(self.url).netloc.rpartition("@")[2]

    def tls(self) -> ssl.SSLContext | None:
        if not (self.tls_ca or self.tls_cert or self.url.startswith("tls:")):
            return None
        try:
            context = ssl.create_default_context(cafile=self.tls_ca)
            if self.tls_cert and self.tls_key:
                context.load_cert_chain(self.tls_cert, self.tls_key)
        except (ssl.SSLError, OSError) as error:
            reason = getattr(error, "reason", None) or type(error).__name__
            raise ConfigurationError(
                f"The certificates for NATS cannot be used ({reason}).",
                remedy="Check VAPORA_NATS_TLS_CA, VAPORA_NATS_TLS_CERT and VAPORA_NATS_TLS_KEY: PEM files that fit.",
            ) from error
        return context

    def arguments(self) -> dict[str, Any]:
        """For `nats.connect`."""
        given: dict[str, Any] = {
            "user": self.user,
            "password": self.password,
            "token": self.token,
            "tls": self.tls(),
        } | (nats_creds.callbacks(self.creds) if self.creds else {})
        return {name: value for name, value in given.items() if value}
