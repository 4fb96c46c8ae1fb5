"""What actors save of their folds between two starts, and where."""

from __future__ import annotations

from copy import deepcopy
from functools import partial

from vapora.domain import documentation_due, landings, ledger_data, offers
from vapora.domain.documentation_due import DocumentationDue
from vapora.domain.landings import Landings, LandingsData
from vapora.domain.learning import DEFAULTS
from vapora.domain.ledger import Ledger
from vapora.domain.ledger_data import LedgerData
from vapora.domain.offers import OffersData, OpenOffers
from vapora.domain.swarm import data as swarm_data
from vapora.domain.swarm.data import SwarmData
from vapora.domain.swarm.state import Swarm
from vapora.domain.workflow import live_runs
from vapora.domain.workflow.live_runs import LiveData, LiveRuns
from vapora.log.folds import EVERY, SavedFold, SnapshotStore
from vapora.objects import Where
from vapora.observability import spans
from vapora.observability.spans import LogSpans


def saved_ledger(where: Where, every: int = EVERY) -> SavedFold[Ledger]:
    store = SnapshotStore(where, "ledger", f"ledger-{ledger_data.FOLD_VERSION}", LedgerData)
    return SavedFold(store, ledger_data.to_data, ledger_data.from_data, every)


def saved_swarm(where: Where, every: int = EVERY) -> SavedFold[Swarm]:
    # How much of a history is kept is decided as it is folded.
    fold = f"swarm-{swarm_data.FOLD_VERSION}-{DEFAULTS.cap}"
    return SavedFold(SnapshotStore(where, "swarm", fold, SwarmData), swarm_data.to_data, swarm_data.from_data, every)


def saved_offers(where: Where, workspace: str, every: int = EVERY) -> SavedFold[OpenOffers]:
    """What is on offer: saved by the relay, and read by the coordinator's consumer as well."""
    store = SnapshotStore(where, "offers", f"offers-{offers.FOLD_VERSION}", OffersData)
    return SavedFold(store, OpenOffers.data, partial(OpenOffers, workspace), every)


def saved_documentation(where: Where, every: int = EVERY) -> SavedFold[DocumentationDue]:
    fold = f"documentation-{documentation_due.FOLD_VERSION}"
    return SavedFold(SnapshotStore(where, "documentation", fold, DocumentationDue), deepcopy, deepcopy, every)


def saved_landings(where: Where, every: int = EVERY) -> SavedFold[Landings]:
    store = SnapshotStore(where, "landings", f"landings-{landings.FOLD_VERSION}", LandingsData)
    return SavedFold(store, Landings.data, Landings, every)


def saved_workflow_runs(where: Where, every: int = EVERY) -> SavedFold[LiveRuns]:
    """Which runs of workflows are under way."""
    store = SnapshotStore(where, "workflow-runs", f"workflow-runs-{live_runs.FOLD_VERSION}", LiveData)
    return SavedFold(store, live_runs.to_data, live_runs.from_data, every)


def saved_spans(where: Where, ratio: float, every: int = 1) -> SavedFold[LogSpans]:
    """Up to where the log's spans were sent, and which have begun and not ended."""
    store = SnapshotStore(where, "spans", f"spans-{spans.FOLD_VERSION}", spans.State)
    return SavedFold(store, lambda fold: deepcopy(fold.state), partial(LogSpans, ratio), every)
