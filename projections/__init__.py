"""What we know: read models folded from the log. Reads are functions of the module that they belong to."""

from projections.audit import Audit
from projections.base import Projection, PublicView, Reader, Rows, Table
from projections.board import Board
from projections.budgets import Budgets
from projections.costs import Costs
from projections.decisions import Decisions
from projections.log_index import LogIndex
from projections.memory import MemoryRows
from projections.profiles import Profiles
from projections.projects import Projects
from projections.providers import Providers
from projections.rebuild import Rebuild
from projections.registry import Registry
from projections.runner import Runner
from projections.runs import Runs
from projections.store import ReadStore, StoreReader

__all__ = [
    "MemoryRows",
    "Projection",
    "PublicView",
    "ReadStore",
    "Reader",
    "Rebuild",
    "Rows",
    "Runner",
    "StoreReader",
    "Table",
    "all_projections",
]


def all_projections() -> tuple[Projection, ...]:
    """Those of a workspace, in the order in which their rows stand in a frame."""
    return (
        Board(),
        Projects(),
        Registry(),
        Runs(),
        Budgets(),
        Profiles(),
        Costs(),
        Decisions(),
        Providers(),
        Audit(),
        LogIndex(),
    )
