"""The code of a project's base branch in the index, taken from the real repositories."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path

from actors.indexer import Indexer
from events.content import Content
from tests.api.doors import Door
from tests.repo.site import TheirRepository
from tests.waiting import DEADLINE_S
from vapora.domain.search import Entry, everything, of_project
from vapora.log.client import LogClient
from vapora.search import IndexWriter, SearchReader


def text(content: Content) -> str:
    return content.text or ""


async def until(reader: SearchReader, path: str, wanted: str | None) -> Entry | None:
    """The file as soon as it has the text; None: as soon as it is gone."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            found = reader.get("code", path)
            if (found is None) if wanted is None else (found is not None and wanted in found.text):
                return found
            await asyncio.sleep(0.02)


async def test_files_of_the_base_branch_are_found_and_follow_it(
    door: Door, theirs: TheirRepository, tmp_path: Path
) -> None:
    theirs.commit(
        {"src/gateway.py": "def honour_max_retries():\n    pass\n", "big.txt": "x" * 300_000}, "Add the gateway"
    )
    project = (await door.project(repo=str(theirs.path)))["id"]
    place, log = tmp_path / "search.db", LogClient(door.system.log("default"), "default")
    repositories = door.system.repositories("default")
    indexer = Indexer(
        log,
        "default",
        lambda: IndexWriter(place),
        text,
        repositories=repositories,  # type: ignore[arg-type]  # it is the actor itself
        vectors="none",
        code_s=0.02,
    )
    await indexer.start()
    try:
        with closing(SearchReader(place)) as reader:
            await until(reader, f"{project}:src/gateway.py", "honour_max_retries")
            before = await until(reader, f"{project}:parser.py", "parse")
            [hit] = reader.find("max retries", of_project(project), kinds=("code",)).hits
            assert (hit.title, hit.project_id, hit.link) == ("src/gateway.py", project, f"/p/{project}")
            assert reader.find("max retries", of_project("another"), kinds=("code",)).hits == ()
            assert reader.get("code", f"{project}:big.txt") is None
            theirs.commit({"src/gateway.py": "def circuit_breaker():\n    pass\n"}, "Another way")
            await door.ask("PATCH", f"/projects/{project}", 200, {"description": "Something new to look at"})
            await until(reader, f"{project}:src/gateway.py", "circuit_breaker")
            assert reader.find("max retries", everything(), kinds=("code",)).hits == ()
            assert reader.get("code", f"{project}:parser.py") == before, "what has not changed is not taken in again"
    finally:
        await indexer.stop()
    assert indexer.problem is None
