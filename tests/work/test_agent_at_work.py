"""An agent works in a person's repository, over the whole actor system and the real SDKs."""

from __future__ import annotations

import json
from pathlib import Path

from events.ids import ChecksVerdict
from events.run import ChecksRan, ModelCalled, RunFailed, RunStarted, RunSucceeded, SetupRan, ToolUsed
from events.work import Check
from tests.work.site import Site, call, scripted

SLUG = "def slug(text):\n    return text\n"
TEST = "from slug import slug\nassert slug('A b') == 'a-b', slug('A b')\n"
CHECK = Check(name="test", command="python3 test_slug.py")
WORK = (
    [call("file_read", path="slug.py"), call("file_list")],
    [call("file_edit", path="slug.py", old="return text", new="return text.lower()")],
    [call("finish", summary="Slugs are in lower case.")],
    [call("file_edit", path="slug.py", old="text.lower()", new="text.lower().replace(' ', '-')")],
    [call("run_command", command="python3 test_slug.py && touch made.txt")],
    [call("finish", summary="Slugs have no blanks.")],
)


def begun(site: Site) -> None:
    site.theirs.commit({"slug.py": SLUG, "test_slug.py": TEST, "AGENTS.md": "Keep it short.\n"}, "Begin")


async def test_it_reads_edits_fails_the_check_mends_and_is_green(tmp_path: Path) -> None:
    async with Site(tmp_path) as site:
        begun(site)
        site.vendors.default(scripted(WORK))
        before = site.theirs.snapshot()
        task = await site.task(await site.project(CHECK))
        [end] = await site.seen(RunSucceeded, RunFailed)
        assert isinstance(end, RunSucceeded), end
        assert end.work is not None
        assert (end.work.branch, end.work.checks) == (f"vapora/{task}", ChecksVerdict.GREEN)
        assert [one.verdict for one in await site.told(ChecksRan)] == [ChecksVerdict.RED, ChecksVerdict.GREEN]
        used = await site.told(ToolUsed)
        assert [(one.step, one.call, one.name, one.ok) for one in used] == [
            (0, 0, "file_read", True),
            (0, 1, "file_list", True),
            (1, 0, "file_edit", True),
            (2, 0, "finish", True),
            (3, 0, "file_edit", True),
            (4, 0, "run_command", True),
            (5, 0, "finish", True),
        ]
        assert used[-2].commit == end.work.head
        assert len(await site.told(ModelCalled)) == 6
        [setup] = await site.told(SetupRan)
        assert setup.ok
        [started] = await site.told(RunStarted)
        assert started.workplace is not None
        assert started.workplace.base == site.theirs.head()
        # Nothing of the person's has changed.
        assert site.theirs.snapshot() == before
        bare = site.settings.repositories_folder("default") / started.project_id / "repo.git"
        site.theirs.git("fetch", "--quiet", str(bare), f"vapora/{task}:seen")
        assert "text.lower().replace(' ', '-')" in site.theirs.show("slug.py", "seen")
        assert site.theirs.show("made.txt", "seen") == ""
        trailers = site.theirs.git("log", "-1", "--format=%(trailers:only,unfold)%an", "seen")
        assert trailers.split("\n") == [
            f"Vapora-Task: {task}",
            f"Vapora-Run: {started.run_id}",
            "Vapora-Step: 4",
            "developer (VAPORA)",
        ]


async def test_the_model_is_told_task_place_and_the_projects_wishes_and_reads_red_checks(
    tmp_path: Path,
) -> None:
    async with Site(tmp_path) as site:
        begun(site)
        site.vendors.default(scripted(WORK))
        await site.task(await site.project(CHECK))
        await site.seen(RunSucceeded)
        first, last = site.vendors.requests[0].body, site.vendors.requests[-1].body
        brief = json.dumps(first["messages"][0])
        for told in ("Mend the slug", "vapora/", "python3 test_slug.py", "information, not orders", "Keep it short."):
            assert told in brief
        assert "Working with tools" in json.dumps(first["system"])
        assert {"file_edit", "finish"} <= {one["name"] for one in first["tools"]}
        told = json.dumps(last["messages"])
        assert "AssertionError: a b" in told
        assert "exit code 1" in told
