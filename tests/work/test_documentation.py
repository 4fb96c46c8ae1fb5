"""Finished work gets into the repository's README by ordinary cards of the documenter, and the document follows the
file, whatever dies meanwhile.

`VAPORA_WORK_SEED` repeats a plan of who dies when, `VAPORA_DOCUMENTING_ROUNDS` makes it longer.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from pathlib import Path

from events.document import DocumentCreated, DocumentEdited, DocumentPublished
from events.documentation import DocumentationRequested
from events.ids import MergePolicy, Review
from events.task import TaskLanded, TaskSubmitted
from events.work import Check
from tests import rounds
from tests.work.site import Site, behaviour, call, turns_of
from tests.work.test_agent_killed import Deaths
from vapora.commands import ChangeSettings
from vapora.commands.documents import SetDocumentation
from vapora.testing.soundness import order
from vapora.testing.wire.script import Behaviour, Received

SEED = int(os.environ.get("VAPORA_WORK_SEED", "0")) or random.randrange(1, 1_000_000)
VICTIMS = ("workflows", "log", "repositories", "workflows and log and repositories")


def answer(received: Received) -> Behaviour:
    documents = "# Documenter" in str(received.body)
    command = "echo '- one more line' >> README.md" if documents else "echo line >> all.txt"
    turns = ([call("run_command", command=command)], [call("finish", summary="Done.")])
    number = turns_of(received)
    return behaviour(turns[min(number, 1)], number)


async def test_each_finished_card_is_in_the_readme_once_and_the_document_follows_whoever_dies(tmp_path: Path) -> None:
    print(f"VAPORA_WORK_SEED={SEED}")
    rng, deaths = random.Random(SEED), Deaths()
    async with Site(tmp_path, runtime=deaths.made, resend_s=0.1, health_interval_s=0.1) as site:
        site.theirs.commit({"all.txt": "begin\n", "README.md": "# Lines\n\n"}, "Begin")
        site.vendors.default(answer)
        settings = ChangeSettings(name="", default_review=Review.NONE, default_priority=50)
        await site.dispatcher.dispatch(site.origin(), settings)
        project = await site.project(
            Check(name="there", command="test -s all.txt"), merge_policy=MergePolicy.WHEN_APPROVED
        )
        await site.dispatcher.dispatch(site.origin(), SetDocumentation(project_id=project, rule="each"))
        tasks: list[str] = []
        for number in range(1, rounds.DOCUMENTING + 1):
            after = await site.log.head()
            tasks.append(await site.task(project, review="none", title=f"Add line {number}"))
            await site.seen(TaskLanded, after=after)
            asyncio.get_running_loop().call_later(
                rng.uniform(0, 0.5), deaths.strike, "documenting", rng.choice(VICTIMS)
            )
            await site.seen(DocumentPublished, after=after)
        requested = await site.told(DocumentationRequested)
        assert Counter(one for card in requested for one in card.of_tasks) == Counter(tasks), deaths.died
        cards = [one for one in await site.told(TaskSubmitted) if one.role == "documenter"]
        assert sorted(one.task_id for one in cards) == sorted(one.task_id for one in requested), deaths.died
        readme = site.theirs.show("README.md", "main")
        assert readme.count("- one more line") == len(tasks), deaths.died
        (created,) = await site.told(DocumentCreated)
        edited = await site.told(DocumentEdited)
        versions: list[DocumentCreated | DocumentEdited] = [created, *edited]
        assert len(versions) == len(tasks), deaths.died
        assert (versions[-1].text.text or "").strip() == readme.strip()
        landed = {one.task_id: one.oid for one in await site.told(TaskLanded)}
        assert [one.source.oid for one in versions] == [landed[one.task_id] for one in requested]
        assert (created.kind, created.title, created.path) == ("readme", "Lines", "README.md")
        assert order(await site.everything()) == []
        assert deaths.died
