"""The people store, behind one port: a SQLite file in the data folder, or a schema in PostgreSQL.

Nothing here decides: whether somebody exists, and may sign in, is in the people log. A row without a user in the log is
what a crash left of an account that was not made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from vapora.errors import ConflictError
from vapora.settings import Settings


@dataclass(frozen=True, slots=True)
class StoredPerson:
    """`password_hash`: None for who only signs in with a provider of OpenID Connect, whose `issuer` and `subject` name
    the person. `next_hash` takes its place once the event number `next_version` of the person's stream says so."""

    user_id: str
    name: str
    email: str
    password_hash: str | None = field(default=None, repr=False)
    issuer: str | None = None
    subject: str | None = None
    next_hash: str | None = field(default=None, repr=False)
    next_version: int | None = None


class PeopleStore(Protocol):
    """For one thread at a time. Addresses are in lower case. What it holds of somebody is gone from its files with
    `erase`, not only from its tables."""

    def put(self, person: StoredPerson) -> None:
        """In place of what was known of the person. Raises `ConflictError` where another has the address, or the
        subject."""
        ...

    def person(self, user_id: str) -> StoredPerson | None: ...

    def with_email(self, email: str) -> StoredPerson | None: ...

    def with_subject(self, issuer: str, subject: str) -> StoredPerson | None: ...

    def people(self, user_ids: Sequence[str] | None = None) -> list[StoredPerson]: ...

    def erase(self, user_ids: Sequence[str]) -> None: ...

    def put_invited(self, invitation_id: str, email: str) -> None: ...

    def invited(self, invitation_ids: Sequence[str] | None = None) -> dict[str, str]:
        """Invitation → address."""
        ...

    def forget_invited(self, invitation_ids: Sequence[str]) -> None: ...

    def close(self) -> None: ...


def open_store(settings: Settings) -> PeopleStore:
    """Made where there is none. Raises `UnavailableError` for a database that is away."""
    if settings.database_url is None:
        from vapora.identity.store.sqlite import SQLitePeople

        return SQLitePeople.open(settings.people_folder / "people.db")
    from vapora.database import people_schema
    from vapora.identity.store.postgres import PostgresPeople

    return PostgresPeople.open(people_schema(settings.database_url.get_secret_value()))


def taken() -> ConflictError:
    return ConflictError("There is an account with this address already.", remedy="Sign in with it.")
