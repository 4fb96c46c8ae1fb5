"""Workflows, their runs, and what people are asked."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field, JsonValue

from vapora.views.base import View

WorkflowSource = Literal["shipped", "api", "file", "repository", "package"]
WorkflowRunState = Literal["draft", "active", "waiting-approval", "completed", "failed", "cancelled", "paused"]
StageState = Literal["pending", "running", "waiting-approval", "completed", "failed", "skipped", "undoing", "undone"]
ApprovalState = Literal["open", "approved", "rejected", "expired", "outdated", "ended"]


class WorkflowFault(View):
    """`place`: as `stages.build.needs`; empty: the whole text."""

    place: str
    message: str


class WorkflowChecked(View):
    """`faults`: every one, empty where the definition can be stored. `definition`: as it would be stored."""

    faults: tuple[WorkflowFault, ...]
    definition: dict[str, JsonValue] | None = None


class WorkflowSummary(View):
    """`version` counts from 1; 0: as it ships, or nothing yet, where its file has a fault. `problem`: what is wrong
    with the file that it was read from; the version before goes on being used."""

    id: str
    name: str
    description: str
    version: int
    source: WorkflowSource
    file: str = ""
    package: str = ""
    problem: str = ""
    trigger: JsonValue
    stages: tuple[str, ...]
    updated_at: datetime | None = None
    position: int = 0


class WorkflowView(WorkflowSummary):
    definition: dict[str, JsonValue]


class WorkflowRunMade(View):
    id: str
    position: int


class ArtifactRef(View):
    """What a stage leaves behind, by reference: the card, the run that made it, and the commit it ends with."""

    name: str
    kind: Literal["adr", "code", "test-results", "review", "documentation", "text"] = "text"
    task_id: str
    run_id: str | None = None
    head: str | None = None


class StageTask(View):
    """A card of a stage. `state`: the card's own."""

    task_id: str
    role: str | None
    slot: int
    attempt: int
    purpose: Literal["work", "undo"]
    title: str = ""
    state: str = ""
    outcome: Literal["done", "failed", "archived"] | None = None
    assigned_agent: str | None = None
    cost_microusd: int = 0


class StageView(View):
    """`roles`: one for each card; empty: it only asks for an approval. `blocked_by`: the stages that it waits for.
    `duration_s`: until now while it runs. `critical`: whether the run would have been shorter had it been."""

    name: str
    state: StageState
    outcome: str = ""
    reason: str = ""
    needs: tuple[str, ...]
    blocked_by: tuple[str, ...] = ()
    roles: tuple[str, ...]
    parallel: bool
    tasks: tuple[StageTask, ...] = ()
    outputs: tuple[ArtifactRef, ...] = ()
    approval_id: str | None = None
    retry_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    duration_s: float | None = None
    cost_microusd: int = 0
    critical: bool = False


class WorkflowRunSummary(View):
    """`ending`: it is being undone, and will be failed or cancelled. `stages`: their states by name, in the order of
    the definition. `approvals`: open ones."""

    id: str
    workflow_id: str
    name: str
    version: int
    project_id: str | None
    state: WorkflowRunState
    ending: Literal["failed", "cancelled"] | None = None
    reason: str = ""
    stages: dict[str, StageState]
    approvals: tuple[str, ...] = ()
    schedule_id: str | None = None
    started_by: str
    correlation: str
    started_at: datetime
    ended_at: datetime | None = None
    position: int


class WorkflowRunView(View):
    """A run whole. `critical_path`: the stages, each after the one before, that it took as long as; `duration_s`: until
    now while it runs. `agents`: how many different ones worked on it."""

    id: str
    workflow_id: str
    name: str
    version: int
    project_id: str | None
    state: WorkflowRunState
    ending: Literal["failed", "cancelled"] | None = None
    reason: str = ""
    stages: tuple[StageView, ...]
    approvals: tuple[str, ...] = ()
    inputs: dict[str, JsonValue]
    definition: dict[str, JsonValue]
    schedule_id: str | None = None
    started_by: str
    correlation: str
    started_at: datetime
    ended_at: datetime | None = None
    duration_s: float
    critical_path: tuple[str, ...]
    critical_path_s: float
    cost_microusd: int
    budget_microusd: int | None = None
    agents: int = 0
    simulated: bool = False
    position: int


class Deciders(View):
    """Who may decide; nobody named: whoever may review work in the workspace."""

    roles: tuple[str, ...] = ()
    people: tuple[str, ...] = ()


class ApprovalView(View):
    """`seen`: the digest of `shown`; a decision names it. `expires_at`: when the time is over; null: never."""

    id: str
    workflow_run_id: str
    workflow_id: str
    workflow: str
    stage: str
    title: str
    seen: str
    shown: dict[str, JsonValue]
    who: Deciders
    state: ApprovalState
    escalated: bool = False
    requested_at: datetime
    expires_at: datetime | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None
    comment: str = ""
    position: int


class ApprovalDecided(View):
    id: str
    decision: Literal["approve", "reject"]
    position: int = Field(ge=1)
