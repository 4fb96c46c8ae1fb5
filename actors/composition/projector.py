"""The projector, and beside it the indexer and, with a collector of traces, the span follower."""

from __future__ import annotations

from actors.composition.refusals import require_not_deleted
from actors.composition.wiring import Wiring
from actors.indexer import Indexer
from actors.projector import Projector
from actors.runtime.base import Address
from actors.snapshots import saved_spans
from actors.span_follower import SpanFollower
from events.ids import PEOPLE
from projections import all_projections, people_projections
from projections.engine.store import ReadStore
from vapora import __version__
from vapora.llm.catalogue import installed
from vapora.search import IndexWriter


def build_projector(wiring: Wiring, address: Address) -> Projector:
    settings, workspace = wiring.settings, address.workspace

    def open_reads() -> ReadStore:
        require_not_deleted(settings, workspace)
        # Before its tables are looked at: other code than that of who serves it would build them anew.
        wiring.leases.require(workspace)
        return ReadStore(settings.read_place(workspace), guard=wiring.leases.guard(workspace))

    def open_index() -> IndexWriter:
        require_not_deleted(settings, workspace)
        return IndexWriter(settings.search_place(workspace), guard=wiring.leases.guard(workspace))

    log = wiring.log(workspace)
    if workspace == PEOPLE:
        return Projector(log, workspace, open_reads, people_projections())
    indexer = Indexer(
        log,
        workspace,
        open_index,
        wiring.blobs(workspace).text,
        repositories=wiring.runtime.ref(Address("repositories", workspace)),
        vectors=settings.search_vectors,
        router=wiring.runtime.ref(Address("router")),
        models=installed(settings).embedding,
    )
    spans = _span_follower(wiring, workspace)
    return Projector(log, workspace, open_reads, all_projections(), indexer=indexer, spans=spans)


def _span_follower(wiring: Wiring, workspace: str) -> SpanFollower | None:
    settings = wiring.settings
    if not settings.otlp_endpoint:
        return None
    # Who has no collector needs not spend the time to import it.
    from vapora.observability.otlp import SpanSender

    sender = SpanSender(settings.otlp_endpoint, settings.otlp_header_map, __version__)
    saved = saved_spans(settings.snapshot_folder(workspace), settings.trace_ratio)
    return SpanFollower(wiring.log(workspace), workspace, sender, saved, settings.trace_ratio)
