"""The command line for scripts that call it often: a process that has imported it forks for each call.

To import all of it takes a second of a processor or more; to fork, some milliseconds. What runs is the same program,
with the caller's arguments, environment, folder and open files.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

# It imports nothing but what it takes to hand over what it was given.
_CALLER = """#!{python} -SE
import json, os, socket, sys
line = socket.socket(socket.AF_UNIX)
line.connect({address!r})
asked = json.dumps([sys.argv, os.getcwd(), dict(os.environ)]).encode()
socket.send_fds(line, [len(asked).to_bytes(8, "big")], [0, 1, 2])
line.sendall(asked)
sys.exit(int(line.makefile().read() or 70))
"""


@contextmanager
def command(folder: Path) -> Iterator[Path]:
    """A folder for the PATH with a `vapora` in it, for as long as the block lasts."""
    address, programs = folder / "line", folder / "bin"
    programs.mkdir(parents=True)
    program = programs / "vapora"
    program.write_text(_CALLER.format(python=sys.executable, address=str(address)))
    program.chmod(0o755)
    server = subprocess.Popen([sys.executable, "-m", "tests.cli.forked", address], stdout=subprocess.PIPE)
    try:
        assert server.stdout is not None and server.stdout.readline() == b"ready\n"
        yield programs
    finally:
        server.kill()
        server.wait()


def serve(address: str) -> NoReturn:
    import vapora.cli.main  # noqa: F401 - this is what each call would spend its time with
    from vapora.__main__ import main

    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen()
        os.write(1, b"ready\n")
        while True:
            line, _ = listening.accept()
            length, files, _, _ = socket.recv_fds(line, 8, 3)
            asked = line.recv(int.from_bytes(length, "big"), socket.MSG_WAITALL)
            child = os.fork()
            if child == 0:
                listening.close()
                for number, file in enumerate(files):
                    os.dup2(file, number)
                    os.close(file)
                sys.argv, folder, environ = json.loads(asked)
                os.chdir(folder)
                os.environ.clear()
                os.environ.update(environ)
                code = _code_of(main)
                _let_it_be_read()
                _tell(line, code)
            for file in files:
                os.close(file)
            line.close()
            # A script asks one after the other: nobody waits behind this one.
            os.waitpid(child, 0)


def _code_of(main: object) -> int:
    try:
        assert callable(main)
        main()
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def _let_it_be_read() -> None:
    """A person who types the next command finds what this one wrote, since they need a second; a script does not."""
    from tests.waiting import caught_up
    from vapora.cli.remote import connect
    from vapora.errors import VaporaError

    # Where no server is, or none that knows who asks, nothing was written to one.
    with suppress(VaporaError), connect() as client:
        caught_up(client)


def _tell(line: socket.socket, code: int) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.flush()
    line.sendall(str(code).encode())
    os._exit(0)


if __name__ == "__main__":
    serve(sys.argv[1])
