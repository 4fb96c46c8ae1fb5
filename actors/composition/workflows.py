"""The workflow engine."""

from __future__ import annotations

from actors.composition.wiring import Wiring
from actors.runtime.base import Address
from actors.snapshots import saved_documentation, saved_workflow_runs
from actors.workflow_engine import (
    Documenting,
    RepositoryWorkflows,
    Scheduler,
    SharedBudget,
    Together,
    WorkflowEngine,
    WorkflowFiles,
)
from vapora.clock import now
from vapora.dispatch import Dispatcher
from vapora.dispatch.workflows import WorkflowCommands


def build_workflows(wiring: Wiring, address: Address) -> WorkflowEngine:
    settings, workspace = wiring.settings, address.workspace
    log = wiring.log(workspace)
    dispatcher = Dispatcher(log, now, settings.stream_snapshots(workspace))
    commands = WorkflowCommands(log, now)
    repositories = wiring.runtime.ref(Address("repositories", workspace))
    documenting = Documenting(
        dispatcher,
        log,
        workspace,
        repositories,
        wiring.blobs(workspace),
        saved_documentation(settings.snapshots(workspace)),
    )
    return WorkflowEngine(
        log,
        workspace,
        now,
        dispatcher=dispatcher,
        scheduler=Together(Scheduler(dispatcher, workspace), documenting),
        limits=SharedBudget(wiring.runtime.ref(Address("budget", workspace))),
        saved=saved_workflow_runs(settings.snapshots(workspace)),
        files=(
            WorkflowFiles(settings.workflow_folder(workspace), log, commands, workspace),
            RepositoryWorkflows(repositories, log, commands, workspace),
        ),
    )
