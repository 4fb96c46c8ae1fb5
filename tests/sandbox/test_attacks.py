"""What a command may try, and does not get."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from tests.sandbox.conftest import SMALL, Place
from vapora.sandbox.values import MIB


@contextmanager
def listener(kind: socket.SocketKind) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, kind) as server:
        server.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            server.listen()
        server.setblocking(False)
        yield server


def processes_with(text: str) -> list[int]:
    found = []
    for one in Path("/proc").iterdir():
        if one.name.isdigit() and int(one.name) != os.getpid():
            try:
                if text.encode() in (one / "cmdline").read_bytes():
                    found.append(int(one.name))
            except OSError:
                continue
    return found


# Network.


async def test_no_connection_by_tcp(place: Place) -> None:
    with listener(socket.SOCK_STREAM) as server:
        done = await place.python(f"import socket; socket.create_connection({server.getsockname()}, 3); print('in')")
        assert done.exit_code != 0
        assert "in\n" not in done.output
        with pytest.raises(BlockingIOError):
            server.accept()


async def test_no_datagram_by_udp_and_so_no_dns(place: Place) -> None:
    with listener(socket.SOCK_DGRAM) as server:
        code = f"import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', {server.getsockname()})"
        await place.python(code)
        with pytest.raises(BlockingIOError):
            server.recv(10)
    done = await place.python("import socket; print(socket.getaddrinfo('example.com', 80))")
    assert "gaierror" in done.output


async def test_sockets_of_this_machine_are_out_of_reach(place: Place) -> None:
    """In a folder and, where there are namespaces, without one: the session bus or a container engine's door."""
    path = place.secret.parent / "socket"
    abstract = f"\0vapora-{uuid4().hex}"
    for name in (str(path), abstract):
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(name)
            server.listen()
            server.setblocking(False)
            done = await place.python(f"import socket; socket.socket(socket.AF_UNIX).connect({name!r}); print('in')")
            assert "in\n" not in done.output, name
            with pytest.raises(BlockingIOError):
                server.accept()


async def test_set_up_alone_has_a_network(place: Place) -> None:
    with listener(socket.SOCK_STREAM) as server:
        code = f"import socket; socket.create_connection({server.getsockname()}, 3); print('in')"
        done = await place.python(code, network=True)
        assert done.output == "in\n"


# Secrets and other processes.


async def test_no_environment_shows_a_secret(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "secret-text")
    waiting = subprocess.Popen(["sleep", "60"])  # with the secret in its environment
    try:
        done = await place.run(f"env; cat /proc/1/environ /proc/{waiting.pid}/environ; cat /proc/[0-9]*/environ")
    finally:
        waiting.kill()
        waiting.wait()
    assert "PATH=" in done.output
    assert "secret-text" not in done.output


async def test_its_environment_is_these_variables_alone(place: Place) -> None:
    done = await place.run("env | cut -d= -f1 | sort | tr '\\n' ' '")
    told = set(done.output.split()) - {"PWD", "SHLVL", "OLDPWD", "_", "TMPDIR"}
    assert told == {"GIT_OPTIONAL_LOCKS", "HOME", "LANG", "NO_COLOR", "PATH", "TERM", "VAPORA_COMMAND"}


async def test_other_processes_cannot_be_ended(place: Place) -> None:
    waiting = subprocess.Popen(["sleep", "60"])
    try:
        await place.run(f"kill -9 {waiting.pid} {os.getpid()} $PPID; kill -9 -1")
        assert waiting.poll() is None
    finally:
        waiting.kill()
        waiting.wait()


async def test_other_processes_do_not_exist(bubble: Place) -> None:
    done = await bubble.run("ls -d /proc/[0-9]* | wc -l")
    assert int(done.output) < 8


async def test_it_has_no_capability_and_gets_no_namespace_of_its_own(bubble: Place) -> None:
    done = await bubble.run("grep CapEff /proc/self/status; unshare --user echo got-one")
    assert "CapEff:\t0000000000000000" in done.output
    assert "got-one" not in done.output


# Files.


