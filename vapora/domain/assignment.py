"""Who gets a task: the score of each able agent, and the choice between them (M4.3, M12.5, M16.1; R1, R2).

    score = 0.3 · success_rate / (1 + load) + 0.5 · expertise + 0.2 · confidence

Load only takes up to 0.15 · success_rate off a score, so it cannot keep a full agent from work: agents at their
capacity are excluded outright (R2). How the work is done (which model, what it may cost) is not looked at here.

With exploration, which is off unless somebody switches it on (R16), the score has a fourth term (`exploration`).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from events.task import Candidate, ScoreParts
from vapora.domain.agent import Agent
from vapora.domain.learning import History

POLICY = "formula-v1"
EXPLORING = "formula-ucb1-v1"
BASE_SHARE = 0.3
EXPERTISE_SHARE = 0.5
CONFIDENCE_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Applicant:
    """A registered agent with the runs it has in flight and what is known of its work."""

    agent: Agent
    running: int
    history: History

    @property
    def load(self) -> float:
        """In flight ÷ capacity: 0 idle, 1 full, above 1 where the capacity was lowered meanwhile."""
        return self.running / self.agent.capacity


@dataclass(frozen=True, slots=True)
class ChosenAgent:
    """The outcome of a ranking, with all that went into it.

    `candidates`: the able ones, best first, then the excluded by id. `propensity`: the probability with which
    `policy` makes this choice; the formula with its tie-breaks leaves nothing to chance.
    """

    chosen: Candidate | None
    candidates: tuple[Candidate, ...]
    reason: str
    policy: str = POLICY
    propensity: float = 1.0


def score(success_rate: float, load: float, expertise: float, confidence: float) -> ScoreParts:
    """The weighted terms of the score, for values between 0 and 1 (M12.5). `total` adds them up."""
    return ScoreParts(
        base=BASE_SHARE * success_rate / (1 + load),
        expertise=EXPERTISE_SHARE * expertise,
        confidence=CONFIDENCE_SHARE * confidence,
    )


def total(parts: ScoreParts) -> float:
    return parts.base + parts.expertise + parts.confidence + parts.exploration


def exploration(factor: float, tried: int, of_all: int) -> float:
    """What an agent's score gains for having been tried little: factor · √(ln(1 + N) / (1 + n)), where it was tried n
    times at such work and all able ones together N times, with what is in flight.

    It is the padding of UCB1 (P. Auer, N. Cesa-Bianchi, P. Fischer, "Finite-time analysis of the multiarmed bandit
    problem", Machine Learning 47, 2002, fig. 1: √(2 ln N / n), so `factor` √2), with each counted once more: the prior
    that an agent begins with stands for a first try, and the padding of one without a run is finite. It leaves nothing
    to chance: the same log gives the same choice.
    """
    return factor * math.sqrt(math.log1p(of_all) / (1 + tried))


def can_do(agent: Agent, task_type: str, role: str | None) -> bool:
    """Whether the agent is of the role (None: any) and does the type, busy or not."""
    return not agent.removed and role in (None, agent.role) and task_type in agent.task_types


def has_room(agent: Agent, running: int) -> bool:
    """Whether the agent takes new work at all just now."""
    return agent.available and running < agent.capacity


@dataclass(frozen=True, slots=True)
class Rule:
    """Of one agent that is the only one to have the task, or (`barred`) the only one not to have it: `why`, as part of
    a sentence."""

    agent_id: str
    why: str
    barred: bool = False

    def objection(self, agent_id: str) -> str | None:
        return self.why if (agent_id == self.agent_id) is self.barred else None


def rank(
    task_type: str,
    role: str | None,
    applicants: Iterable[Applicant],
    now: datetime,
    rule: Rule | None = None,
    full: Mapping[str, str] = MappingProxyType({}),
    explore: float = 0.0,
) -> ChosenAgent:
    """Score the able, exclude the others with the reason, and choose the best.

    `full`: roles that have as many runs as they may, with that as a part of a sentence. `explore`: the factor of
    `exploration`; 0: the formula alone. Ties go to the higher priority, then to the lower load, then to fewer runs of
    the type, then to the id that comes first.
    """
    priorities: dict[str, int] = {}
    able: list[Candidate] = []
    tried: dict[str, int] = {}
    excluded: list[Candidate] = []
    for applicant in applicants:
        why = _exclusion(applicant, task_type, role)
        if why is None and rule is not None:
            why = rule.objection(applicant.agent.id)
        if why is None:
            why = full.get(applicant.agent.role)
        if why is None:
            priorities[applicant.agent.id] = applicant.agent.priority
            tried[applicant.agent.id] = applicant.history.runs(task_type) + applicant.running
            able.append(_scored(applicant, task_type, now))
        else:
            agent = applicant.agent
            excluded.append(
                Candidate(
                    agent_id=agent.id,
                    role=agent.role,
                    load=applicant.load,
                    excluded=why,
                    runs=applicant.history.runs(task_type),
                )
            )
    if explore:
        of_all = sum(tried.values())
        able = [_padded(one, exploration(explore, tried[one.agent_id], of_all)) for one in able]
    able.sort(key=lambda one: (-(one.score or 0.0), -priorities[one.agent_id], one.load, one.runs, one.agent_id))
    excluded.sort(key=lambda candidate: candidate.agent_id)
    chosen = able[0] if able else None
    reason = _reason(able, excluded, priorities)
    if chosen is not None and rule is not None and not rule.barred:
        reason = f"{rule.why}: {reason}"
    policy = EXPLORING if explore else POLICY
    return ChosenAgent(chosen=chosen, candidates=(*able, *excluded), reason=reason, policy=policy)


def _exclusion(applicant: Applicant, task_type: str, role: str | None) -> str | None:
    agent = applicant.agent
    if agent.removed:
        return "removed"
    if role not in (None, agent.role):
        return f"its role is {agent.role}, not {role}"
    if task_type not in agent.task_types:
        return f"does no {task_type} work"
    if not agent.enabled:
        return f"disabled: {agent.disabled_reason}" if agent.disabled_reason else "disabled"
    if agent.offline:
        return f"offline: {agent.offline}"
    if not has_room(agent, applicant.running):
        return f"full: {applicant.running} of {agent.capacity} runs in flight"
    return None


def _scored(applicant: Applicant, task_type: str, now: datetime) -> Candidate:
    agent, history, load = applicant.agent, applicant.history, applicant.load
    success_rate, expertise = history.success_rate(), history.expertise(task_type, now)
    runs = history.runs(task_type)
    parts = score(success_rate, load, expertise, history.confidence(task_type))
    return Candidate(
        agent_id=agent.id,
        role=agent.role,
        score=total(parts),
        parts=parts,
        success_rate=success_rate,
        load=load,
        expertise=expertise,
        runs=runs,
        reason=(
            f"success rate {success_rate:.2f} at load {load:.2f}, "
            f"expertise {expertise:.2f} from {runs} {task_type} run{'' if runs == 1 else 's'}"
        ),
    )


def _padded(candidate: Candidate, padding: float) -> Candidate:
    parts = (candidate.parts or score(0, 0, 0, 0)).model_copy(update={"exploration": padding})
    return candidate.model_copy(update={"parts": parts, "score": total(parts)})


def _reason(able: list[Candidate], excluded: list[Candidate], priorities: Mapping[str, int]) -> str:
    if not able:
        return _nobody(excluded)
    best = able[0]
    parts = best.parts or score(0, 0, 0, 0)
    explored = f" + exploration {parts.exploration:.2f}" if parts.exploration else ""
    sentence = (
        f"{best.agent_id} scored {best.score or 0:.2f} (base {parts.base:.2f} + expertise {parts.expertise:.2f} "
        f"+ confidence {parts.confidence:.2f}{explored}), {_compared(best, able[1:], priorities)}"
    )
    return f"{sentence}; {len(excluded)} excluded" if excluded else sentence


def _compared(best: Candidate, others: list[Candidate], priorities: Mapping[str, int]) -> str:
    if not others:
        return "the only one able to take it"
    second = others[0]
    if second.score != best.score:
        return f"ahead of {second.agent_id} {second.score or 0:.2f}"
    if priorities[second.agent_id] != priorities[best.agent_id]:
        return f"level with {second.agent_id} and taken for its higher priority"
    if second.load != best.load:
        return f"level with {second.agent_id} and taken for its lower load"
    if second.runs != best.runs:
        return f"level with {second.agent_id} and taken because it had fewer runs"
    return f"level with {second.agent_id} and taken by the order of ids"


def _nobody(excluded: list[Candidate]) -> str:
    if not excluded:
        return "no agent is registered"
    kinds = Counter((candidate.excluded or "").split(":")[0] for candidate in excluded)
    able = {kind: kinds[kind] for kind in ("full", "disabled", "offline") if kinds[kind]}
    rest = len(excluded) - sum(able.values())
    told = [f"{count} {kind}" for kind, count in able.items()]
    if rest:
        told.append(f"{rest} of another role or type")
    return f"no agent can take it now: {', '.join(told)}"
