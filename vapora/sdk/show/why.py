"""Why a task went as it did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vapora import views
from vapora.sdk.show.html import Html, bar, box, el, folded, table
from vapora.unicode import printable


def why_html(why: views.Why) -> Html:
    return el("div", *(_decision(one) for one in why.decisions))


def _decision(decision: views.Decision) -> Html:
    said = [f"position {decision.position}", *([decision.policy] if decision.policy else [])]
    if decision.propensity is not None:
        said.append(f"chosen with probability {decision.propensity:.2f}")
    head = el("div", f"{decision.kind}: ", el("b", decision.chosen), " ", el("small", " · ".join(said)))
    parts: list[object] = [head, el("div", decision.reason)]
    if decision.budget:
        parts.append(el("div", decision.budget, style="opacity:.8"))
    if decision.candidates:
        parts.append(folded(f"{len(decision.candidates)} candidates", _candidates(decision)))
    return box(*parts, style="max-width:60em")


def _candidates(decision: views.Decision) -> Html:
    best = max((_number(one.get("score")) for one in decision.candidates), default=0.0)
    rows = []
    for one in decision.candidates:
        score, excluded = _number(one.get("score")), one.get("excluded")
        drawn = "" if excluded else bar(score / best if best else 0)
        rows.append((one.get("id"), "" if excluded else f"{score:.3f}", drawn, excluded or _parts(one)))
    return table(("candidate", "score", "", "of what, or why not"), rows)


def _parts(candidate: Mapping[str, Any]) -> str:
    parts = candidate.get("parts")
    if not isinstance(parts, dict):
        return ""
    said = {name: f"{value:g}" if isinstance(value, float) else value for name, value in parts.items()}
    return ", ".join(f"{name} {value}" for name, value in said.items())


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0


def why_text(why: views.Why) -> str:
    lines = []
    for one in why.decisions:
        lines.append(f"{one.position} {one.kind}: {one.chosen}. {one.reason}")
        for candidate in one.candidates:
            excluded = candidate.get("excluded")
            said = f"not: {excluded}" if excluded else f"{_number(candidate.get('score')):.3f} {_parts(candidate)}"
            lines.append(f"    {candidate.get('id')} {said}")
    return printable("\n".join(lines))
