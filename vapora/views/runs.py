"""Runs in full, and what they left."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from events.ids import ChecksVerdict
from events.run import RunFork, Verdict
from events.work import RunLimits
from vapora.views.base import Stored, View


class ArtifactSummary(View):
    """`size`: in bytes of UTF-8. `digest`: the text's SHA-256, where it is too large to stand in the log."""

    name: str
    kind: str
    size: int
    digest: str | None


class Artifact(ArtifactSummary):
    """`text`: None where it is large; `GET /runs/{id}/artifacts/{name}` has it then, as it has every other."""

    text: str | None


class Execution(View):
    """A run in full. Each usable answer ends one of `steps`; `calls` counts the others too.

    `duration_ms` stands when it has ended. A run with `branch` works in a repository with `tools`, until it says that
    it is done or reaches one of its `limits`: it has no `steps` that are fixed. `head` is the branch's newest commit.
    `purpose` review: it judges the commit `head` of another run, and `review` is what it decided. `forked_from`: the
    step of an earlier run where it begins. `model`: the one that a person chose; `models`: those that
    answered, as provider/model. `tools_used`: how many calls.
    """

    run_id: str
    task_id: str
    project_id: str
    agent_id: str
    role: str
    task_type: str
    state: Literal["running", "waiting", "succeeded", "failed", "cancelled"]
    started_at: datetime
    ended_at: datetime | None
    duration_ms: int | None
    steps: tuple[str, ...]
    steps_done: int
    calls: int
    cost_microusd: int
    tokens_in: int
    tokens_out: int
    providers: tuple[str, ...]
    models: tuple[str, ...] = ()
    reason: str
    summary: str
    artifacts: tuple[ArtifactSummary, ...]
    purpose: Literal["work", "review"] = "work"
    attempt: int = 1
    branch: str | None = None
    base: str | None = None
    head: str | None = None
    checks: ChecksVerdict | None = None
    conflicts: tuple[str, ...] = ()
    sandbox: str | None = None
    tools: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()
    limits: RunLimits | None = None
    tools_used: int = 0
    review: Verdict | None = None
    forked_from: RunFork | None = None
    model: str | None = None
    simulated: bool
    position: int


class RunBrief(View):
    """What the model was told first; None where the run began without it."""

    run_id: str
    system: str | Stored | None
    brief: str | Stored | None
