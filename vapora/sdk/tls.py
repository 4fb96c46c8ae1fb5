"""Whose certificates are trusted, for requests and `/live` alike."""

from __future__ import annotations

import ssl

import httpx

from vapora.errors import BadInputError


def context_for(url: str, given: ssl.SSLContext | None = None) -> ssl.SSLContext | None:
    """The `given` one; else what `SSL_CERT_FILE` or `SSL_CERT_DIR` name, for a server on this machine too; else the
    authorities that come with the package certifi. None for plain HTTP. Raises `BadInputError`."""
    if not url.lower().startswith("https:"):
        return None
    if given is not None:
        return given
    try:
        return httpx.create_ssl_context()
    except (OSError, ssl.SSLError) as error:
        raise BadInputError(
            f"The certificates to trust cannot be read: {error}.", remedy="Check SSL_CERT_FILE and SSL_CERT_DIR."
        ) from error
