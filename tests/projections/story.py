"""Tells a log: events in their envelopes, one second and two positions apart, with the ids that the rules give."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from events import DomainEvent, Recorded, agent, budget, routing, run, task
from events.budget import Charge, Windows
from events.content import Content
from events.ids import Provider, Scope, Tier
from events.money import MicroUsd
from events.run import Tokens
from projections.engine.base import Projection
from projections.engine.memory import MemoryRows
from vapora.domain.ledger import windows

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
WORKSPACE = "default"


class Story:
    """Appends to `log`; the methods for runs and money take care of what has to go together."""

    def __init__(self, at: datetime = START) -> None:
        self.log: list[Recorded] = []
        self.at = at
        self._runs: dict[str, dict[str, Any]] = {}
        self._reserved: dict[tuple[str, int], budget.SpendReserved] = {}

    @property
    def position(self) -> int:
        return self.log[-1].position if self.log else 0

    def tell(self, *events: DomainEvent) -> Story:
        for event in events:
            self.at += timedelta(seconds=1)
            position = self.position + 2
            self.log.append(
                Recorded(position, "s", position, self.at, WORKSPACE, "somebody", "c", None, f"r{position}", event)
            )
        return self

    def later(self, **span: float) -> Story:
        self.at += timedelta(**span)
        return self

    def rows(self, *projections: Projection) -> MemoryRows:
        rows = MemoryRows()
        for projection in projections:
            rows.fold(projection, self.log)
        return rows

    def submit(self, task_id: str, **fields: Any) -> Story:
        fields = {"project_id": "p-1", "title": f"Do {task_id}", "task_type": "code-generation", **fields}
        return self.tell(task.TaskSubmitted(task_id=task_id, **fields))

    def register(self, agent_id: str, **fields: Any) -> Story:
        fields = {"role": "developer", "name": agent_id, "task_types": ("code-generation",), "capacity": 2, **fields}
        return self.tell(agent.AgentRegistered(agent_id=agent_id, **fields))

    def assign(self, run_id: str, agent_id: str = "developer", simulated: bool = False, **fields: Any) -> Story:
        """The task is given to the agent, and the run begins."""
        task_id = run_id.rpartition(".")[0]
        who = {"agent_id": agent_id, "role": "developer"}
        assigned = {
            "subject": "tasks.x.medium",
            "candidates": (),
            "reason": "best",
            "policy": "rank",
            "propensity": 1.0,
        }
        self.tell(task.TaskAssigned(task_id=task_id, run_id=run_id, **who, **{**assigned, **fields}))
        facts = {"run_id": run_id, "task_id": task_id, **who, "task_type": "code-generation", "simulated": simulated}
        self._runs[run_id] = facts
        return self.tell(run.RunStarted(project_id="p-1", steps=("plan", "write"), **facts))

    def reserve(self, call_id: str, amount: int = 100, attempt: int = 1, at: Windows | None = None) -> Story:
        """The router chooses and the money is held; the first in one append with the second."""
        of = self._runs[call_id.rpartition("/")[0]]
        step = int(call_id.rpartition("/")[2])
        model = {"provider": Provider.ANTHROPIC, "model": "claude", "simulated": of["simulated"]}
        charge = {name: of[name] for name in ("task_id", "run_id", "agent_id", "role", "task_type")}
        selected = routing.ProviderSelected(
            run_id=of["run_id"],
            task_id=of["task_id"],
            call_id=call_id,
            step=step,
            attempt=attempt,
            policy="rules",
            reason="best for code",
            tier=Tier.NORMAL,
            budget="workspace default",
            candidates=(routing.ModelOption(provider=Provider.ANTHROPIC, model="claude", quality=0.9),),
            **model,
        )
        reserved = budget.SpendReserved(
            call_id=call_id,
            attempt=attempt,
            charge=Charge(project_id="p-1", **charge),
            amount_microusd=MicroUsd(amount),
            windows=at or windows(self.at),
            expires_at=self.at + timedelta(minutes=3),
            **model,
        )
        self._reserved[call_id, attempt] = reserved
        return self.tell(selected, reserved)

    def whose(self, call_id: str, attempt: int = 1) -> dict[str, Any]:
        """What an event that closes the call says of its reservation."""
        return budget.whose(self._reserved[call_id, attempt])

    def release(self, call_id: str) -> Story:
        return self.tell(budget.SpendReleased(**self.whose(call_id), reason="429"))

    def lose(self, call_id: str, amount: int = 100) -> Story:
        """Nobody knows whether the call was billed."""
        return self.tell(budget.SpendUnknown(**self.whose(call_id), amount_microusd=MicroUsd(amount), reason="lost"))

    def refuse(self, call_id: str, scope: Scope, scope_id: str, window: str, **fields: Any) -> Story:
        """A call of a run finds no room in this scope."""
        run_id = call_id.rpartition("/")[0]
        known = {"run_id": run_id, "task_id": run_id.rpartition(".")[0], **self._runs.get(run_id, {})}
        charge = {name: known.get(name, "") for name in budget.Charge.model_fields}
        amounts = {"amount_microusd": MicroUsd(50), "room_microusd": 20, **fields}
        of = {"scope": scope, "scope_id": scope_id, "window": window, "call_id": call_id}
        return self.tell(budget.SpendRefused(charge=Charge(**charge), **of, **amounts))

    def answer(self, call_id: str, cost: int = 60, attempt: int = 1, tokens: tuple[int, int] = (10, 5)) -> Story:
        """The call was answered and settled."""
        of = self._runs[call_id.rpartition("/")[0]]
        called = run.ModelCalled(
            run_id=of["run_id"],
            task_id=of["task_id"],
            call_id=call_id,
            step=int(call_id.rpartition("/")[2]),
            provider=Provider.ANTHROPIC,
            model="claude",
            answer=Content(text="ok", size=2),
            finish="stop",
            tokens=Tokens(input=tokens[0], output=tokens[1]),
            cost_microusd=MicroUsd(cost),
            latency_ms=5,
            simulated=of["simulated"],
        )
        bill = {"cost_microusd": MicroUsd(cost), "tokens_in": tokens[0], "tokens_out": tokens[1]}
        settled = budget.SpendSettled(**self.whose(call_id, attempt), **bill)
        return self.tell(called, settled)

    def call(self, call_id: str, cost: int = 60, amount: int = 100) -> Story:
        return self.reserve(call_id, amount).answer(call_id, cost)

    def succeed(self, run_id: str) -> Story:
        return self.tell(run.RunSucceeded(summary="done", **self._runs[run_id]))

    def fail(self, run_id: str, counts: bool = True) -> Story:
        return self.tell(run.RunFailed(reason="it broke", counts=counts, **self._runs[run_id]))

    def cancel(self, run_id: str) -> Story:
        of = {name: self._runs[run_id][name] for name in ("run_id", "task_id", "agent_id", "simulated")}
        return self.tell(run.RunCancelled(reason="recalled", **of))


def dump(rows: Any, projections: Iterable[Projection]) -> dict[str, Any]:
    """Every row of every table."""
    return {table.name: rows.select(table) for projection in projections for table in projection.TABLES}
