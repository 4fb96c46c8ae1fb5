"""When an agent that has work is taken for dead or stuck: the rule alone, for whoever asks it and counts (M4.6, M4.7).

An agent with work is asked every `interval_s` how its runs are. It misses a heartbeat where it gives no answer within
that time (`silent`), or where one of its runs is longer at the same thing than that thing may take (`stuck`). So many
misses in a row suspend it. What waits for a person, for money or for a provider is not stuck.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

# A suspended agent that is suspended again before it ended a run is left out longer each time.
LONGEST_REST_S = 600.0


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """`start_s`: how long an agent may take to answer for the first time; starting a process is no silence."""

    interval_s: float = 5.0
    misses: int = 6
    start_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Pulse:
    """What an agent says of one of its runs. `doing` and `name`: what it has begun, as in `events.agent.HeldRun`;
    `since_s`: for how long, `limit_s`: how long that may take, None where it may wait for ever."""

    run_id: str
    doing: str = ""
    name: str = ""
    attempt: int = 0
    since_s: float = 0.0
    limit_s: float | None = None

    @property
    def overdue(self) -> bool:
        return self.limit_s is not None and self.since_s > self.limit_s


@dataclass(frozen=True, slots=True)
class Watched:
    """What is known of an agent that is looked at. `asked_at`: when for the first time since it was started;
    `heard_at`: when it answered last; both on one clock, in seconds. `silent` and `stuck` count misses in a row."""

    asked_at: float
    heard_at: float | None = None
    silent: int = 0
    stuck: int = 0


@dataclass(frozen=True, slots=True)
class Suspend:
    """`after_s`: for how long it was silent, or did not advance; `stuck`: the runs that did not."""

    cause: Literal["silent", "stuck"]
    misses: int
    after_s: float
    stuck: tuple[Pulse, ...] = ()

    @property
    def reason(self) -> str:
        """As a part of a sentence whose subject is the agent."""
        did = "answer" if self.cause == "silent" else "advance"
        return f"did not {did} for {self.after_s:.0f} s"


def watch(now: float) -> Watched:
    return Watched(asked_at=now)


def look(state: Watched, answer: Sequence[Pulse] | None, now: float, beat: Heartbeat) -> tuple[Watched, Suspend | None]:
    """After one time of asking; `answer` None: there was none."""
    if answer is None:
        if state.heard_at is None and now - state.asked_at < beat.start_s:
            return state, None
        state = replace(state, silent=state.silent + 1)
        since = state.asked_at if state.heard_at is None else state.heard_at
        return state, Suspend("silent", state.silent, now - since) if state.silent >= beat.misses else None
    overdue = tuple(one for one in answer if one.overdue)
    state = replace(state, heard_at=now, silent=0, stuck=state.stuck + 1 if overdue else 0)
    if state.stuck < beat.misses:
        return state, None
    return state, Suspend("stuck", state.stuck, max(one.since_s for one in overdue), overdue)


def rests_s(times: int, beat: Heartbeat) -> float:
    """How long an agent that was suspended so many `times` without a good run between is left out at least."""
    return 0.0 if times <= 1 else min(beat.interval_s * 2.0 ** (times - 1), LONGEST_REST_S)
