"""An agent asks who uses what, by the name that a model may say, and mends every place."""

from __future__ import annotations

from pathlib import Path

from events.run import RunFailed, RunSucceeded, ToolUsed
from tests.work.site import Site, Turn, call, scripted
from vapora.testing.wire.script import Behaviour, Received

SLUG = "def slug(text):\n    return text\n"
PAGE = "from slug import slug\n\nTITLE = slug('A page')  # slug\n"
WORK: tuple[Turn, ...] = (
    [("code__references", {"name": "slug"}), call("code__outline", path="slug.py")],
    [call("file_edit", path="slug.py", old="def slug", new="def slugged")],
    [call("finish", summary="Renamed.")],
)


async def test_an_agent_finds_who_uses_a_function_before_it_changes_it(tmp_path: Path) -> None:
    async with Site(tmp_path) as site:
        site.theirs.commit({"slug.py": SLUG, "page.py": PAGE}, "Begin")
        asked: list[Received] = []
        answer = scripted(WORK)

        def answered(received: Received) -> Behaviour:
            asked.append(received)
            return answer(received)

        site.vendors.default(answered)
        await site.task(await site.project())
        [end] = await site.seen(RunSucceeded, RunFailed)
        assert isinstance(end, RunSucceeded), end
        used = await site.told(ToolUsed)
        assert [(one.name, one.ok, one.effect) for one in used[:2]] == [
            ("code.references", True, "pure"),
            ("code.outline", True, "pure"),
        ]
        # No vendor takes a dot in a name.
        offered = str(asked[0].body["tools"])
        assert "code__references" in offered
        assert "code.references" not in offered
        told = str(asked[1].body["messages"])
        assert "page.py:1: import: from slug import slug" in told
        assert "page.py:3: call: TITLE = slug('A page')" in told
        assert "slug.py:1: definition: def slug(text):" in told
