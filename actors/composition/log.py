"""The log writer of a workspace, or of the people."""

from __future__ import annotations

from pathlib import Path

from actors.composition.refusals import require_shared, seal
from actors.composition.wiring import Wiring
from actors.log_writer import LogWriter
from actors.log_writer.checkpoint_signer import CheckpointSigner
from actors.runtime import cluster
from actors.runtime.base import Address
from events.ids import is_workspace
from vapora.clock import now
from vapora.errors import VaporaError
from vapora.log.event_log import EventLog
from vapora.log.leases import LogLease
from vapora.log.places import open_log
from vapora.log.proof import CheckpointBook, SigningKey, carry_over


def build_log_writer(wiring: Wiring, address: Address) -> LogWriter:
    settings, workspace = wiring.settings, address.workspace

    def open_book() -> CheckpointBook:
        where = settings.checkpoints(workspace)
        if not isinstance(where, Path):
            carry_over(settings.checkpoint_file(workspace), where)
        return CheckpointBook(where, workspace, SigningKey.open(settings.audit_key_file))

    signer = CheckpointSigner(
        open_book, now, events=settings.checkpoint_events, interval_s=settings.checkpoint_interval_s
    )

    async def started() -> None:
        await wiring.runtime.ref(Address("supervisor")).woken(workspace)

    lease = LogLease(wiring.leases, workspace)
    found: VaporaError | None = None

    def open_it() -> EventLog:
        nonlocal found
        # Both are in the one record, which is asked for once.
        found = seal(settings, workspace)
        # Asked each time: Ray may have started the writer again on a node that came later.
        require_shared(settings, cluster.count_nodes())
        return open_log(settings.log_place(workspace), workspace, now)

    return LogWriter(
        lambda: lease.open(open_it),
        signer=signer,
        closed=lease.give_back,
        sealed=lambda: found,
        # What is no workspace has no cell around its log.
        started=started if is_workspace(workspace) else None,
    )
