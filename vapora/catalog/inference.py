"""Guess a task's routing type from its words, when whoever wrote the card did not name one.

The table is read from top to bottom and the first rule that fits wins, so the reason can always be
said in one sentence. Order: names of the thing wanted (they are the least ambiguous: "Add unit tests"
is not implementation), then the title's opening verb, then weaker words, then the description, then
the board type. A guess stands on the card as a guess; whoever disagrees sets `task_type`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from vapora.catalog.manifests import role as role_manifest

DEFAULT_TASK_TYPE = "general-query"

TextPart = Literal["title", "title start", "description"]


@dataclass(frozen=True, slots=True)
class Rule:
    """`words` are alternatives of a regular expression, matched as whole words, in any case."""

    task_type: str
    words: str


# What is wanted, by name. Read against the title first, and last of all against the description.
THINGS: tuple[Rule, ...] = (
    Rule("integration-test", r"integration[- ]tests?|end[- ]to[- ]end tests?|e2e|contract tests?"),
    Rule("performance-analysis", r"load[- ]tests?|benchmarks?|profiling|flame ?graphs?|performance report"),
    Rule("unit-test", r"unit[- ]tests?|property[- ]tests?|test (?:cases?|coverage)|regression tests?"),
    Rule("api-documentation", r"api (?:docs?|documentation|reference|guide)|openapi descriptions?"),
    Rule("api-documentation", r"document (?:the )?(?:[\w-]+ )?(?:api|endpoints?)"),
    Rule("code-documentation", r"docstrings?|code (?:comments|documentation)|inline documentation"),
    Rule("presentation", r"slides?|slide deck|deck|presentation|demo script|keynote|talk outline"),
    Rule("presentation", r"(?:[\w-]+-)?(?:minute|tech|conference|lightning) talk|prepare (?:a|the) demo"),
    Rule("marketing-copy", r"landing page|blog post|(?:launch|release) (?:announcement|post)|press release"),
    Rule("marketing-copy", r"tagline|newsletter|marketing"),
    Rule("architecture-design", r"adrs?|architecture|data model|system design|design doc(?:ument)?s?"),
    Rule("document-generation", r"readme|change ?log|release notes|(?:user|admin) (?:guide|manual)"),
    Rule("document-generation", r"how-to|tutorial|faq|runbook|documentation|docs"),
    Rule("security-analysis", r"threat model|vulnerabilit(?:y|ies)|security (?:audit|review|scan|analysis)"),
    Rule("security-analysis", r"pen(?:etration)?[- ]tests?|request forgery|ssrf|csrf|xss|sql injection"),
    Rule("code-review", r"code review|pull request|merge request|review (?:the )?(?:pr|diff|patch)"),
    Rule("planning", r"road ?map|sprint|milestones?|project plan|work breakdown|estimates?|status report"),
    Rule("monitoring", r"incidents?|alert(?:ing)? rules?|alerting|on-call|slos?|error budget|post-?mortem"),
    Rule("deployment", r"helm chart|kubernetes manifests?|docker ?file|docker compose|ci/cd|ci pipeline"),
    Rule("deployment", r"rollout|roll-?back plan"),
    Rule("embeddings", r"embeddings?|vectori[sz]e"),
    Rule("semantic-search", r"semantic search|similarity search"),
    Rule("decision", r"go/no-go|final decision|approval gate"),
)

# The verb a title opens with.
VERBS: tuple[Rule, ...] = (
    Rule("code-review", r"review"),
    Rule("code-refactor", r"refactor|clean up|simplify|restructure|rename|extract|deduplicate|split|tidy"),
    Rule("architecture-design", r"design|architect|model"),
    Rule("decision", r"decide|choose|approve|pick|settle|arbitrate"),
    Rule("planning", r"plan|prioriti[sz]e|break down|estimate|groom"),
    Rule("deployment", r"deploy|release|ship|roll out|roll back|provision|package"),
    Rule("monitoring", r"monitor|triage"),
    Rule("performance-analysis", r"profile the|measure|benchmark|speed up"),
    Rule("security-analysis", r"audit|harden|scan"),
    Rule("unit-test", r"test|cover"),
    Rule("document-generation", r"document|describe"),
    Rule("presentation", r"present"),
    Rule("marketing-copy", r"announce|promote|advertise"),
    Rule("embeddings", r"embed"),
    Rule("semantic-search", r"find similar"),
    Rule("general-query", r"how|why|what|which|who|when|where|explain|is|are|does|do|can|should"),
    Rule("code-generation", r"implement|add|build|create|fix|write|support|make|allow|introduce|handle"),
    Rule("code-generation", r"return|show|store|expose|remove|replace|reject|accept|validate|migrate"),
    Rule("code-generation", r"upgrade|enable"),
)

# Weaker words anywhere in the title.
HINTS: tuple[Rule, ...] = (
    Rule("security-analysis", r"security|open redirects?|cve-\d+-\d+"),
    Rule("performance-analysis", r"slow|latency|throughput|performance|p9[59]"),
    Rule("code-refactor", r"refactoring|legacy|duplicat(?:ed|ion)|tech(?:nical)? debt"),
    Rule("deployment", r"deploy(?:ment)?|pipeline|kubernetes|docker|terraform|staging"),
    Rule("monitoring", r"metrics|uptime|health ?checks?|outage|dashboards?"),
    Rule("code-generation", r"bug|crash(?:es)?|error|broken|fails?|endpoint|function|class|script|page"),
    Rule("architecture-design", r"design"),
    Rule("decision", r"decision"),
    Rule("unit-test", r"tests?"),
)

# Only what a person chose says something: pass None for a board type that is a mere default.
BY_BOARD_TYPE: dict[str, str] = {
    "feature": "code-generation",
    "bugfix": "code-generation",
    "enhancement": "code-generation",
    "tech-debt": "code-refactor",
}

_PASSES: tuple[tuple[TextPart, tuple[Rule, ...]], ...] = (
    ("title", THINGS),
    ("title start", VERBS),
    ("title", HINTS),
    ("description", THINGS),
)


def infer_task_type(
    title: str, description: str = "", board_type: str | None = None, role: str | None = None
) -> tuple[str, str]:
    """The routing type of a task and the reason, one sentence without its full stop.

    With a `role` only that role's types are considered, and its main type is the default; else the
    default is `general-query`. Raises `NotFoundError` for a role that does not exist.
    """
    allowed = None if role is None else role_manifest(role).task_types
    if allowed is not None and len(allowed) == 1:
        return allowed[0], f"the only task type of the role {role}"
    for task_type, reason in _evidence(title, description, board_type):
        if allowed is None or task_type in allowed:
            return task_type, reason
    if allowed is not None:
        return allowed[0], f"the main task type of the role {role}; the words say nothing more"
    return DEFAULT_TASK_TYPE, "no rule matches its words"


def _evidence(title: str, description: str, board_type: str | None) -> Iterator[tuple[str, str]]:
    """Every hint in the order of its strength, as (task type, reason)."""
    for place, rules in _PASSES:
        text = description if place == "description" else title
        for rule in rules:
            match = _pattern(rule.words, place).search(text)
            if match is not None:
                yield rule.task_type, f"the {place.split()[0]} says '{match.group(1).lower()}'"
    if board_type in BY_BOARD_TYPE:
        yield BY_BOARD_TYPE[board_type], f"the board type is {board_type}"


def _pattern(words: str, place: TextPart) -> re.Pattern[str]:
    # `re` keeps compiled patterns itself; \b would also match inside "re-test" and "a/b-test".
    start = r"^\W*" if place == "title start" else r"(?<![\w-])"
    return re.compile(rf"{start}({words})(?![\w-])", re.IGNORECASE)
