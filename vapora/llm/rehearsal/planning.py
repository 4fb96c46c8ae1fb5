"""A rehearsal of planning: cards that any goal could begin with, in the form that a planning card asks for."""

from __future__ import annotations

import json
import re

from vapora.domain.plan import FORM

_GOAL = re.compile(r"^The goal:\n((?:> ?.*\n?)+)", re.MULTILINE)
_CARDS = (
    ("1", "Decide how: {goal}", "architect", "enhancement", 70, (), "The decision rests on code that nobody has read."),
    ("2", "Build: {goal}", "developer", "feature", 60, ("1",), ""),
    ("3", "Test: {goal}", "tester", "feature", 55, ("1",), "Tests that follow the code instead of the goal."),
    ("4", "Describe: {goal}", "documenter", "enhancement", 40, ("2",), ""),
)
_LONGEST_GOAL = 60


def is_asked_for(brief: str) -> bool:
    return FORM in brief


def proposal(brief: str, looked_at: str = "") -> str:
    """What is handed in. `looked_at`: what the repository showed."""
    found = _GOAL.search(brief)
    goal = " ".join(line.removeprefix(">").strip() for line in found[1].splitlines()) if found else "the goal"
    short = goal if len(goal) <= _LONGEST_GOAL else goal[: _LONGEST_GOAL - 1].rstrip() + "…"
    cards = [
        {
            "key": key,
            "title": title.format(goal=short),
            "description": f"{goal}\n\nDone when: somebody who did not do it has seen it.",
            "type": kind,
            "role": role,
            "priority": priority,
            "waits_for": list(waits_for),
            "risk": risk,
        }
        for key, title, role, kind, priority, waits_for, risk in _CARDS
    ]
    risks = ["The goal is read in another way than it was meant. Early sign: questions on the first card."]
    block = json.dumps({"cards": cards, "risks": risks}, ensure_ascii=False, indent=1)
    return (
        f"The riskiest decision stands first; building and testing begin together.{looked_at}\n\n```json\n{block}\n```"
    )
