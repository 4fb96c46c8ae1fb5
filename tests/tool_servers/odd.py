"""The odd server, as a definition of it or as a session with it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from vapora.commands import SetToolServer

PROGRAM = Path(__file__).with_name("odd_server.py")
# What a Python of ours needs to see in the sandbox.
PYTHON = tuple(dict.fromkeys(str(Path(one).resolve()) for one in (sys.prefix, sys.base_prefix)))


def odd(*, transport: dict[str, Any] | None = None, **fields: Any) -> SetToolServer:
    given = {
        "kind": "stdio",
        "command": [sys.executable, str(PROGRAM)],
        "read": [*PYTHON, str(PROGRAM.parent)],
    }
    return SetToolServer.model_validate({"transport": given | (transport or {}), "roles": ["developer"], **fields})
