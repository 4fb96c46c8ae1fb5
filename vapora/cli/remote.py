"""The server that commands speak to, as the environment names it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vapora.sdk import Client


def connect(workspace: str | None = None) -> Client:
    """A client for `VAPORA_URL`, with `VAPORA_TOKEN`, in this workspace or that of `VAPORA_WORKSPACE`. Raises
    `ConfigurationError` where the first is no address, or one of them is misspelt."""
    # httpx takes 0.2 s to import, which `vapora --help` need not spend.
    from vapora.sdk import DEFAULT_URL, Client
    from vapora.startup import names, preflight

    names.check_environment(os.environ)
    url = os.environ.get("VAPORA_URL", "").strip()
    preflight.check_address("VAPORA_URL", url)
    return Client(
        url or DEFAULT_URL,
        token=os.environ.get("VAPORA_TOKEN") or None,
        workspace=workspace or os.environ.get("VAPORA_WORKSPACE") or "default",
    )
