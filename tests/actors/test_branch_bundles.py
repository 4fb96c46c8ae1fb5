"""Branches that nobody merged or pushed outlive the data folder that they were made in: two folders, one store."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from actors.repositories.upkeep import Upkeep
from actors.work_messages import UseTool
from tests.actors.kit import ORIGIN, passed
from tests.actors.repositories_site import Site, site
from tests.blobs.conftest import bucket, environment, s3
from vapora.commands import MergeTask
from vapora.errors import RepositoryError
from vapora.objects import FolderObjects, Objects, objects_at
from vapora.repo.branch_bundles import BranchBundles

# Fixtures of another room.
__all__ = ["bucket", "environment", "s3"]


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    if request.param == "s3":
        return objects_at(f"s3://{request.getfixturevalue('bucket')}/vapora", "VAPORA_BLOBS_URL", "branches", "acme")
    return FolderObjects(tmp_path / "store")


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Site]:
    async with site(tmp_path) as made:
        await made.project(lands=False)
        yield made


async def moves(here: Site, data: str, store: Objects | None, *, lose: bool = True) -> None:
    """The workspace is served on another node from now on."""
    here.bundles = None if store is None else BranchBundles(store)
    await here.repositories.stop()
    if lose:
        shutil.rmtree(here.folder / here.data, ignore_errors=True)
    here.data = data
    await here.build().start()


def names(store: Objects) -> list[str]:
    return [one.name for one in store.listed("p1/")]


async def test_work_goes_on_where_its_folder_was_lost(here: Site, store: Objects) -> None:
    await moves(here, "one", store)
    await here.submit("task-1")
    place, begun = await here.begin("task-1")
    first = await here.write(place, begun, {"b.txt": "b\n"})
    [name] = names(store)
    assert f"/{begun.workplace.base}.{first}." in f"/{name.split('/')[-1]}"

    await moves(here, "two", store)
    # In the middle of the run, as of the commit that the log knows.
    use = UseTool(place, begun.workplace, first, 1, 0, "file_write", {"path": "c.txt", "content": "c\n"})
    outcome = await here.repositories.use_tool(use)
    assert outcome.ok, outcome.text
    changes = await here.repositories.changes("task-1")
    assert [one.path for one in changes.files] == ["b.txt", "c.txt"]
    # One for each branch: the newest.
    [name] = names(store)
    assert f".{outcome.commit}." in name


async def test_a_folder_that_lags_behind_is_brought_up_and_one_that_is_ahead_stays(here: Site, tmp_path: Path) -> None:
    store = FolderObjects(tmp_path / "store")
    await moves(here, "one", store)
    await here.submit("task-1")
    place, begun = await here.begin("task-1")
    first = await here.write(place, begun, {"b.txt": "b\n"})
    await moves(here, "two", store, lose=False)
    use = UseTool(place, begun.workplace, first, 1, 0, "file_write", {"path": "c.txt", "content": "c\n"})
    second = (await here.repositories.use_tool(use)).commit
    await moves(here, "one", store, lose=False)
    await here.repositories.overview("p1")
    assert here.opened.opened()["p1"].branches() == {"task-1": second}
    # And with the store away: what is here is newer than what is there.
    await moves(here, "one", None, lose=False)
    use = UseTool(place, begun.workplace, second, 2, 0, "file_write", {"path": "d.txt", "content": "d\n"})
    third = (await here.repositories.use_tool(use)).commit
    await moves(here, "one", store, lose=False)
    await here.repositories.overview("p1")
    assert here.opened.opened()["p1"].branches() == {"task-1": third}


@pytest.mark.parametrize("fault", ["changed", "another", "elsewhere"])
async def test_a_bundle_that_is_not_what_was_saved_is_refused_and_nothing_begins_anew(
    here: Site, tmp_path: Path, fault: str
) -> None:
    store = FolderObjects(tmp_path / "store")
    await moves(here, "one", store)
    for task in ("task-1", "task-2"):
        await here.submit(task)
        place, begun = await here.begin(task)
        await here.write(place, begun, {f"{task}.txt": "x\n"})
    one, other = names(store)
    good = store.read(one)
    assert good is not None
    if fault == "changed":
        store.write(one, good[:-1] + b"x")
        said = "it is not what was saved"
    elif fault == "another":
        # Its bytes are whole, and of another branch.
        store.remove(one)
        *_, digest, _ = other.split(".")
        begin, _, _ = one.rpartition(".bundle")[0].rpartition(".")
        store.write(f"{begin}.{digest}.bundle", store.read(other) or b"")
        said = "cannot be restored"
    else:
        store.remove(one)
        folder, _, file = one.rpartition("/")
        store.write(f"{folder}/{'0' * 40}{file[40:]}", good)
        said = "is not in the source"
    await moves(here, "two", store)
    with pytest.raises(RepositoryError, match=said):
        await here.begin("task-1", run=2)
    # The others are there.
    await here.begin("task-2", run=2)
    assert set(here.opened.opened()["p1"].branches()) == {"task-2"}


async def test_what_is_saved_goes_when_the_branch_has_landed(here: Site, tmp_path: Path) -> None:
    store = FolderObjects(tmp_path / "store")
    await moves(here, "one", store)
    await here.submit("task-1")
    await here.hand_in("task-1", {"b.txt": "b\n"})
    await Upkeep(here.opened, lambda *_: None, here.clock, timedelta(days=1)).sweep("p1")
    # It is done, and a person may still merge it.
    assert len(names(store)) == 1
    await here.repositories.merge(ORIGIN, "task-1", MergeTask())
    await passed(lambda: names(store) == [])
