"""What a workspace leaves in NATS, taken away when it is deleted."""

from __future__ import annotations

from functools import partial

from vapora.queue.nats.link import do_once
from vapora.queue.nats.names import Names, remove_streams
from vapora.queue.nats.options import NatsOptions


def remove_workspace(options: NatsOptions, workspace: str) -> None:
    """Its streams with all that is in them. Blocks, outside of any event loop. Raises `UnavailableError`."""
    do_once(options, f"vapora removal {workspace}", partial(remove_streams, names=Names(workspace)))
