"""Whether a command that reads the log asks a server, or the data itself."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from vapora.cli.offline import has_log, settings_for
from vapora.cli.output import say
from vapora.cli.remote import connect

Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        help="Read this data folder's log instead of asking the server. So does VAPORA_DATA where VAPORA_URL names no "
        "server; and where nobody answers, the data folder is read if it has a log.",
    ),
]


def data_to_read(data: Path | None, workspace: str) -> Path | None:
    """The data folder to read; None: ask the server. What is named counts; a server's log and its folder's are one."""
    named = os.environ.get("VAPORA_DATA")
    if data is not None:
        return data
    if named and not os.environ.get("VAPORA_URL"):
        return Path(named)
    from vapora.sdk import ApiError, NoServerError

    with connect(workspace) as client:
        try:
            client.health()
        except ApiError:
            return None
        except NoServerError:
            settings = settings_for(None)
            if not has_log(settings, workspace):
                return None
            say(f"Nobody answers at {client.url}: this is from {settings.log_place(workspace)}.")
            return settings.data
    return None
