"""Processes that run the command `vapora` and need not import it: they are forked from one that has done so.

An import takes seconds of a core, and nearly every test of this room has a server of its own.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import TextIO

_CONTEXT = multiprocessing.get_context("forkserver")
_IMPORTED = (
    "vapora.cli.main",
    "vapora.platform",
    "vapora.serve",
    "vapora.api.app",
    "vapora.api.http_server",
    "httpx",
    __name__,
)
_CONTEXT.set_forkserver_preload([*_IMPORTED, "uvicorn.protocols.websockets.websockets_sansio_impl"])


class Command:
    """`vapora <arguments>` in a process of its own. `out`: what it prints, as text."""

    def __init__(self, arguments: list[str], environ: Mapping[str, str]) -> None:
        ours, theirs = _CONTEXT.Pipe(duplex=False)
        self.out: TextIO = os.fdopen(os.dup(ours.fileno()))
        ours.close()
        self._process = _CONTEXT.Process(target=_run, args=(arguments, dict(environ), theirs), daemon=True)
        self._process.start()
        theirs.close()

    def kill(self) -> None:
        self._process.kill()
        self._process.join()
        self.out.close()


def _run(arguments: list[str], environ: dict[str, str], out: Connection) -> None:
    from vapora.__main__ import main

    nowhere = os.open(os.devnull, os.O_RDWR)
    for place, file in enumerate((nowhere, out.fileno(), nowhere)):
        os.dup2(file, place)
    os.environ.clear()
    os.environ.update(environ)
    sys.argv = ["vapora", *arguments]
    main()
