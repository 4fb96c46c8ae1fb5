"""The indexer: where it goes on, and what it does with an index of another log."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from structlog.testing import capture_logs

from actors.indexer import Indexer
from events.content import Content
from tests.actors.kit import WORKSPACE
from tests.actors.test_another_past import a_log
from vapora.domain.search import everything
from vapora.log.client import LogClient
from vapora.search import IndexWriter, SearchReader


def text(content: Content) -> str:
    return content.text or ""


async def titles(log: LogClient, place: Path, query: str) -> list[str]:
    """What is found once the index is as far as the log."""
    indexer = Indexer(log, WORKSPACE, lambda: IndexWriter(place), text)
    await indexer.start()
    try:
        head = await log.head()
        assert await indexer.wait_for(head, 60) >= head
        assert indexer.problem is None and not await indexer.is_behind()
        with closing(SearchReader(place)) as reader:
            return sorted(hit.title for hit in reader.find(query, everything()).hits)
    finally:
        await indexer.stop()


async def test_it_goes_on_where_it_was_and_leaves_another_past(tmp_path: Path) -> None:
    place = tmp_path / "search.db"
    async with a_log("Old zeppelin", "Old kite") as log:
        assert await titles(log, place, "old") == ["Old kite", "Old zeppelin"]
        with capture_logs() as said:
            assert await titles(log, place, "zeppelin") == ["Old zeppelin"]
        assert said == [], "nothing was built again"
    async with a_log("New zeppelin", "New kite", "New balloon", later_s=60) as log:
        with capture_logs() as said:
            assert await titles(log, place, "zeppelin") == ["New zeppelin"]
        assert [one["event"] for one in said] == ["the search index is of another past of this log and is built again"]
        assert await titles(log, place, "old") == []
