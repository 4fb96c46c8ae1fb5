"""Which clients there are, from the environment and the catalogue. Importing this loads no SDK."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from events.ids import Provider
from vapora.llm.catalogue import Catalogue, read, shipped
from vapora.llm.dialects import DIALECTS
from vapora.llm.protocol import ModelClient
from vapora.llm.rehearsal import RehearsalClient

Mode = Literal["auto", "rehearsal"]


def configured(environ: Mapping[str, str], known: Catalogue | None = None) -> tuple[Provider, ...]:
    """The providers that the environment names, and those of the installation's own file that need no variable."""
    endpoints = (known or shipped()).endpoints
    return tuple(one.provider for one in endpoints if one.configured(environ))


def is_rehearsal(environ: Mapping[str, str], mode: Mode, known: Catalogue | None = None) -> bool:
    """True if no real model will answer."""
    return mode == "rehearsal" or not configured(environ, known)


def clients(
    environ: Mapping[str, str],
    mode: Mode = "auto",
    rehearsal_delay: tuple[float, float] = (0.0, 0.0),
    known: Catalogue | None = None,
) -> dict[Provider, ModelClient]:
    """One client for each configured provider; the rehearsal model for all of them where it stands in.

    They connect to nothing and import no SDK until they are first asked. `rehearsal_delay` bounds the
    rehearsal's answers in seconds.
    """
    known = known or shipped()
    if is_rehearsal(environ, mode, known):
        return {one.provider: RehearsalClient(one.provider, rehearsal_delay) for one in known.endpoints}
    return {
        one.provider: DIALECTS[one.dialect](one.provider, read(environ, one.key), one.where(environ))
        for one in known.endpoints
        if one.configured(environ)
    }


def switched_on_by_key(environ: Mapping[str, str], known: Catalogue) -> tuple[Provider, ...]:
    """The providers that somebody can bring a key for: those that need one, and whose address is known."""
    return tuple(
        one.provider for one in known.endpoints if one.key and (one.switch == one.key or one.configured(environ))
    )


def client_with(environ: Mapping[str, str], provider: Provider, key: str, known: Catalogue) -> ModelClient:
    """A client with another key than the environment's, at the same address."""
    endpoint = known.endpoint(provider)
    return DIALECTS[endpoint.dialect](provider, key, endpoint.where(environ))
