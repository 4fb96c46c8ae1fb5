"""Rules about having finished work documented: which cards, by which card, and what that card says.

A finished card is documented once. What was asked for stands in one stream of the project, and each request in one
append with its card: whatever crashes, there are never two for one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256

from events.base import DomainEvent
from events.documentation import DocumentationRequested, DocumentationRule, DocumentationRuleSet
from events.ids import TaskState
from vapora.commands.documents import SetDocumentation
from vapora.domain.project import Project
from vapora.domain.task_state import Task

# To be raised with every change of `evolve` or of the state: what an older fold saved is then left aside.
FOLD_VERSION = 1

ROLE = "documenter"
TASK_TYPE = "document-generation"
# Where a project's documents are, while none is kept.
USUAL_PATHS = ("README.md", "CHANGELOG.md")
# So many finished cards one card documents at most; the others get the next one.
MOST_TASKS = 20
_QUOTED = 2_000


@dataclass(frozen=True, slots=True)
class Documentation:
    """Of a project, or of the workspace (which has a rule only). `cards`: for each card of the documenter, what it
    documents."""

    rule: DocumentationRule | None = None
    cards: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def documented(self) -> frozenset[str]:
        return frozenset(one for of_tasks in self.cards.values() for one in of_tasks)

    @property
    def newest(self) -> str | None:
        """The card that was asked for last."""
        return next(reversed(self.cards), None)


@dataclass(frozen=True, slots=True)
class Request:
    """A card to be made."""

    task_id: str
    of_tasks: tuple[Task, ...]


def evolve(state: Documentation | None, event: DomainEvent) -> Documentation | None:
    known = state or Documentation()
    match event:
        case DocumentationRuleSet():
            return replace(known, rule=event.rule)
        case DocumentationRequested():
            return replace(known, cards={**known.cards, event.task_id: event.of_tasks})
        case _:
            return state


def set_rule(state: Documentation | None, command: SetDocumentation) -> tuple[DomainEvent, ...]:
    if (state or Documentation()).rule == command.rule:
        return ()
    return (DocumentationRuleSet(project_id=command.project_id, rule=command.rule),)


def in_effect(project: Documentation | None, workspace: Documentation | None) -> DocumentationRule:
    own = project.rule if project else None
    return own or (workspace.rule if workspace else None) or "off"


def is_finished(task: Task, project: Project) -> bool:
    """Whether there is something to document: what it changed has landed; without a repository it is done."""
    return task.is_landed if project.repo is not None else task.state is TaskState.DONE


def is_documentation(task: Task) -> bool:
    """Documentation itself is not documented."""
    return task.role == ROLE or "documentation" in task.context


def requests(
    state: Documentation | None, rule: DocumentationRule, tasks: Sequence[Task], project: Project, open_card: bool
) -> tuple[Request, ...]:
    """The cards to make for these tasks, in their order. `open_card`: whether the newest one is under way."""
    known = (state or Documentation()).documented
    due = [one for one in tasks if one.id not in known and is_finished(one, project) and not is_documentation(one)]
    if rule == "off" or not due or project.archived:
        return ()
    if rule == "each":
        return tuple(Request(card_id(project.id, (one.id,)), (one,)) for one in due)
    if open_card:
        return ()
    batch = tuple(due[:MOST_TASKS])
    return (Request(card_id(project.id, [one.id for one in batch]), batch),)


def requested(request: Request, project: Project) -> DocumentationRequested:
    return DocumentationRequested(
        project_id=project.id, task_id=request.task_id, of_tasks=tuple(one.id for one in request.of_tasks)
    )


def card_id(project_id: str, of_tasks: Sequence[str]) -> str:
    """The same for the same work, whoever computes it: a second one would be at a stream that is taken."""
    return f"task-{sha256(' '.join((project_id, *of_tasks)).encode()).hexdigest()[:15]}"


def title(of_tasks: Sequence[Task]) -> str:
    if len(of_tasks) > 1:
        return f"Document {len(of_tasks)} finished cards"
    return f"Document: {of_tasks[0].title}"[:500]


def brief(of_tasks: Sequence[Task], paths: Sequence[str]) -> str:
    """What the card says. Titles and descriptions of the others are quoted: they are what is to be documented."""
    kept = ", ".join(f"`{path}`" for path in paths or USUAL_PATHS)
    parts = [
        f"Bring the documents up to date with what was finished: {kept}. Change what a reader would miss or be misled "
        "by, and nothing else; where nobody would notice, a line in the changelog is enough.",
        "Done when: what the documents say of this work is true.",
    ]
    for one in of_tasks:
        landed = f", landed as {one.landed.oid}" if one.landed is not None else ""
        said = one.description if len(one.description) <= _QUOTED else f"{one.description[:_QUOTED]}…"
        quoted = "\n".join(f"> {line}".rstrip() for line in f"{one.title}\n\n{said}".strip().splitlines())
        parts.append(f"Finished card {one.id}{landed}:\n{quoted}")
    return "\n\n".join(parts)
