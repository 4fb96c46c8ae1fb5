"""Who there is and what they may reach, as this replica of the API knows it: it follows the people log.

What it cannot follow it does not answer by: after some seconds without the log, requests are refused with 503.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from time import monotonic

import structlog

from events.ids import PEOPLE
from vapora.api.caller import Caller
from vapora.backoff import Backoff
from vapora.clock import Clock
from vapora.dispatch.people_fold import PeopleFold
from vapora.domain.people import Directory
from vapora.domain.people.standing import role_of
from vapora.errors import BehindError, UnavailableError, no_such_workspace
from vapora.identity import AccessTokens, Claims
from vapora.log.client import LogClient
from vapora.ports import ActorSystemPort, IdentityPort

_POLL_S = 5.0
# A poll that is not answered by then is lost.
_LOST_S = 3.0
# How old may be what is known, in seconds. While the log is away nobody can be logged out either.
_OLDEST_S = _POLL_S + _LOST_S
_BACKOFF = Backoff(0.05, longest_s=1.0)
_WAIT_S = 5.0
_KEYS_EVERY_S = 0.5


class People:
    """Starts with the first question, and follows the log until it is closed."""

    def __init__(self, system: ActorSystemPort, clock: Clock) -> None:
        self._system = system
        self._clock = clock
        self._fold: PeopleFold | None = None
        self._access_tokens = AccessTokens()
        self._keys_asked_at = float("-inf")
        self._asking_keys = asyncio.Lock()
        self._heard_at = float("-inf")
        self._moved = asyncio.Event()
        self._starting = asyncio.Lock()
        self._looking = asyncio.Lock()
        self._looks = 0
        self._following: asyncio.Task[None] | None = None
        self._journal = structlog.get_logger("people")

    @property
    def identity(self) -> IdentityPort:
        return self._system.identity()

    async def directory(self) -> Directory:
        """As it was some milliseconds ago. Raises `UnavailableError` where that cannot be said."""
        if self._following is None:
            await self._start()
        if monotonic() - self._heard_at > _OLDEST_S:
            await self._look()
        return self._known_log.directory

    async def fresh(self) -> Directory:
        """With all that is in the log now: asked before somebody is refused, who may have come here just after another
        replica let them in."""
        await self.directory()
        await self._look()
        return self._known_log.directory

    async def require_reach(self, caller: Caller, workspace: str) -> None:
        """Raises `NotFoundError`, the same one as for a workspace that does not exist, for who is nothing in it."""
        if not caller.is_anybody:
            return
        # The second look: perhaps another replica has just made them a member.
        for look in (self.directory, self.fresh):
            if role_of(await look(), caller.name, workspace, self._clock()) is not None:
                return
        raise no_such_workspace(workspace)

    @property
    def news(self) -> asyncio.Event:
        """Is set with the next news of people."""
        return self._moved

    async def moved(self, news: asyncio.Event, timeout_s: float) -> None:
        """Until that is set, or the time is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await news.wait()

    async def wait_for(self, position: int) -> None:
        """Until `position` of the people log is known here; `BehindError` after 5 seconds."""
        directory = await self.directory()
        with suppress(TimeoutError):
            async with asyncio.timeout(_WAIT_S):
                while directory.position < position:
                    await self._moved.wait()
        if directory.position < position:
            raise BehindError(
                f"What is known of people is at position {directory.position}, not yet at {position}.",
                remedy="Ask again with the same `after`.",
                position=directory.position,
            )

    async def claims(self, token: str) -> Claims:
        """What an access token says. Raises `UnauthenticatedError`."""
        if not self._access_tokens.knows(token):
            await self._ask_keys_again()
        return self._access_tokens.verify(token, self._clock())

    async def close(self) -> None:
        following, self._following = self._following, None
        if following is not None:
            following.cancel()
            await asyncio.wait([following])

    async def _start(self) -> None:
        async with self._starting:
            if self._following is None:
                # Who has the keys has also seen to it that the first owner is there.
                await self._ask_keys()
                await self._look()
                self._following = asyncio.create_task(self._follow(), name="follow:people")

    async def _ask_keys_again(self) -> None:
        """One question for all who come with an unknown key, and not too often: anybody can name one. Who comes too
        early waits, for it may be the newest key."""
        came_at = monotonic()
        async with self._asking_keys:
            if self._keys_asked_at < came_at:
                await asyncio.sleep(max(0.0, self._keys_asked_at + _KEYS_EVERY_S - monotonic()))
                await self._ask_keys()

    async def _ask_keys(self) -> None:
        self._keys_asked_at = monotonic()
        self._access_tokens.use(await self.identity.verifying_keys())

    async def _look(self) -> None:
        """One look for all who ask at the same time. It must have begun after each of them asked."""
        asked = self._looks
        try:
            async with asyncio.timeout(_LOST_S), self._looking:
                if self._looks == asked:
                    await self._known_log.catch_up()
                    self._looks += 1
                    self._heard()
        except TimeoutError:
            raise UnavailableError("It cannot be told who you are: the people log does not answer.") from None

    async def _follow(self) -> None:
        pauses = iter(_BACKOFF)
        while True:
            try:
                async with asyncio.timeout(_OLDEST_S):
                    await self._known_log.step(_POLL_S)
            except Exception as error:  # told here, and in each answer once what is known is too old
                self._journal.warning("cannot follow the people log", error=f"{type(error).__name__}: {error}")
                await asyncio.sleep(next(pauses))
            else:
                pauses = iter(_BACKOFF)
                self._heard()

    def _heard(self) -> None:
        self._heard_at = monotonic()
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    @property
    def _known_log(self) -> PeopleFold:
        # Made late: an application that only describes itself has no actor system.
        if self._fold is None:
            self._fold = PeopleFold(LogClient(self._system.log(PEOPLE), PEOPLE))
        return self._fold
