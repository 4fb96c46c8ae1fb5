"""Agents and what they have learned, as answers show them."""

from __future__ import annotations

from typing import Literal

from vapora.views.base import View


class Agent(View):
    id: str
    role: str
    name: str
    # `draining`: it ends what it has and gets nothing new; `offline`: it does not answer, or does not advance.
    state: Literal["idle", "busy", "draining", "offline", "disabled"]
    # Why it is in a state in which it gets no work.
    reason: str = ""
    load: float
    capacity: int
    running: int
    capabilities: tuple[str, ...]
    task_types: tuple[str, ...]
    # The package that it is of, with its version; empty: none.
    package: str = ""
    version: str = ""
    position: int


class Profile(View):
    """Ability in one task type, as the coordinator sees it now."""

    task_type: str
    runs: int
    success_rate: float
    expertise: float
    confidence: float
    simulated: bool


class CurvePoint(View):
    day: str
    task_type: str
    runs: int
    success_rate: float
    cost_microusd: int
    simulated: bool


class Learning(View):
    profiles: tuple[Profile, ...]
    curve: tuple[CurvePoint, ...]