async def test_nothing_outside_can_be_read(place: Place) -> None:
    (place.room.worktree / "link").symlink_to(place.secret)
    (place.room.worktree / "folder").symlink_to(place.secret.parent)
    for path in (place.secret, "link", "folder/secret", "../beside/secret", "/etc/shadow", Path.home() / ".ssh/id_rsa"):
        done = await place.run(("cat", str(path)))
        assert done.exit_code == 1, path
        assert "secret-text" not in done.output


async def test_nothing_outside_can_be_written(place: Place) -> None:
    (place.room.worktree / "link").symlink_to(place.secret)
    (place.room.worktree / "new").symlink_to(place.secret.parent / "made")
    panic = Path("/proc/sys/kernel/panic").read_text().strip()
    outside = (
        *(str(place.secret), "link", "new", "../beside/made", "/made", "/usr/made", "/etc/made", "/dev/made"),
        *(f"{sys.base_prefix}/made", "/etc/passwd"),
    )
    for path in outside:
        await place.run(f"echo changed > '{path}'")
    # The value that it has: were it taken, nothing would happen to this machine.
    done = await place.run(f"echo {panic} > /proc/sys/kernel/panic && echo taken")
    assert "taken" not in done.output
    assert place.secret.read_text() == "secret-text"
    assert "changed" not in Path("/etc/passwd").read_text()
    for made in (place.secret.parent / "made", Path("/made"), Path("/usr/made"), Path(sys.base_prefix) / "made"):
        assert not made.exists()
    done = await place.run('echo in > ./inside && echo home > "$HOME/inside" && cat inside "$HOME/inside"')
    assert done.output == "in\nhome\n"


async def test_a_file_outside_cannot_be_linked_in(place: Place) -> None:
    await place.run(f"ln '{place.secret}' linked; cat linked")
    assert not (place.room.worktree / "linked").exists()


async def test_git_cannot_be_pointed_elsewhere(place: Place) -> None:
    git = place.folder / "repo.git"
    git.mkdir()
    (git / "config").write_text("theirs")
    (place.room.worktree / ".git").write_text("gitdir: ours")
    place.room = replace(place.room, git_dir=git)
    await place.run(
        f"echo x > .git; rm -f .git; mv .git away; ln -sf /tmp .git; echo x > {git}/config; touch {git}/h; rm {git}/*"
    )
    assert (place.room.worktree / ".git").read_text() == "gitdir: ours"
    assert [one.name for one in git.iterdir()] == ["config"]
    assert (git / "config").read_text() == "theirs"


# Too much of something.


async def test_one_process_gets_no_more_memory_than_it_may(place: Place) -> None:
    # Asked for and not touched, so that no watcher could see it.
    code = "import mmap; x = mmap.mmap(-1, 1500 * 2**20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS); print('got')"
    done = await place.python(code)
    assert done.exit_code not in (0, None)
    assert "got" not in done.output


async def test_many_processes_get_no_more_memory_together(place: Place) -> None:
    code = (
        "import os, time\n"
        "for _ in range(5):\n"
        "    if os.fork() == 0:\n"
        "        x = b'x' * (200 * 2**20); open(f'got{os.getpid()}', 'w'); time.sleep(60)\n"
        "time.sleep(60)\n"
    )
    done = await place.python(code, replace(SMALL, timeout_s=5))
    # Either all of it is ended, or those that would have been too much got nothing.
    assert done.ended == "memory" or len(list(place.room.worktree.glob("got*"))) < 3


async def test_memory_disks_are_small(bubble: Place) -> None:
    fill = "for i in 1 2 3 4 5 6; do head -c 10000000 /dev/zero > {}/f$i || exit 7; done"
    for folder in ("/tmp", "/dev/shm", "/var/tmp"):
        assert (await bubble.run(fill.format(folder))).exit_code == 7, folder
    for folder in ("/", "/run", "/etc", "/dev", "/var"):
        assert (await bubble.run(f"touch {folder}/x")).exit_code == 1, folder


async def test_a_file_does_not_grow_beyond_its_bound(place: Place) -> None:
    await place.run("head -c 100000000 /dev/zero > big; head -c 100000000 /dev/zero > $HOME/big")
    for folder in (place.room.worktree, place.room.home):
        assert (folder / "big").stat().st_size <= SMALL.file_bytes


