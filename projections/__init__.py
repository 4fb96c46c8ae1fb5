"""What we know: read models folded from the log. Reads are functions of the module that they belong to."""

from projections.attachments import Attachments
from projections.attempts import Attempts
from projections.audit import Audit
from projections.board import Board
from projections.budgets import Budgets
from projections.channels import Channels
from projections.comments import Comments
from projections.costs import Costs
from projections.decisions import Decisions
from projections.documents import Documents
from projections.engine.base import Projection, PublicView, Reader, Rows, Table
from projections.engine.memory import MemoryRows
from projections.engine.rebuild import Rebuild
from projections.engine.runner import Runner
from projections.engine.store import ReadStore, StoreReader
from projections.flow import Flow
from projections.knowledge import Knowledge
from projections.log_index import LogIndex
from projections.packages import Packages
from projections.plans import Plans
from projections.profiles import Profiles
from projections.projects import Projects
from projections.providers import Providers
from projections.registry import Registry
from projections.runs import Runs
from projections.schedules import Schedules
from projections.secrets import Secrets
from projections.settings import Settings
from projections.steps import Steps
from projections.trackers import Trackers
from projections.webhooks import Webhooks
from projections.workflows import Workflows

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
    "people_projections",
]


def people_projections() -> tuple[Projection, ...]:
    """Those of the people log, which is no workspace."""
    return Audit(), LogIndex()


def all_projections() -> tuple[Projection, ...]:
    """Those of a workspace, in the order in which their rows stand in a frame."""
    return (
        Board(),
        Projects(),
        Registry(),
        Runs(),
        Steps(),
        Comments(),
        Attachments(),
        Attempts(),
        Budgets(),
        Profiles(),
        Costs(),
        Decisions(),
        Documents(),
        Flow(),
        Knowledge(),
        Plans(),
        Providers(),
        Settings(),
        Webhooks(),
        Workflows(),
        Schedules(),
        Channels(),
        Trackers(),
        Secrets(),
        Packages(),
        Audit(),
        LogIndex(),
    )
