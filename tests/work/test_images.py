"""A screenshot on a card, from the upload to the vendors: who can see is shown it, whatever is killed meanwhile."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from actors.runtime.base import Builder
from events.budget import SpendReserved
from events.ids import Provider
from events.run import ModelCalled, RunFailed, RunStarted, RunSucceeded
from tests.domain.test_media import PNG
from tests.work.site import WORKSPACE, Site, call, scripted
from vapora.blobs import open_blobs
from vapora.commands import AttachFile, DetachFile, EditTask
from vapora.testing.crash import CrashableRuntime, KillPoint
from vapora.testing.wire.images import images_in

SHOT = PNG + b"\x00" * 20_000
NOTES = b"Click twice.\n# Then it is gone\n"
WORK = (
    [call("file_read", path="slug.py")],
    [call("file_edit", path="slug.py", old="text", new="text.lower()")],
    [call("finish", summary="Done.")],
)


async def card_with_files(site: Site, project: str) -> str:
    """Agents leave it alone until the files are there."""
    task = await site.task(project, assignee="me")
    blobs = open_blobs("", site.settings.blob_folder(WORKSPACE), WORKSPACE)
    size = {"width": 640, "height": 480}
    for name, data, kind in (("shot.png", SHOT, "image/png"), ("notes.txt", NOTES, "text/plain")):
        file = AttachFile(
            name=name, digest=blobs.put(data), size=len(data), media_type=kind, **(size if data is SHOT else {})
        )
        await site.dispatcher.dispatch(site.origin(), file, task)
    await site.dispatcher.dispatch(site.origin(), EditTask(assignee=None), task)
    return task


def turns(body: dict[str, Any]) -> list[Any]:
    found: list[Any] = body.get("messages") or body["contents"]
    return found


def bare(value: Any) -> Any:
    """Without the marks of Anthropic's cache, which move on."""
    if isinstance(value, dict):
        return {name: bare(one) for name, one in value.items() if name != "cache_control"}
    return [bare(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("provider", [Provider.ANTHROPIC, Provider.OPENAI, Provider.GEMINI])
async def test_a_model_that_sees_is_shown_the_image_and_reads_the_text(provider: Provider, tmp_path: Path) -> None:
    async with Site(tmp_path, providers=[provider]) as site:
        site.theirs.commit({"slug.py": "text\n"}, "Begin")
        site.vendors.default(scripted(WORK))
        await card_with_files(site, await site.project())
        [ended] = await site.seen(RunSucceeded, RunFailed)
        assert isinstance(ended, RunSucceeded), ended

        for received in site.vendors.requests:
            assert list(images_in(received.body)) == [b64encode(SHOT).decode()]
            assert "Click twice.\\n# Then it is gone" in str(received.body)
            assert "shot.png: image/png, 640 × 480 pixels, shown with this message" in str(received.body)
        # The vendor billed the most that an image counts as, and never more than was held.
        held = {one.call_id: one.amount_microusd for one in await site.told(SpendReserved)}
        for one in await site.told(ModelCalled):
            assert one.usage_doubt == ""
            assert one.cost_microusd <= held[one.call_id]


async def test_a_model_that_cannot_see_is_told_the_name_only(tmp_path: Path) -> None:
    async with Site(tmp_path, providers=[Provider.OLLAMA]) as site:
        site.theirs.commit({"slug.py": "text\n"}, "Begin")
        site.vendors.default(scripted(WORK))
        await card_with_files(site, await site.project())
        await site.seen(RunSucceeded)
        for received in site.vendors.requests:
            assert not list(images_in(received.body))
            assert "shot.png: image/png, 640 × 480 pixels" in str(received.body)
            assert "Click twice." in str(received.body)


async def test_a_run_that_is_killed_sends_what_it_had_sent_though_the_card_changed(tmp_path: Path) -> None:
    killed: list[str] = []

    def watch(moment: KillPoint) -> None:
        if moment.method == "use_tool" and moment.stage == "arrived" and len(killed) < 2:
            killed.append(moment.method)
            for address in sorted(runtimes[0].running()):
                if address.kind == "agent":
                    runtimes[0].kill(address)

    runtimes: list[CrashableRuntime] = []

    def made(build: Builder) -> CrashableRuntime:
        runtimes.append(CrashableRuntime(build, watch))
        return runtimes[0]

    async with Site(tmp_path, runtime=made, resend_s=0.05, health_interval_s=0.05) as site:
        site.theirs.commit({"slug.py": "text\n"}, "Begin")
        site.vendors.default(scripted(WORK))
        task = await card_with_files(site, await site.project())
        await site.seen(ModelCalled)
        await site.dispatcher.dispatch(site.origin(), DetachFile(name="shot.png"), task)
        [ended] = await site.seen(RunSucceeded, RunFailed)
        assert isinstance(ended, RunSucceeded), ended
        assert killed
        bodies = [bare(turns(one.body)) for one in site.vendors.requests]
        for earlier, later in pairwise(bodies):
            assert later[: len(earlier)] == earlier
        [begun] = await site.told(RunStarted)
        assert begun.attachments[0].content.digest == sha256(SHOT).hexdigest()


async def test_the_steps_of_a_role_without_a_repository_carry_the_files_too(tmp_path: Path) -> None:
    async with Site(tmp_path) as site:
        site.vendors.default(scripted(("Done.",)))
        project = await site.project(repo=None, name="Texts")
        await card_with_files(site, project)
        await site.seen(RunSucceeded)
        assert site.vendors.requests
        for received in site.vendors.requests:
            assert list(images_in(received.body)) == [b64encode(SHOT).decode()]
            assert "Click twice." in str(received.body)
