"""What a run did, step by step."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, JsonValue

from vapora.views.base import Stored, View

StepKind = Literal["setup", "model", "tool", "check", "review", "worker", "value"]
StepState = Literal["running", "done", "failed", "cancelled"]
# Both are JSON objects: one with exactly the fields of `Stored` is that.
Arguments = Annotated[Stored | dict[str, JsonValue] | None, Field(union_mode="left_to_right")]


class Step(View):
    """One thing that a run did or is doing. `id` stands for it within the run, also once it has ended.

    `step` is the number of the model's answer that it belongs to, from 0; -1: before the first. In a run by code each
    thing that the code asks for has a number of its own. `name` is the model (`provider/model`), the tool, the check,
    or `setup`; of a `value` that code took from outside, its name. `server`: which server of tools took the call.
    `line` says in one line what it is, for a list. `result` is the answer's text, what the tool gave, or the output of
    a command. `cost_microusd`: of the answer, or of the call of a server's tool. `commit`: the branch's newest after
    it. `cursor`: its place among the steps, two numbers; the list is sorted by them, and what comes after it is the
    page after it.
    """

    id: str
    run_id: str
    task_id: str
    step: int
    kind: StepKind
    state: StepState
    name: str
    server: str | None = None
    line: str
    arguments: Arguments = None
    result: str | Stored | None = None
    truncated: bool = False
    exit_code: int | None = None
    error: str | None = None
    started_at: datetime
    duration_ms: int | None = None
    cost_microusd: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    commit: str | None = None
    sandbox: str | None = None
    simulated: bool = False
    cursor: str = ""
    position: int
