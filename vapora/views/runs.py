"""Runs in full, and what they left."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from vapora.views.work import View


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

    `duration_ms` stands when it has ended.
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
    reason: str
    summary: str
    artifacts: tuple[ArtifactSummary, ...]
    simulated: bool
    position: int
