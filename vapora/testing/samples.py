"""Something to try things on: a small repository, and the log of a team's month. Nobody's work, and nobody's money."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from events import DomainEvent, agent, budget, project, routing, run, task
from events.content import Content
from events.ids import (
    DEFAULT_WORKSPACE,
    LEDGER,
    Provider,
    Review,
    Tier,
    agent_stream,
    project_stream,
    run_stream,
    task_stream,
)  # fmt: skip
from events.money import MicroUsd
from vapora.domain.ledger import windows
from vapora.log import encode
from vapora.log.places import open_log
from vapora.records import Append, StreamAppend
from vapora.settings import Settings

_PROJECT = "project-month"
# Agent → role, and how often its work is good by kind of work, at the beginning and at the end of the month.
_TEAM = {
    "developer": ("developer", {"code-generation": (0.62, 0.92), "refactoring": (0.70, 0.80)}),
    "developer-2": ("developer", {"code-generation": (0.55, 0.66), "refactoring": (0.60, 0.90)}),
    "tester": ("tester", {"unit-test": (0.75, 0.93)}),
    "documenter": ("documenter", {"document-generation": (0.90, 0.95)}),
}
_MODELS = {
    "developer": ((Provider.ANTHROPIC, "claude-opus"), (Provider.OPENAI, "gpt")),
    "tester": ((Provider.OPENAI, "gpt"), (Provider.GEMINI, "gemini-flash")),
    "documenter": ((Provider.OLLAMA, "llama"), (Provider.GEMINI, "gemini-flash")),
}
_TITLES = {
    "code-generation": ("Export the links as CSV", "Limit how fast one address may ask", "Mend the date of the feed"),
    "refactoring": ("Part the store from the page", "One place for all defaults", "Name things by what they hold"),
    "unit-test": ("Test the edges of the parser", "Test what happens on a full disk"),
    "document-generation": ("Describe how to run it", "Explain the settings"),
}
# How often another than the best agent is taken, to learn whether it is better by now.
EXPLORED = 0.3
# So many cards stand on the board when the month begins.
_BACKLOG = 40


def shortleaf(folder: Path) -> Path:
    """A git repository of a small link shortener, in `folder`/shortleaf. The rehearsal model knows its way about there.
    Its checks are `sh check.sh tests` and `sh check.sh style`."""
    from vapora.cli.demo.repository import make

    return make(folder / "shortleaf").path


def month(data: Path | str, seed: int = 7, last: datetime | None = None) -> str:
    """Write the log of 30 days, up to `last` (default: yesterday), into a data folder that has none yet: four agents,
    about a hundred cards, everything marked as simulated. The project's id. The same seed gives the same month.

    Two agents can write code. Which of them gets a card is chosen by chance with a probability that stands in the log:
    the better one in 1 - `EXPLORED` / 2 of all cases.
    """
    end = (last or datetime.now(UTC) - timedelta(days=1)).replace(hour=8, minute=0, second=0, microsecond=0)
    _Month(Path(data), random.Random(seed), end - timedelta(days=29)).write()  # noqa: S311 - not for secrets
    return _PROJECT


class _Month:
    def __init__(self, data: Path, chance: random.Random, first: datetime) -> None:
        settings = Settings(data=data, database_url=None)
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._at = first
        self._first = first
        self._log = open_log(settings.log_place(DEFAULT_WORKSPACE), DEFAULT_WORKSPACE, lambda: self._at)
        self._chance = chance
        self._versions: dict[str, int] = {}
        self._appends = 0
        self._cards = 0
        # Ids and kinds of work of the cards that nobody has taken yet.
        self._waiting: list[tuple[str, str]] = []

    def write(self) -> None:
        made = project.ProjectCreated(project_id=_PROJECT, name="Shortleaf", description="A link shortener")
        self._append((project_stream(_PROJECT), made))
        for name, (role, kinds) in _TEAM.items():
            registered = agent.AgentRegistered(
                agent_id=name, role=role, name=name.title(), task_types=tuple(kinds), capacity=4
            )
            self._append((agent_stream(name), registered))
        for day in range(30):
            self._day(day)
        self._log.close()

    def _day(self, day: int) -> None:
        """Cards come in, most of them on the first day; some are worked off, none at the weekend."""
        self._at = self._first + timedelta(days=day)
        is_weekend = self._at.weekday() >= 5
        for _ in range(_BACKLOG if day == 0 else self._chance.randint(0, 2 if is_weekend else 5)):
            self._submit()
        for _ in range(0 if is_weekend else self._chance.randint(4, 7)):
            if self._waiting:
                self._work(*self._waiting.pop(0), progress=day / 29)

    def _submit(self) -> None:
        self._cards += 1
        task_id = f"task-month-{self._cards:03}"
        task_type = self._chance.choices(list(_TITLES), (5, 3, 3, 2))[0]
        submitted = task.TaskSubmitted(
            task_id=task_id, project_id=_PROJECT, title=f"{self._chance.choice(_TITLES[task_type])} ({self._cards})",
            task_type=task_type, review=Review.NONE, priority=self._chance.choice((30, 50, 50, 80)),
        )  # fmt: skip
        self._append((task_stream(task_id), submitted))
        self._waiting.append((task_id, task_type))

    def _work(self, task_id: str, task_type: str, progress: float) -> None:
        for attempt in (1, 2):
            if self._run(f"{task_id}.{attempt}", task_id, task_type, progress, last=attempt == 2):
                return

    def _run(self, run_id: str, task_id: str, task_type: str, progress: float, last: bool) -> bool:
        """Whether it was good work. A run that was not is tried once more."""
        chosen, candidates, propensity = self._choice(task_type, progress)
        role, kinds = _TEAM[chosen]
        self._wait(2, 20)
        who = {"run_id": run_id, "task_id": task_id, "agent_id": chosen, "role": role}
        assigned = task.TaskAssigned(
            **who, subject=f"tasks.{task_type}.medium", candidates=candidates, policy="explore", propensity=propensity,
            reason="the better one" if propensity > 0.5 else "to learn whether it is better by now",
        )  # fmt: skip
        of = {**who, "task_type": task_type}
        began = run.RunStarted(project_id=_PROJECT, steps=("plan", "write", "check"), simulated=True, **of)
        self._append((task_stream(task_id), assigned), (run_stream(run_id), began))
        for step in range(3):
            self._call(run_id, step, role, of)
        low, high = kinds[task_type]
        is_good = self._chance.random() < low + (high - low) * progress
        if is_good:
            ended: DomainEvent = run.RunSucceeded(summary="It is done.", simulated=True, **of)
            outcome: DomainEvent = task.TaskCompleted(task_id=task_id, run_id=run_id)
        else:
            reason = "its tests stayed red"
            ended = run.RunFailed(reason=reason, simulated=True, **of)
            release = task.TaskFailed if last else task.TaskReleased
            outcome = release(task_id=task_id, run_id=run_id, reason=reason)
        self._append((run_stream(run_id), ended), (task_stream(task_id), outcome))
        return is_good or last

    def _choice(self, task_type: str, progress: float) -> tuple[str, tuple[task.Candidate, ...], float]:
        """Who gets it, of whom, and with which probability just that one."""
        able = [name for name, (_, kinds) in _TEAM.items() if task_type in kinds]
        scores = {name: sum(_TEAM[name][1][task_type]) / 2 + 0.1 * progress for name in able}
        best = max(able, key=scores.__getitem__)
        others = [name for name in able if name != best]
        propensity = 1.0
        chosen = best
        if others:
            explores = self._chance.random() < EXPLORED / 2
            chosen, propensity = (others[0], EXPLORED / 2) if explores else (best, 1 - EXPLORED / 2)
        candidates = tuple(
            task.Candidate(
                agent_id=name, role=_TEAM[name][0], score=score, runs=int(100 * progress),
                parts=task.ScoreParts(base=0.5, expertise=score - 0.6, confidence=0.1),
            )
            for name, score in sorted(scores.items(), key=lambda item: -item[1])
        )  # fmt: skip
        return chosen, candidates, propensity

    def _call(self, run_id: str, step: int, role: str, of: dict[str, str]) -> None:
        provider, model = self._chance.choice(_MODELS[role])
        call_id = f"{run_id}/{step}"
        tokens_in, tokens_out = self._chance.randint(2_000, 9_000), self._chance.randint(200, 1_500)
        each = {Provider.ANTHROPIC: (5, 25), Provider.OPENAI: (2, 10), Provider.GEMINI: (1, 4)}.get(provider, (0, 0))
        cost = tokens_in * each[0] + tokens_out * each[1]
        same = {"provider": provider, "model": model, "simulated": True}
        call = {"run_id": run_id, "task_id": of["task_id"], "call_id": call_id, "step": step}
        option = routing.ModelOption(provider=provider, model=model, quality=0.9)
        selected = routing.ProviderSelected(
            **call, attempt=1, policy="rules", reason="best for this work", tier=Tier.NORMAL, candidates=(option,),
            budget="workspace default", **same,
        )  # fmt: skip
        reserved = budget.SpendReserved(
            call_id=call_id, attempt=1, charge=budget.Charge(project_id=_PROJECT, **of), windows=windows(self._at),
            amount_microusd=MicroUsd(cost * 2), expires_at=self._at + timedelta(minutes=3), **same,
        )  # fmt: skip
        self._append((run_stream(run_id), selected), (LEDGER, reserved))
        self._wait(1, 4)
        answered = run.ModelCalled(
            **call, answer=Content(text="So be it.", size=9), finish="stop", cost_microusd=MicroUsd(cost),
            tokens=run.Tokens(input=tokens_in, output=tokens_out), latency_ms=self._chance.randint(800, 9_000), **same,
        )  # fmt: skip
        bill = {"cost_microusd": MicroUsd(cost), "tokens_in": tokens_in, "tokens_out": tokens_out}
        settled = budget.SpendSettled(**budget.whose(reserved), **bill)
        self._append((run_stream(run_id), answered), (LEDGER, settled))

    def _wait(self, least: int, most: int) -> None:
        self._at += timedelta(minutes=self._chance.randint(least, most), seconds=self._chance.randint(0, 59))

    def _append(self, *events: tuple[str, DomainEvent]) -> None:
        self._appends += 1
        name = f"month-{self._appends}"
        self._log.append([Append(name, "user:sample", f"cor-{name}", None, tuple(self._streams(events)))])

    def _streams(self, events: tuple[tuple[str, DomainEvent], ...]) -> Iterator[StreamAppend]:
        for stream, event in events:
            version = self._versions.get(stream, 0)
            self._versions[stream] = version + 1
            yield StreamAppend(stream, version, (encode(event),))
