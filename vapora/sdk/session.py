"""Who is signed in, and what proves it: the tokens of a session, and where they are kept."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Protocol

from vapora.views import SessionTokens

# Renewed that long before it expires, so that a request which is on its way is not refused.
_EARLY_S = 60.0


@dataclass(frozen=True, slots=True)
class Kept:
    """`expires_at`: of the access token, in seconds since 1970, by the clock of this machine."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: float

    @classmethod
    def of(cls, tokens: SessionTokens) -> Kept:
        # One that lives for a minute or less is used for half of its life.
        life = max(tokens.expires_in - _EARLY_S, tokens.expires_in / 2)
        return cls(tokens.access_token, tokens.refresh_token, time.time() + life)

    @property
    def is_good(self) -> bool:
        return time.time() < self.expires_at


class Session(Protocol):
    """Where the tokens of one session are kept."""

    def exclusive(self) -> AbstractContextManager[object]:
        """Held while the tokens are renewed, so that of all who use this session one does it."""
        ...

    def read(self) -> Kept | None:
        """None where nobody is signed in."""
        ...

    def write(self, kept: Kept | None) -> None: ...


class InMemory:
    """For as long as the client lives."""

    def __init__(self, kept: Kept | None = None) -> None:
        self._kept = kept

    def exclusive(self) -> AbstractContextManager[object]:
        return nullcontext()

    def read(self) -> Kept | None:
        return self._kept

    def write(self, kept: Kept | None) -> None:
        self._kept = kept


@dataclass(frozen=True, slots=True)
class Password:
    email: str
    password: str = field(repr=False)

    def body(self) -> dict[str, str]:
        return {"email": self.email, "password": self.password}
