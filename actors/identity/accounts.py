"""What is known of people beside the log, in the order of writing that a crash in between cannot harm.

A row is written before the event that makes it count, and erased after the one that ends it. A new password waits in
the row until the event of its change stands: the number of that event says whether it does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

from events.identity import PasswordChanged
from events.ids import user_stream
from vapora.domain.people import Directory
from vapora.errors import NotFoundError
from vapora.identity.store import PeopleStore, StoredPerson
from vapora.log.client import LogClient

T = TypeVar("T")


class Accounts:
    """`open_store` and all that touches the store run in one thread."""

    def __init__(self, open_store: Callable[[], PeopleStore], log: LogClient) -> None:
        self._open_store = open_store
        self._log = log
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="people")
        self._store: PeopleStore | None = None

    async def start(self) -> None:
        self._store = await self._do(self._open_store)

    async def clear(self, directory: Directory) -> None:
        """Remove what a crash left: rows of people who were erased, or never made, and addresses of invitations that
        ended."""
        rows = await self.people(None)
        gone = [one.user_id for one in rows if (user := directory.users.get(one.user_id)) is None or user.erased]
        ended = [one for one in await self.invited() if one not in directory.invitations]
        if gone or ended:
            await self._do(lambda: self._open.erase(gone))
            await self.forget_invited(ended)

    async def stop(self) -> None:
        if self._store is not None:
            await self._do(self._store.close)
            self._store = None
        self._thread.shutdown()

    async def person(self, user_id: str) -> StoredPerson | None:
        return await self._settled(await self._do(lambda: self._open.person(user_id)))

    async def with_email(self, email: str) -> StoredPerson | None:
        return await self._settled(await self._do(lambda: self._open.with_email(email)))

    async def with_subject(self, issuer: str, subject: str) -> StoredPerson | None:
        return await self._do(lambda: self._open.with_subject(issuer, subject))

    async def people(self, user_ids: Sequence[str] | None) -> list[StoredPerson]:
        return await self._do(lambda: self._open.people(user_ids))

    async def put(self, person: StoredPerson, directory: Directory) -> None:
        """Of an account that is made now, or changed. Raises `ConflictError` where another one has the address."""

        def write() -> None:
            # What a crash left of an account that was not made must not keep its address from the next try.
            before = self._open.with_email(person.email)
            if before is not None and before.user_id not in directory.users:
                self._open.erase([before.user_id])
            self._open.put(person)

        await self._do(write)

    async def rename(self, user_id: str, name: str) -> None:
        person = await self._require(user_id)
        await self._do(lambda: self._open.put(replace(person, name=name)))

    async def bind(self, user_id: str, issuer: str, subject: str) -> None:
        """The person signs in with this account of a provider from now on."""
        person = await self._require(user_id)
        await self._do(lambda: self._open.put(replace(person, issuer=issuer, subject=subject)))

    async def offer_password(self, user_id: str, password_hash: str, directory: Directory) -> None:
        """It holds once the next event of the person's stream is the change of the password."""
        person = await self._require(user_id)
        version = directory.version(user_stream(user_id)) + 1
        await self._do(lambda: self._open.put(replace(person, next_hash=password_hash, next_version=version)))

    async def erase(self, user_id: str) -> None:
        def write() -> None:
            person = self._open.person(user_id)
            if person is not None:
                same = [one for one, email in self._open.invited().items() if email == person.email]
                self._open.forget_invited(same)
            self._open.erase([user_id])

        await self._do(write)

    async def put_invited(self, invitation_id: str, email: str) -> None:
        await self._do(lambda: self._open.put_invited(invitation_id, email))

    async def invited(self, invitation_ids: Sequence[str] | None = None) -> dict[str, str]:
        return await self._do(lambda: self._open.invited(invitation_ids))

    async def forget_invited(self, invitation_ids: Iterable[str]) -> None:
        gone = list(invitation_ids)
        await self._do(lambda: self._open.forget_invited(gone))

    async def _require(self, user_id: str) -> StoredPerson:
        person = await self.person(user_id)
        if person is None:
            raise NotFoundError(f"Nothing is known of the user '{user_id}'.", remedy="Check the id.")
        return person

    async def _settled(self, person: StoredPerson | None) -> StoredPerson | None:
        """With the password that holds now, if its change was decided."""
        if person is None or person.next_version is None:
            return person
        after = await self._log.read(user_stream(person.user_id), person.next_version - 1)
        if not after:
            return person
        holds = isinstance(after[0].event, PasswordChanged)
        settled = replace(
            person,
            password_hash=person.next_hash if holds else person.password_hash,
            next_hash=None,
            next_version=None,
        )
        await self._do(lambda: self._open.put(settled))
        return settled

    @property
    def _open(self) -> PeopleStore:
        assert self._store is not None
        return self._store

    async def _do(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
