from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from tests.repo.site import TheirRepository, opened, step
from tests.sandbox.conftest import SMALL, Place, require
from vapora.errors import BadInputError, SandboxUnavailableError
from vapora.sandbox import bubblewrap
from vapora.sandbox.choice import choose, probe
from vapora.sandbox.output import HeadAndTail
from vapora.sandbox.values import Command, Room


async def test_a_command_tells_its_exit_code_and_both_streams_in_order(place: Place, kind: str) -> None:
    done = await place.run("echo one; echo two >&2; printf 'three\\303\\251\\377'; exit 7")
    assert (done.exit_code, done.output, done.ended, done.sandbox) == (7, "one\ntwo\nthreeé�", None, kind)
    assert not done.truncated
    assert done.duration_ms > 0


async def test_a_command_may_be_a_list_of_words(place: Place) -> None:
    assert (await place.run(("printf", "%s", "a b; $HOME"))).output == "a b; $HOME"


async def test_a_signal_is_told_as_a_shell_does(place: Place) -> None:
    assert (await place.run("sh -c 'kill -TERM $$'")).exit_code == 143


async def test_a_program_that_is_not_there_is_the_commands_own_failure(place: Place) -> None:
    assert (await place.run("no-such-program")).exit_code == 127


async def test_standard_input_is_empty(place: Place) -> None:
    assert (await place.run("cat; echo end")).output == "end\n"


async def test_it_runs_in_the_worktree_with_a_home_of_its_own(place: Place) -> None:
    done = await place.run('pwd; echo "$HOME"; test -w "$HOME"; t=$(mktemp) && rm "$t" && echo ok')
    assert done.output == f"{place.room.worktree}\n{place.room.home}\nok\n"


async def test_variables_of_a_project_come_on_top(place: Place) -> None:
    command = Command("echo $GREETING $LANG", variables={"GREETING": "hello", "LANG": "de_DE.UTF-8"})
    assert (await place.sandbox.run(place.room, command, SMALL)).output == "hello de_DE.UTF-8\n"


@pytest.mark.parametrize("line", ["", "  \n", (), ("",), "a\0b"])
async def test_an_empty_command_is_refused(line: str | tuple[str, ...], place: Place) -> None:
    with pytest.raises(BadInputError):
        await place.run(line)


async def test_a_missing_worktree_is_a_clear_error(place: Place) -> None:
    gone = Room(place.folder / "gone", place.room.home)
    with pytest.raises((SandboxUnavailableError, FileNotFoundError)) as error:
        await place.sandbox.run(gone, Command("true"), SMALL)
    assert isinstance(error.value, SandboxUnavailableError)


async def test_a_sandbox_that_cannot_be_set_up_is_not_the_commands_failure(bubble: Place) -> None:
    """Else it would look like a check that is red."""
    bubble.room = replace(bubble.room, read_only=(Path("/nonexistent"),))
    with pytest.raises(SandboxUnavailableError, match="nonexistent"):
        await bubble.run("true")


async def test_git_shows_the_worktrees_state_and_cannot_change_it(bubble: Place, tmp_path: Path) -> None:
    theirs = TheirRepository(tmp_path / "theirs")
    theirs.commit({"a.txt": "a\n"}, "Begin")
    ours = opened(tmp_path / "data", theirs.path, tmp_path)
    tree = ours.start("task-1")
    bubble.room = Room(tree.path, bubble.room.home, git_dir=ours.bare.dir)
    done = await bubble.run("echo b > b.txt; git status --short; git log --format=%s; git add b.txt")
    assert done.output.startswith("?? b.txt\nBegin\n")
    assert "Read-only file system" in done.output
    assert done.exit_code == 128
    ours.commit("task-1", step())
    assert [one.path for one in ours.changes("task-1").files] == ["b.txt"]
    ours.close()


async def test_twelve_commands_at_once_do_not_disturb_each_other(place: Place) -> None:
    done = await asyncio.gather(*(place.run(f"sleep 0.2; echo {number}; exit {number}") for number in range(12)))
    assert [(one.exit_code, one.output) for one in done] == [(number, f"{number}\n") for number in range(12)]


# Without a sandbox.


async def test_none_bounds_and_ends_what_does_not_resist(tmp_path: Path) -> None:
    place = Place(await choose("none"), tmp_path)
    sleeping = f"sleep {uuid4().int % 10**9}"
    done = await place.run(f"setsid {sleeping} & echo $HOME; sleep 60", replace(SMALL, timeout_s=0.5))
    assert (done.ended, done.output, done.sandbox) == ("timeout", f"{place.room.home}\n", "none")
    assert subprocess.run(["pgrep", "-f", sleeping], check=False, capture_output=True).returncode == 1
    assert (await place.run("head -c 100000000 /dev/zero > big; echo $?")).output != "0\n"


# Which one.


async def test_auto_takes_bubblewrap_where_it_works(namespaces: None) -> None:
    assert (await choose("auto")).kind == "bubblewrap"


async def without_namespaces(code: str) -> str:
    """Runs the code where no namespaces can be had, as in a container with Docker's defaults."""
    program = bubblewrap.program()
    assert program is not None
    outer = [str(program), "--unshare-user", "--disable-userns", "--dev-bind", "/", "/", "--proc", "/proc", "--"]
    done = await asyncio.create_subprocess_exec(
        *outer,
        sys.executable,
        "-c",
        f"import asyncio\nfrom vapora.sandbox.choice import *\n{code}",
        stdout=subprocess.PIPE,
    )
    out, _ = await done.communicate()
    return out.decode()


async def test_without_namespaces_auto_takes_sandlock(namespaces: None) -> None:
    require("sandlock")
    told = await without_namespaces(
        "print(asyncio.run(choose('auto')).kind)\nprint(asyncio.run(probe('bubblewrap')).problem)"
    )
    chosen, problem = told.splitlines()[:2]
    assert chosen == "sandlock"
    assert "bubblewrap does not work here" in problem


async def test_nothing_runs_unsandboxed_by_itself(namespaces: None) -> None:
    told = await without_namespaces(
        "try: asyncio.run(choose('bubblewrap'))\nexcept Exception as e: print(type(e).__name__, e.remedy)"
    )
    assert told.startswith("SandboxUnavailableError")
    assert "user namespaces" in told
    assert "VAPORA_SANDBOX=none" in told


async def test_a_probe_of_none_says_that_it_works() -> None:
    assert (await probe("none")).problem is None


# Output.


def test_head_and_tail_keep_both_ends() -> None:
    kept = HeadAndTail(10)
    for number in range(1_000):
        kept.add(f"{number:03}".encode())
    assert kept.text() == "00000\n[… 2,990 bytes left out …]\n98999"
    assert (kept.total, kept.truncated) == (3_000, True)


@pytest.mark.parametrize("pieces", [[b"0123456789"], [b"01234", b"56789"], [b"0", b"123456789"], [b"012345678", b"9"]])
def test_what_fits_is_kept_whole_however_it_comes(pieces: list[bytes]) -> None:
    kept = HeadAndTail(10)
    for piece in pieces:
        kept.add(piece)
    assert (kept.text(), kept.truncated) == ("0123456789", False)
