"""Search, for the asynchronous client. `python -m tests.sdk.make` makes the synchronous one from it."""

from __future__ import annotations

from collections.abc import Sequence

from vapora import views
from vapora.sdk.async_transport import AsyncTransport
from vapora.sdk.paths import Position


class AsyncSearch(AsyncTransport):
    """Finding things."""

    async def search(
        self,
        query: str,
        kinds: Sequence[str] = (),
        project_id: str | None = None,
        limit: int | None = None,
        mode: views.SearchMode | None = None,
        after: Position = None,
    ) -> views.SearchAnswer:
        """Tasks, runs, documents, comments and code, the best first. `kinds`: only these; `mode`: by the words
        (`text`), by what texts are about (`vectors`), or by both."""
        asked = {
            "q": query,
            "kinds": ",".join(kinds) or None,
            "project_id": project_id,
            "limit": limit,
            "mode": mode,
            "after": after,
        }
        return await self._get("/search", views.SearchAnswer, asked)
