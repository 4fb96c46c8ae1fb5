"""TLS of our own server: whether its certificate can be used, and how this machine knows the server by it."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from vapora.errors import ConfigurationError

if TYPE_CHECKING:
    from vapora.settings import Settings

_END = "-----END CERTIFICATE-----"
# OpenSSL's X509_V_FLAG_NO_CHECK_TIME, which Python has no name for.
_NO_CHECK_TIME = 0x20_0000


def check(settings: Settings) -> None:
    """Raises `ConfigurationError` for files that no server can start with, and for plain HTTP where others listen."""
    if (settings.tls_cert is None) is not (settings.tls_key is None):
        given, missing = ("CERT", "KEY") if settings.tls_key is None else ("KEY", "CERT")
        raise ConfigurationError(
            f"VAPORA_TLS_{given} is set, and VAPORA_TLS_{missing} is not.", remedy="Set both, or none of them."
        )
    if settings.tls_files is not None:
        _check_files(*settings.tls_files)
    elif not (settings.on_loopback or settings.tls_proxy):
        raise ConfigurationError(
            f"VAPORA does not listen on {settings.host} by plain HTTP: passwords and tokens could be read on the way.",
            remedy="Set VAPORA_TLS_CERT and VAPORA_TLS_KEY, or VAPORA_TLS_PROXY=true where a proxy in front of it ends "
            "TLS, or listen on 127.0.0.1.",
        )


def pinned(certificate: Path) -> ssl.SSLContext:
    """For this machine's own questions: the server has to show this very certificate. By which name it is asked, and
    whether its time is over, says nothing about whether it is the one. Raises `ConfigurationError`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    # As an anchor of trust by itself, whoever has issued it; what else stands in the file is trusted with nothing.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags |= ssl.VerifyFlags(_NO_CHECK_TIME)
    text = _read("VAPORA_TLS_CERT", certificate)
    try:
        context.load_verify_locations(cadata=text.partition(_END)[0] + _END)
    except (ssl.SSLError, ValueError) as error:
        raise _not_usable(certificate) from error
    return context


def pinned_of(settings: Settings) -> ssl.SSLContext | None:
    """None where it speaks plain HTTP."""
    return None if settings.tls_files is None else pinned(settings.tls_files[0])


def named(settings: Settings) -> str:
    """The certificate's file, for commands on this machine to find; empty where it speaks plain HTTP."""
    return "" if settings.tls_files is None else str(settings.tls_files[0])


def _check_files(certificate: Path, key: Path) -> None:
    pinned(certificate)
    _read("VAPORA_TLS_KEY", key)
    try:
        # A password: an encrypted key would be asked for at the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=lambda: "")
    except (ssl.SSLError, ValueError, OSError) as error:
        raise ConfigurationError(
            f"The key in {key} does not fit the certificate in {certificate}, is no key, or is encrypted.",
            remedy="Give VAPORA_TLS_KEY the certificate's own key, as PEM without a password.",
        ) from error


def _read(name: str, file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"{name}: {file} cannot be read ({error.strerror}).", remedy="Check its name and its rights."
        ) from error
    except UnicodeDecodeError:
        raise ConfigurationError(f"{name}: {file} is not PEM.", remedy="Convert it to PEM.") from None


def _not_usable(certificate: Path) -> ConfigurationError:
    return ConfigurationError(
        f"VAPORA_TLS_CERT: {certificate} holds no certificate.",
        remedy="Give it a PEM file: the server's certificate first, then those between it and its authority.",
    )
