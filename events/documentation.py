"""Facts about documentation: whether the documenter is asked after finished tasks, and by which cards it was."""

from __future__ import annotations

from typing import ClassVar, Literal

from events.base import DomainEvent

DocumentationRule = Literal["off", "each", "batched"]


class DocumentationRuleSet(DomainEvent):
    """From now on, finished cards lead to cards for the documenter: `each` to one of its own, `batched` to at most one
    open card a project, which names all that were finished meanwhile, `off` to none. `project_id` None: what holds
    for projects that say nothing. `rule` None: the project says nothing any more."""

    TOPIC: ClassVar[str] = "documentation.rule-set"

    project_id: str | None = None
    rule: DocumentationRule | None


class DocumentationRequested(DomainEvent):
    """The card `task_id`, which stands in the same append, shall document what `of_tasks` did."""

    TOPIC: ClassVar[str] = "documentation.requested"

    project_id: str
    task_id: str
    of_tasks: tuple[str, ...]
