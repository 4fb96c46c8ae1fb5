"""An agent finds what stands in the workspace's index, by the built-in server, in a run."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

from events.run import RunFailed, RunSucceeded, ToolsOffered, ToolUsed
from tests.waiting import until
from tests.work.site import Site, Turn, scripted
from vapora.clock import now
from vapora.commands import SetToolServer
from vapora.dispatch import Dispatcher
from vapora.domain.search import everything
from vapora.errors import UnavailableError
from vapora.search import SearchReader

WORK: list[Turn] = [
    [("retrieval__search_cards", {"query": "pagination"})],
    [("finish", {"summary": "Done."})],
]


async def test_an_agent_finds_an_earlier_card_of_its_project(tmp_path: Path) -> None:
    async with Site(tmp_path) as site:
        site.theirs.commit({"slug.py": "x = 1\n"}, "Begin")
        site.vendors.default(scripted(WORK))
        server = SetToolServer.model_validate({"transport": {"kind": "built-in"}, "roles": ["developer"]})
        dispatcher = Dispatcher(site.log, now, built_in=site.system.built_in_tool_servers())
        await dispatcher.dispatch(site.origin(), server, "retrieval")
        project = await site.project()
        earlier = await site.task(project, title="Add pagination to the list", assignee="Ada")
        with closing(SearchReader(site.settings.search_place("default"))) as reader:

            def is_found() -> bool:
                try:
                    return bool(reader.find("pagination", everything(), kinds=("task",)).hits)
                except UnavailableError:
                    return False

            await until(is_found)
        await site.task(project)
        [end] = await site.seen(RunSucceeded, RunFailed)
        assert isinstance(end, RunSucceeded), end
        used = (await site.told(ToolUsed))[0]
        assert (used.name, used.ok, used.effect) == ("retrieval.search_cards", True, "pure")
        assert earlier in str(used.result.text)
        # A card may hold what strangers wrote, and so the run is known to have read it.
        assert used.data["reads_outside"] is True
        [offered] = await site.told(ToolsOffered)
        assert "retrieval.read" in {one.name for one in offered.tools}
        assert "Add pagination to the list" in json.dumps(site.vendors.requests[1].body["messages"])
