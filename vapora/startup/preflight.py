"""What can be known to fail before anything is started, told in a sentence at once. Imports neither Ray nor FastAPI."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from vapora.errors import ConfigurationError, VaporaError
from vapora.identity import named_owner
from vapora.listener import bound
from vapora.llm.catalogue import installed, own_prices
from vapora.settings import Settings
from vapora.startup import tls

_OLLAMA = "OLLAMA_HOST"


def check(settings: Settings, environ: Mapping[str, str]) -> None:
    """Raises `ConfigurationError`. A database and an object store are asked once, for some seconds at most; NATS is
    not: work goes on without it."""
    tls.check(settings)
    named_owner(settings)
    _check_openid(settings)
    _check_models(settings, environ)
    _check_queue(settings)
    _check_blobs(settings, environ)
    _check_database(settings)
    _check_vault(settings)


def require_free(host: str, port: int) -> None:
    try:
        bound(host, port).close()
    except OSError as error:
        raise ConfigurationError(
            f"Port {port} on {host} cannot be used ({error.strerror}).", remedy="Choose another with --port."
        ) from error


def check_address(name: str, text: str) -> None:
    """Raises `ConfigurationError` for a text that is there and no address; it is not repeated, since it may hold a
    password."""
    if not text:
        return
    # Ollama's own form has no scheme, and may have no host: `:11434`.
    full = text if "//" in text or name != _OLLAMA else f"http://{text}"
    try:
        parts = urlsplit(full)
        # Asking for the port is what finds it wrong.
        usable = parts.scheme in ("http", "https") and bool(parts.port or parts.hostname)
        usable = usable and (bool(parts.hostname) or name == _OLLAMA)
    except ValueError:
        usable = False
    if not usable:
        raise ConfigurationError(
            f"{name} is not an address.", remedy="Write http://host:port or https://host, and a path if it has one."
        )


def _check_openid(settings: Settings) -> None:
    if settings.openid_issuer:
        from vapora.identity.openid import client_of

        client_of(settings)


def _check_models(settings: Settings, environ: Mapping[str, str]) -> None:
    """The providers' addresses too: each SDK would raise something of its own at the first call."""
    known = installed(settings)
    for name in (one.address for one in known.endpoints if one.address):
        check_address(name, environ.get(name, "").strip())
    own_prices(settings, known)


def _check_queue(settings: Settings) -> None:
    if settings.nats_url:
        from vapora.queue.nats.options import options_of

        options_of(settings)


def _check_blobs(settings: Settings, environ: Mapping[str, str]) -> None:
    places = {"VAPORA_BLOBS_URL": settings.blobs_url, "VAPORA_CHECKPOINTS_URL": settings.checkpoints_url}
    if any(places.values()):
        check_address("AWS_ENDPOINT_URL", environ.get("AWS_ENDPOINT_URL", "").strip())
        from vapora.objects import objects_at

        for variable, url in places.items():
            if url:
                _require(objects_at(url, variable).check)


def _check_database(settings: Settings) -> None:
    if settings.database_url is not None:
        from vapora import database

        url = settings.database_url.get_secret_value()
        _require(lambda: database.reach(url))


def _check_vault(settings: Settings) -> None:
    """Only secrets that are there can be of another key; an OpenBao is asked once."""
    from vapora.vault import open_vault

    vault = open_vault(settings)
    try:
        _require(vault.check)
    finally:
        vault.close()


def _require(ask: Callable[[], object]) -> None:
    """What does not answer now is as wrong as a setting that can never work: a start would only wait for it."""
    try:
        ask()
    except ConfigurationError:
        raise
    except VaporaError as error:
        raise ConfigurationError(error.message, remedy=error.remedy) from error
