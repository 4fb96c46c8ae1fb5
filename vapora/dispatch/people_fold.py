"""The people log folded, and kept up to date: by its owner before it decides, and by each replica of the API."""

from __future__ import annotations

from vapora.domain.people import Directory
from vapora.log.client import LogClient

_PAGE = 1_000


class PeopleFold:
    """`directory` as of the last look at the log."""

    def __init__(self, log: LogClient) -> None:
        self._log = log
        self.directory = Directory()

    async def catch_up(self) -> None:
        """Until it has seen all that the log holds."""
        while await self.step(0):
            pass

    async def step(self, timeout_s: float) -> bool:
        """One page of news, waited for; whether there is more at once.

        What a newer version wrote is a `NewerEventError`: nobody may be let in by half of what the log says.
        """
        polled = await self._log.poll(self.directory.position, _PAGE, timeout_s, lenient=False)
        for recorded in polled.events:
            # Two may look at once; each event counts once.
            if recorded.position > self.directory.position:
                self.directory.apply(recorded)
        return self.directory.position < polled.head
