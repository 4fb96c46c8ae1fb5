"""Made from async_search.py by `python -m tests.sdk.make`: change that file."""

from __future__ import annotations

from collections.abc import Sequence

from vapora import views
from vapora.sdk.paths import Position
from vapora.sdk.transport import Transport


class Search(Transport):
    """Finding things."""

    def search(
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
        return self._get("/search", views.SearchAnswer, asked)
