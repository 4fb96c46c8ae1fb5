"""What learning comes to: who gets the work with and without exploration, and which model with and without learning.

    python -m benchmarks.learning [--tasks 2000] [--seeds 20] [--factors 0 0.05 0.1 0.2 0.5]

Nothing is measured here but the rules themselves: `vapora.domain.assignment.rank` gives out so many tasks of one type,
one every ten minutes, each in work for half an hour, to six agents, each of which succeeds by a chance of its own that
nobody knows. `regret` is how many more of all tasks would have succeeded, had each gone to the best who was there;
given is the mean over the seeds and the worst one. Three stories: all begin at once; after a quarter of the tasks a
better one comes; at half of them the best becomes the worst.

`models`: `vapora.domain.routing.plan` chooses a model for as many runs, where the rule's model does well or badly at
them; what is learned is folded anew of the last 200 before each, as agents read it. `good`: the mean quality of the
runs, over the seeds as above, `best`: of the best model that costs no more than the rule's. How many: a quarter of
the tasks.
"""

from __future__ import annotations

import argparse
import random
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from events.ids import Tier
from vapora.domain import model_quality, routing
from vapora.domain.agent import Agent
from vapora.domain.assignment import Applicant, rank
from vapora.domain.learning import History, RunOutcome
from vapora.domain.pricing import worst_case
from vapora.llm.catalogue import shipped

_TYPE = "code-generation"
_EVERY = timedelta(minutes=10)
_IN_WORK = 3
_CHANCES = {"ada": 0.55, "ben": 0.6, "cleo": 0.65, "dan": 0.7, "eve": 0.75, "fay": 0.85}
_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
# So many of the newest runs are looked at, as agents do.
_LOOKED_AT = 200


@dataclass(frozen=True)
class Story:
    """`comes`: when the best of all comes, in parts of all tasks; `falls`: when it becomes the worst."""

    name: str
    comes: float = 0.0
    falls: float = 1.0

    def chances(self, part: float) -> Mapping[str, float]:
        found = dict(_CHANCES)
        if self.comes:
            found["fay"] = 0.95
            if part < self.comes:
                del found["fay"]
        if part >= self.falls:
            found["fay"] = 0.3
        return found


STORIES = (Story("all at once"), Story("a better one comes", comes=0.25), Story("the best falls", falls=0.5))


def regret(story: Story, tasks: int, factor: float, seed: int) -> float:
    """In tasks that would have succeeded."""
    chance = random.Random(seed)
    agents = {name: Agent(name, "developer", name, (), (_TYPE,), 4) for name in _CHANCES}
    histories = {name: History() for name in _CHANCES}
    under_way: deque[tuple[str, bool]] = deque()
    lost = 0.0
    for n in range(tasks):
        at, there = _BEGIN + n * _EVERY, story.chances(n / tasks)
        if len(under_way) == _IN_WORK:
            name, good = under_way.popleft()
            histories[name].add(RunOutcome(f"r{n}", _TYPE, at, good))
        running = [name for name, _ in under_way]
        applicants = [Applicant(agents[name], running.count(name), histories[name]) for name in there]
        chosen = rank(_TYPE, None, applicants, at, explore=factor).chosen
        if chosen is None:
            raise RuntimeError("somebody is always free here")
        lost += max(there.values()) - there[chosen.agent_id]
        under_way.append((chosen.agent_id, chance.random() < there[chosen.agent_id]))
    return lost


def models(tasks: int, seed: int, true: Mapping[str, float], *, learns: bool) -> tuple[float, float]:
    """The mean quality of the runs, and that of the best model that costs no more than the rule's. `true`: what models
    are really good for, where that is not what they ship with."""
    chance, table = random.Random(seed), shipped().models
    options = [routing.Option(one, worst_case(one.provider, one.model, 18_000, 4_000)) for one in table]
    really = {f"{one.provider}/{one.model}": true.get(one.model, one.quality) for one in table}
    ruled, _ = routing.rule(_TYPE, "medium", False, "standard", table)
    ceiling = next(one.worst_case_microusd for one in options if one.spec == ruled)
    dearer = {one.spec.key for one in options if one.worst_case_microusd > ceiling}
    ended: deque[tuple[float, tuple[str, ...]]] = deque(maxlen=_LOOKED_AT)
    total = 0.0
    for _ in range(tasks):
        plan = routing.plan(
            task_type=_TYPE,
            complexity="medium",
            critical=False,
            size="standard",
            tier=Tier.NORMAL,
            options=options,
            needs=routing.Needs(10_000),
            table=table,
            learned=model_quality.fold(ended) if learns else None,
        )
        spec = plan.options[0].spec
        name = f"{spec.provider}/{spec.model}"
        total += really[name]
        ended.append((float(chance.random() < really[name]), (name,)))
    best = max(really[f"{one.provider}/{one.model}"] for one in table if one.key not in dearer)
    return total / tasks, best


def told(tasks: int, seeds: int, factors: list[float]) -> Iterator[str]:
    yield f"regret over {tasks:,} tasks, mean of {seeds} seeds (worst)"
    for story in STORIES:
        for factor in factors:
            found = [regret(story, tasks, factor, seed) for seed in range(seeds)]
            yield f"{story.name:20} factor {factor:<5} {sum(found) / seeds:7.1f} ({max(found):.1f})"
    yield f"models over {tasks // 4:,} runs, mean of {seeds} seeds (worst)"
    ruled, _ = routing.rule(_TYPE, "medium", False, "standard", shipped().models)
    for name, true in (("as they ship", {}), ("the rule's is bad", {ruled.model: 0.5})):
        for learns in (False, True):
            runs = [models(tasks // 4, seed, true, learns=learns) for seed in range(seeds)]
            good = [one for one, _ in runs]
            yield (
                f"{name:20} {'learned' if learns else 'baseline':8} good {sum(good) / seeds:.3f} ({min(good):.3f}), "
                f"best {runs[0][1]:.3f}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=2_000)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--factors", type=float, nargs="+", default=[0, 0.05, 0.1, 0.2, 0.5])
    given = parser.parse_args()
    for line in told(given.tasks, given.seeds, given.factors):
        print(line, flush=True)


if __name__ == "__main__":
    main()
