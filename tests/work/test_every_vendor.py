"""From the first look at a file to the merge, with each vendor's own SDK over the wire, in a repository whose owner has
the base branch checked out and is in the middle of something else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from events.ids import PROVIDERS, ChecksVerdict, Provider
from events.run import ChecksRan, ModelCalled, RunStarted
from events.task import ReviewSubmitted, TaskApproved, TaskRejected
from events.work import Check
from tests.work.site import Site, behaviour, call, is_review, turns_of
from vapora.commands import MergeTask
from vapora.testing.wire.script import Behaviour, Received

SLUG = "def slug(text):\n    return text\n"
TEST = "from slug import slug\nassert slug('A b') == 'a-b', slug('A b')\n"
CHECK = Check(name="test", command="python3 -B test_slug.py")
FIRST = (
    [call("file_read", path="slug.py"), call("code_search", pattern="slug")],
    [call("file_edit", path="slug.py", old="return text", new="return text.lower()")],
    [call("finish", summary="Slugs are in lower case.")],
    [call("file_edit", path="slug.py", old="text.lower()", new="text.lower().replace(' ', '-')")],
    [call("run_command", command="python3 -B test_slug.py")],
    [call("finish", summary="Slugs have no blanks.")],
)
AGAIN = (
    [call("file_edit", path="slug.py", old="def slug(text):", new="def slug(text: str) -> str:")],
    "With types now.",
)
REVIEW = [call("file_read", path="slug.py")]


def answer(received: Received) -> Behaviour:
    number, told = turns_of(received), json.dumps(received.body)
    if not is_review(received):
        return behaviour((AGAIN if "Types, please." in told else FIRST)[number], number)
    good = "text: str" in told
    comment = {"path": "slug.py", "line": 1, "side": "new", "text": "Types, please."}
    verdict = "approve" if good else "request-changes"
    said = call("submit_review", verdict=verdict, summary="Read it.", comments=[] if good else [comment])
    return behaviour((REVIEW, [said])[number], number)


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_card_is_worked_on_reviewed_sent_back_approved_and_merged(provider: Provider, tmp_path: Path) -> None:
    async with Site(tmp_path, providers=[provider]) as site:
        theirs = site.theirs
        theirs.commit({"slug.py": SLUG, "test_slug.py": TEST, "README.md": "# Slugs\n", "notes.md": "one\n"}, "Begin")
        theirs.write({"README.md": "# Slugs, half rewritten\n", "notes.md": "staged\n", "scratch.txt": "mine\n"})
        theirs.git("add", "notes.md")
        theirs.write({"notes.md": "staged, and more\n"})
        unrelated = theirs.git("status", "--porcelain"), theirs.git("diff"), theirs.git("diff", "--cached")
        site.vendors.default(answer)
        task = await site.task(await site.project(CHECK), review="agent")
        [approved] = await site.seen(TaskApproved)
        assert [one.verdict for one in await site.told(ChecksRan)] == [
            ChecksVerdict.RED,
            ChecksVerdict.GREEN,
            ChecksVerdict.GREEN,
        ]
        assert [one.review.verdict for one in await site.told(ReviewSubmitted)] == ["request-changes", "approve"]
        assert len(await site.told(TaskRejected)) == 1
        runs = await site.told(RunStarted)
        assert len({one.agent_id for one in runs}) == 2
        assert {one.provider for one in await site.told(ModelCalled)} == {provider}
        assert theirs.show("slug.py") == SLUG.removesuffix("\n")

        merged = await site.system.repositories("default").merge(site.origin(), task, MergeTask())
        assert (merged.branch, merged.oid) == ("main", theirs.head())
        assert theirs.show("slug.py").splitlines() == [
            "def slug(text: str) -> str:",
            "    return text.lower().replace(' ', '-')",
        ]
        assert (theirs.path / "slug.py").read_text() == theirs.show("slug.py") + "\n"
        assert (theirs.git("status", "--porcelain"), theirs.git("diff"), theirs.git("diff", "--cached")) == unrelated
        assert approved.head is not None
