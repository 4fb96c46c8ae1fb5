"""What setup made in one worktree is given to the next one, with real repositories and a real sandbox; and what an
agent made never is."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from actors.repositories.recheck import Recheck
from actors.work_messages import Place, SetupOutcome
from events.ids import project_stream
from events.project import ProjectEdited
from tests.actors.kit import ORIGIN, WORKSPACE, log_writer
from tests.actors.worktree_site import PLACE, World
from tests.sandbox.conftest import require
from vapora.clock import now
from vapora.log.client import LogClient
from vapora.repo.products import Products, unfit

OTHER = Place("p", "task-2", "task-2.1", "developer")
# Differs each time that it is run.
MAKE = "mkdir -p ignored/deep && date +%s%N > ignored/deep/made"


@pytest.fixture(scope="module", autouse=True)
def namespaces() -> None:
    require("bubblewrap")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with log_writer(now) as writer:
        made = World(tmp_path, LogClient(writer, WORKSPACE))
        made.theirs.commit({"go.sum": "one\n"}, "Lock")
        yield made
        await made.close()


async def set_up(world: World, place: Place = PLACE) -> tuple[SetupOutcome, Path]:
    begun = await world.begin(place)
    outcome = await world.places.set_up(place, begun.workplace)
    return outcome, (await world.repository()).trees.path(place.name)


def kept(world: World) -> list[str]:
    folder = world.folder / "data" / "p" / "setup"
    return names(folder) if folder.is_dir() else []


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


def home(world: World, place: Place) -> Path:
    return world.folder / "data" / "p" / "homes" / place.name


async def test_a_second_worktree_is_given_what_setup_made_in_the_first_and_runs_nothing(world: World) -> None:
    links = "ln -s made ignored/deep/link; chmod 750 ignored/deep; mkdir -p ~/.cache && echo c > ~/.cache/c"
    await world.project(setup=(MAKE, links))
    first, one = await set_up(world)
    assert (first.ok, first.reused, [result.output for result in first.results]) == (True, False, ["", ""])
    await world.restart()
    second, other = await set_up(world, OTHER)
    assert (second.ok, second.reused) == (True, True)
    assert [(result.command, result.exit_code) for result in second.results] == [("", 0)]
    made = "ignored/deep/made"
    assert (other / made).read_text() == (one / made).read_text()
    assert (other / "ignored/deep/link").readlink() == Path("made")
    assert (other / "ignored/deep").stat().st_mode == (one / "ignored/deep").stat().st_mode
    assert (other / made).stat().st_mtime_ns == (one / made).stat().st_mtime_ns
    assert (other / made).stat().st_ino != (one / made).stat().st_ino
    assert (home(world, OTHER) / ".cache" / "c").read_text() == "c\n"
    assert (await set_up(world, replace(OTHER, run_id="task-2.2")))[0] == SetupOutcome(ok=True, reused=True)


async def test_another_lock_file_or_manifest_or_command_or_copied_file_has_setup_run_anew(world: World) -> None:
    world.theirs.write({".env": "A=1\n"})
    await world.project(setup=(MAKE,), copies=(".env",))
    assert not (await set_up(world))[0].reused
    for number, changed in enumerate(({"go.sum": "two\n"}, {"web/package.json": "{}\n"}, {".env": "A=2\n"}), 2):
        if ".env" in changed:
            world.theirs.write(changed)  # git ignores it
        else:
            world.theirs.commit(changed)
        anew, tree = await set_up(world, replace(PLACE, task_id=f"task-{number}", run_id=f"task-{number}.1"))
        assert (anew.ok, anew.reused) == (True, False)
        assert (tree / ".env").exists()
    version = (await world.log.read(project_stream("p")))[-1].version
    edited = ProjectEdited(project_id="p", setup=(MAKE, "true"))
    await world.log.append(ORIGIN, (project_stream("p"), version, [edited]))
    assert not (await set_up(world, replace(PLACE, task_id="task-9", run_id="task-9.1")))[0].reused
    assert len(kept(world)) == 5


async def test_a_changed_lock_file_is_set_up_anew_in_the_same_worktree(world: World) -> None:
    await world.project(setup=("mkdir ignored && cat go.sum > ignored/made",))
    await set_up(world)
    world.theirs.commit({"go.sum": "two\n"})
    again, tree = await set_up(world, replace(PLACE, run_id="task-1.2"))
    assert (again.ok, again.reused) == (True, False)
    assert (tree / "ignored/made").read_text() == "two\n"


async def test_without_a_lock_file_each_worktree_runs_setup_and_says_why(world: World) -> None:
    world.theirs.git("rm", "--quiet", "go.sum")
    world.theirs.git("commit", "--quiet", "-m", "No lock")
    await world.project(setup=(MAKE,))
    for place in (PLACE, OTHER):
        outcome = (await set_up(world, place))[0]
        assert (outcome.ok, outcome.reused) == (True, False)
        assert "not kept for other worktrees: there is no lock file" in outcome.results[-1].output
    assert kept(world) == []


async def test_a_failed_setup_is_not_kept_and_is_begun_anew_from_nothing(world: World) -> None:
    await world.project(setup=(f"test ! -e ignored && {MAKE}", "exit 3"))
    first, tree = await set_up(world)
    assert [one.exit_code for one in first.results] == [0, 3]
    assert (tree / "ignored").exists()
    again, _ = await set_up(world)
    assert [one.exit_code for one in again.results] == [0, 3]
    assert kept(world) == []


async def test_what_setup_changes_in_files_of_the_commit_is_set_back_and_not_kept(world: World) -> None:
    await world.project(setup=(f"{MAKE}; echo changed > a.txt; echo new > new.txt; echo '*' > .gitignore",))
    await set_up(world)
    second, tree = await set_up(world, OTHER)
    assert second.reused
    assert (tree / "a.txt").read_text() == "a\n"
    assert not (tree / "new.txt").exists()
    [product] = kept(world)
    assert names(world.folder / "data" / "p" / "setup" / product / "worktree") == ["ignored"]


# What an agent leaves reaches no other card.


async def test_what_an_agent_left_in_ignored_files_and_home_never_enters_a_product(world: World) -> None:
    """The branch is still at its base: nothing that git shows tells that an agent was there."""
    await world.project(setup=("mkdir -p ignored && cat ~/.rc ignored/evil > ignored/made; true",))
    begun = await world.begin()
    evil = "mkdir -p ignored && echo evil > ignored/evil; echo evil > ~/.rc"
    outcome = await world.places.use_tool(world.use(begun, begun.workplace.head, "run_command", command=evil))
    assert (outcome.ok, outcome.commit) == (True, begun.workplace.head)
    assert (home(world, PLACE) / ".rc").exists()
    await world.places.set_up(PLACE, begun.workplace)
    assert len(kept(world)) == 1
    second, tree = await set_up(world, OTHER)
    assert second.reused
    assert (tree / "ignored/made").read_text() == ""
    assert names(tree / "ignored") == ["made"]
    assert not (home(world, OTHER) / ".rc").exists()


async def test_what_setup_makes_of_an_agents_commit_is_not_kept(world: World) -> None:
    await world.project(setup=("mkdir -p ignored && cat a.txt > ignored/made",))
    begun = await world.begin()
    evil = "echo evil > a.txt; echo two > go.sum"
    await world.places.use_tool(world.use(begun, begun.workplace.head, "run_command", command=evil))
    again, tree = await set_up(world, replace(PLACE, run_id="task-1.2"))
    assert (tree / "ignored/made").read_text() == "evil\n"
    assert "not made from a commit of the base branch" in again.results[-1].output
    world.theirs.commit({"go.sum": "two\n"})
    other, tree = await set_up(world, OTHER)
    assert not other.reused
    assert (tree / "ignored/made").read_text() == "a\n"


async def test_checks_of_a_landing_use_what_is_kept_and_keep_nothing(world: World) -> None:
    await world.project(setup=("mkdir -p ignored && cat a.txt > ignored/made",))
    await set_up(world)
    before = kept(world)
    begun = await world.begin(OTHER)
    without = await world.places.use_tool(
        replace(world.use(begun, begun.workplace.head, "run_command", command="rm a.txt"), place=OTHER)
    )
    lock = replace(world.use(begun, without.commit, "run_command", 1, command="touch a.txt; echo 2 > go.sum"))
    locked = await world.places.use_tool(replace(lock, place=OTHER))
    repository, project = await world.repository(), await world.opened.project("p")
    in_effect = await world.opened.in_effect(project)
    # Without a.txt, setup would fail.
    await Recheck(world.opened).run(project, in_effect, repository, "task-2", without.commit)
    await Recheck(world.opened).run(project, in_effect, repository, "task-2", locked.commit)
    assert kept(world) == before


async def test_no_command_of_an_agent_sees_what_is_kept(world: World) -> None:
    await world.project(setup=(MAKE,))
    await set_up(world)
    begun = await world.begin(OTHER)
    look = world.use(begun, begun.workplace.head, "run_command", command=f"ls {world.folder / 'data' / 'p' / 'setup'}")
    assert (await world.places.use_tool(replace(look, place=OTHER))).exit_code == 2


# Symlinks, and folders that have to stay where they were made.


async def test_a_symlink_out_of_a_product_is_copied_and_not_followed(world: World) -> None:
    victim = world.folder / "victim"
    victim.mkdir()
    (victim / "secret").write_text("secret")
    await world.project(setup=(f"mkdir ignored; ln -s {victim} ignored/out; ln -s ../../.. ignored/up",))
    await set_up(world)
    second, tree = await set_up(world, OTHER)
    assert second.reused
    assert ((tree / "ignored/out").readlink(), (tree / "ignored/up").readlink()) == (victim, Path("../../.."))
    [product] = kept(world)
    inside = world.folder / "data" / "p" / "setup" / product / "worktree" / "ignored"
    assert inside.joinpath("out").is_symlink()
    assert (victim / "secret").read_text() == "secret"


async def test_nothing_is_written_through_a_symlink_of_a_later_commit(world: World) -> None:
    victim = world.folder / "victim"
    victim.mkdir()
    await world.project(setup=("mkdir -p ignored 2>/dev/null && echo x > ignored/made; true",))
    await set_up(world)
    (world.theirs.path / "ignored").symlink_to(victim)
    world.theirs.git("add", "--force", "ignored")
    world.theirs.git("commit", "--quiet", "-m", "A symlink where setup makes a folder")
    second, tree = await set_up(world, OTHER)
    assert (second.ok, second.reused) == (True, False)
    assert (tree / "ignored").is_symlink()
    assert list(victim.iterdir()) == []


async def test_a_product_that_names_its_own_folder_is_not_kept_and_setup_says_so(world: World) -> None:
    await world.project(setup=("python3 -m venv --without-pip ignored/venv",))
    for place in (PLACE, OTHER):
        outcome, tree = await set_up(world, place)
        assert (outcome.ok, outcome.reused) == (True, False), outcome
        assert "names the folder in which it was made" in outcome.results[-1].output
        assert str(tree) in (tree / "ignored/venv/bin/activate").read_text()
    assert kept(world) == []


def test_what_is_too_large_or_no_plain_file_is_unfit(tmp_path: Path) -> None:
    part = tmp_path / "part"
    part.mkdir()
    (part / "large").write_bytes(b"x" * 2_000_000 + os.fsencode(tmp_path))
    assert "more than 1 MiB" in unfit([part], [], largest=1024**2)
    assert unfit([part], []) == ""
    assert "large names the folder" in unfit([part], [tmp_path])
    (part / "large").rename(part / "large.log")
    assert unfit([part], [tmp_path]) == ""
    os.mkfifo(part / "pipe")
    assert "neither a file nor" in unfit([part], [])


# Crashes, and the end of a product.


async def test_a_product_that_was_cut_off_is_gone_at_the_next_start(world: World) -> None:
    await world.project(setup=(MAKE,))
    repository = await world.repository()
    unfinished = repository.products.begin()
    (unfinished / "worktree" / "half").write_text("half")
    assert len(kept(world)) == 1
    await world.restart()
    assert not (await set_up(world))[0].reused
    assert unfinished.name not in kept(world)
    assert len(kept(world)) == 1


async def test_a_worktree_into_which_a_product_was_copied_by_half_is_begun_anew(world: World) -> None:
    await world.project(setup=(MAKE,))
    _, one = await set_up(world)
    begun = await world.begin(OTHER)
    tree = (await world.repository()).trees.path("task-2")
    (tree / "ignored" / "deep").mkdir(parents=True)
    (tree / "ignored" / "deep" / "made").write_text("ha")
    (tree / "ignored" / "stray").write_text("half")
    await world.restart()
    outcome = await world.places.set_up(OTHER, begun.workplace)
    assert outcome.reused
    assert (tree / "ignored/deep/made").read_text() == (one / "ignored/deep/made").read_text()
    assert not (tree / "ignored" / "stray").exists()


async def test_a_product_that_cannot_be_copied_is_made_anew(world: World) -> None:
    await world.project(setup=(MAKE,))
    await set_up(world)
    [product] = kept(world)
    (world.folder / "data" / "p" / "setup" / product / "home").rename(world.folder / "elsewhere")
    outcome, _ = await set_up(world, OTHER)
    assert (outcome.ok, outcome.reused) == (True, False)


def test_those_used_last_stay(tmp_path: Path) -> None:
    products = Products(tmp_path / "setup")
    for number, key in enumerate("abcdefg"):
        products.finish(products.begin(), key)
        (tmp_path / "setup" / key / "worktree").chmod(0)
        os.utime(tmp_path / "setup" / key, (number, number))
    assert products.find("a") is not None
    unfinished = products.begin()
    products.prune(2)
    assert names(tmp_path / "setup") == sorted(["a", "g", unfinished.name])
    assert (tmp_path / "setup" / "a").stat().st_mode & 0o077 == 0
