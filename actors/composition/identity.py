"""The one who writes the log of people."""

from __future__ import annotations

from datetime import timedelta

from actors.composition.wiring import Wiring
from actors.identity import Identity
from actors.identity.accounts import Accounts
from actors.identity.session_tokens import SessionTimes
from actors.runtime.base import Address
from events.ids import PEOPLE
from vapora.clock import now
from vapora.identity import named_owner
from vapora.identity.openid import Provider, client_of
from vapora.identity.store import open_store
from vapora.settings import Settings


def build_identity(wiring: Wiring, _: Address) -> Identity:
    settings = wiring.settings
    log = wiring.log(PEOPLE)
    return Identity(
        log,
        settings.people_folder,
        Accounts(lambda: open_store(settings), log),
        cells=wiring.runtime.ref(Address("supervisor")),
        clock=now,
        times=SessionTimes(settings.access_token_s, timedelta(days=settings.refresh_token_days)),
        owner=named_owner(settings),
        provider=_provider(settings),
    )


def _provider(settings: Settings) -> Provider | None:
    return Provider(client_of(settings), now) if settings.openid_issuer else None