async def test_many_files_fill_no_disk(place: Place) -> None:
    done = await place.run("i=0; while :; do i=$((i+1)); head -c 9000000 /dev/zero > f$i; done")
    assert done.ended == "disk"


async def test_a_disk_that_is_nearly_full_is_left_alone(place: Place) -> None:
    limits = replace(SMALL, disk_bytes=10**15, least_free_bytes=10**15)
    done = await place.run("i=0; while :; do i=$((i+1)); head -c 9000000 /dev/zero > f$i; done", limits)
    assert done.ended == "disk"


@pytest.mark.parametrize("bomb", ["f() { f | f & }; f; sleep 50", "while :; do setsid sleep 61 & done"])
async def test_a_fork_bomb_ends_and_leaves_nothing(bomb: str, place: Place) -> None:
    mark = uuid4().hex
    limits = replace(SMALL, timeout_s=5)
    done = await place.run(("/bin/sh", "-c", bomb, mark), limits)
    # sandlock refuses the forks, and the bomb ends of that in its own way.
    assert done.sandbox == "sandlock" or done.ended in ("processes", "timeout", "output")
    assert not processes_with(mark)
    assert not processes_with("sleep\x0061")


async def test_output_without_end_is_ended_and_kept_small(place: Place) -> None:
    done = await place.run("echo first; yes", replace(SMALL, most_output_bytes=3 * MIB))
    assert done.ended == "output"
    assert done.truncated
    assert done.output.startswith("first\n")
    assert len(done.output) < SMALL.output_bytes + 100
    assert done.output_bytes > 3 * MIB


# The end.


@pytest.mark.parametrize(
    "detach",
    ["setsid {} >/dev/null 2>&1 &", "env -i setsid sh -c 'trap \"\" TERM HUP; exec >&- 2>&-; {}' &", "nohup {} &"],
)
@pytest.mark.parametrize("ending", ["true", "sleep 60"])
async def test_a_detached_grandchild_ends_with_the_command(detach: str, ending: str, place: Place) -> None:
    seconds = f"{uuid4().int % 10**9}"
    line = detach.format(f"sleep {seconds}") + f" sleep 0.2; {ending}"
    done = await place.run(line, replace(SMALL, timeout_s=2))
    assert done.ended == (None if ending == "true" else "timeout")
    assert not processes_with(f"sleep\0{seconds}")


async def test_a_command_that_ignores_all_signals_ends_in_time(place: Place) -> None:
    done = await place.run("trap '' TERM INT HUP QUIT; while :; do sleep 1; done", replace(SMALL, timeout_s=1))
    assert done.ended == "timeout"
    assert 1_000 <= done.duration_ms < 15_000


async def test_cancelling_ends_the_command(place: Place) -> None:
    mark = uuid4().hex
    running = asyncio.create_task(place.run(f"touch begun; sleep 60; echo {mark}"))
    while not (place.room.worktree / "begun").exists():
        await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not processes_with(mark)


async def test_cancelling_at_any_moment_leaves_nothing(place: Place) -> None:
    mark = uuid4().hex
    for turns in range(12):
        running = asyncio.create_task(place.run(f"sleep 60; echo {mark}"))
        for _ in range(turns):
            await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert not processes_with(mark)


async def test_a_killed_server_leaves_no_command(bubble: Place) -> None:
    """The server's process itself is killed, and so can end nothing any more."""
    mark = uuid4().hex
    code = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from vapora.sandbox.choice import choose\n"
        "from vapora.sandbox.values import *\n"
        "async def main():\n"
        "    room = Room(Path(sys.argv[1]), Path(sys.argv[2]))\n"
        f"    await (await choose('bubblewrap')).run(room, Command('touch begun; sleep 60; echo {mark}'), Limits())\n"
        "asyncio.run(main())\n"
    )
    server = subprocess.Popen([sys.executable, "-c", code, bubble.room.worktree, bubble.room.home])
    while not (bubble.room.worktree / "begun").exists():
        assert server.poll() is None
        await asyncio.sleep(0.01)
    server.send_signal(signal.SIGKILL)
    server.wait()
    while processes_with(f"echo {mark}"):
        await asyncio.sleep(0.01)
