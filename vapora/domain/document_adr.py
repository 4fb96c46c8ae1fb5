"""Decisions in the log as drafts of records: what was decided, between what, by whom and why, and where it stands.

Each decision gives one document under an id that is made of it, so that it is drawn once, whoever asks how often.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from events.document import DocumentSource

_HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*#*\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Found:
    """A decision. `text`: what an agent handed in, whole; empty for an approval. `candidates`: what was to choose from,
    `reasons`: why it was chosen. `by`: an agent's id, or a person."""

    source: DocumentSource
    title: str
    by: str
    at: datetime
    decided: str
    candidates: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    text: str = ""
    project_id: str | None = None
    simulated: bool = False


def document_id(source: DocumentSource, what: str) -> str:
    """`what`: the artifact's name, or the approval's id."""
    whose = source.run_id or source.workflow_run_id or ""
    return f"document-{sha256(f'decision {whose} {what}'.encode()).hexdigest()[:15]}"


def of_artifact(text: str) -> tuple[str, str, tuple[str, ...], tuple[str, ...]]:
    """Title, what was decided, the candidates and the reasons, as the headings of an architect's record or of a
    decision-maker's decision tell them; what is not there is empty."""
    title = next((found[2] for found in _HEADING.finditer(text) if len(found[1]) == 1), "")
    title = re.sub(r"^(adr|decision)\s*[\d.]*\s*[:–-]\s*", "", title, flags=re.IGNORECASE)
    parts = _sections(text)
    decided = _first(parts, "decision", "decided", "verdict", "outcome")
    candidates = _points(_first(parts, "options", "candidates", "alternatives", "considered"))
    reasons = _points(_first(parts, "reasons", "reason", "why", "rationale", "grounds", "context"))
    return title, decided, candidates, reasons


def draft(found: Found) -> str:
    """The record in Markdown."""
    simulated = "\n\n> A rehearsal: no model was asked." if found.simulated else ""
    parts = [f"# ADR: {found.title}", f"Status: proposed{simulated}"]
    parts.append(f"## Decision\n\n{found.decided or 'See the original below.'}")
    if found.candidates:
        parts.append("## Candidates\n\n" + "\n".join(f"- {one}" for one in found.candidates))
    if found.reasons:
        parts.append("## Reasons\n\n" + "\n".join(f"- {one}" for one in found.reasons))
    where = [f"- Decided by {found.by}, {found.at:%Y-%m-%d %H:%M} UTC", *_links(found)]
    parts.append("## Where it stands\n\n" + "\n".join(where))
    if found.text:
        parts.append(f"## The original\n\n{_lowered(found.text)}")
    return "\n\n".join(parts) + "\n"


def _links(found: Found) -> list[str]:
    source, links = found.source, []
    if source.task_id:
        links.append(f"- Card [{source.task_id}](/t/{source.task_id})")
    if source.run_id:
        links.append(f"- Run {source.run_id}")
    if source.workflow_run_id:
        links.append(f"- Workflow run [{source.workflow_run_id}](/workflows/runs/{source.workflow_run_id})")
    if source.position is not None:
        links.append(f"- Position [{source.position}](/log?at={source.position}) of the log")
    return links


def _sections(text: str) -> dict[str, str]:
    """By heading in small letters: what stands below it, up to the next heading of its level or a higher one."""
    found = list(_HEADING.finditer(text))
    sections: dict[str, str] = {}
    for at, heading in enumerate(found):
        after = (one for one in found[at + 1 :] if len(one[1]) <= len(heading[1]))
        end = next((one.start() for one in after), len(text))
        sections.setdefault(heading[2].lower().strip(" :"), text[heading.end() : end].strip())
    return sections


def _first(sections: dict[str, str], *names: str) -> str:
    for name in names:
        for heading, text in sections.items():
            if (heading == name or heading.startswith(f"{name} ")) and text:
                return text
    return ""


def _points(text: str) -> tuple[str, ...]:
    """Points of a list, rows of a table without its head, else the paragraphs; each in one line, at most twelve."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    rows = [line for line in lines if line.startswith("|") and not re.fullmatch(r"[|:\s-]+", line)]
    if len(rows) > 1:
        return _short([" · ".join(cell.strip() for cell in row.strip("|").split("|")) for row in rows[1:]])
    items = [found[1] for line in lines if (found := re.match(r"(?:[-*+]|\d+[.)])\s+(.*)", line))]
    if items:
        return _short(items)
    return _short([" ".join(part.split()) for part in re.split(r"\n\s*\n", text) if part.strip()])


def _short(points: Sequence[str]) -> tuple[str, ...]:
    return tuple(one if len(one) <= 300 else f"{one[:297]}…" for one in points[:12])


def _lowered(text: str) -> str:
    """Its headings below ours."""
    return _HEADING.sub(lambda found: f"{'#' * min(6, len(found[1]) + 2)} {found[2]}", text).strip()
