"""What is to be looked at because of finished cards, folded from a workspace's log: which may have to be documented,
and which landings may have changed a document that is kept in a repository.

Of which project a card is, and whether there is something to document, is found out when it is looked at. Where no rule
is on and no document is kept, nothing is remembered.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from events.document import (
    DocumentArchived,
    DocumentCreated,
    DocumentEdited,
    DocumentMerged,
    DocumentRemoved,
    DocumentRestored,
)
from events.documentation import DocumentationRequested, DocumentationRule, DocumentationRuleSet
from events.recorded import Recorded
from events.task import TaskApproved, TaskArchived, TaskCompleted, TaskFailed, TaskLanded
from vapora.domain.documentation import Documentation, in_effect

# To be raised with every change of `evolve` or of the data: what an older fold saved is then left aside.
FOLD_VERSION = 1

_ENDS = (TaskCompleted, TaskApproved, TaskLanded, TaskArchived, TaskFailed)
_OF_DOCUMENTS = (
    DocumentCreated,
    DocumentEdited,
    DocumentArchived,
    DocumentRestored,
    DocumentMerged,
    DocumentRemoved,
)
TOPICS: Final = tuple(kind.TOPIC for kind in (*_ENDS, *_OF_DOCUMENTS, DocumentationRuleSet, DocumentationRequested))


@dataclass(frozen=True, slots=True)
class Kept:
    """A document that is kept at a path of the project's repository. `open`: it follows the file."""

    project_id: str
    path: str | None
    open: bool = True


@dataclass(frozen=True, slots=True)
class Landing:
    """The commit that a task's work landed as, and the position of the event that says so."""

    task_id: str
    oid: str
    position: int


@dataclass(slots=True)
class DocumentationDue:
    """Mutable: `evolve` folds into it. `rules` by project, "" for the workspace. `finished`: cards that nobody has
    looked at yet; `pending`, by project: those that were, and are to be documented. `cards`: the documenter's open
    ones, with their projects. `dirty`: projects about which something can be done."""

    position: int = 0
    rules: dict[str, DocumentationRule] = field(default_factory=dict)
    kept: dict[str, Kept] = field(default_factory=dict)
    finished: dict[str, bool] = field(default_factory=dict)
    landings: list[Landing] = field(default_factory=list)
    pending: dict[str, list[str]] = field(default_factory=dict)
    cards: dict[str, str] = field(default_factory=dict)
    dirty: dict[str, bool] = field(default_factory=dict)

    @property
    def is_on(self) -> bool:
        return any(rule != "off" for rule in self.rules.values())

    @property
    def is_due(self) -> bool:
        return bool(self.finished or self.landings or self.dirty)

    def rule_of(self, project_id: str) -> DocumentationRule:
        return in_effect(Documentation(self.rules.get(project_id)), Documentation(self.rules.get("")))

    def paths_of(self, project_id: str) -> dict[str, str]:
        """Of the documents that are kept in its repository: path → document. Of two at one path, the newer."""
        return {
            one.path: document_id
            for document_id, one in self.kept.items()
            if one.project_id == project_id and one.open and one.path is not None
        }

    def evolve(self, recorded: Recorded) -> None:
        if recorded.position <= self.position:
            return
        self.position = recorded.position
        match recorded.event:
            case TaskCompleted() | TaskApproved() | TaskLanded() | TaskArchived() | TaskFailed() as event:
                if isinstance(event, TaskLanded) and (self.kept or event.task_id in self.cards):
                    self.landings.append(Landing(event.task_id, event.oid, recorded.position))
                self._ended(event)
            case DocumentationRuleSet(project_id=project_id, rule=rule):
                self._set(project_id or "", rule)
            case DocumentationRequested() as event:
                self.cards[event.task_id] = event.project_id
                self._asked_for(event)
            case DocumentCreated(document_id=document_id, project_id=str(project_id), path=path):
                self.kept[document_id] = Kept(project_id, path)
            case DocumentEdited(document_id=document_id, path=path) if document_id in self.kept:
                known = self.kept[document_id]
                self.kept[document_id] = Kept(known.project_id, path, known.open)
            case (
                DocumentArchived(document_id=document_id)
                | DocumentMerged(document_id=document_id)
                | DocumentRestored(document_id=document_id) as event
            ) if document_id in self.kept:
                known = self.kept[document_id]
                self.kept[document_id] = Kept(known.project_id, known.path, isinstance(event, DocumentRestored))
            case DocumentRemoved(document_id=document_id):
                self.kept.pop(document_id, None)

    def looked_at(self, task_id: str, project_id: str | None) -> None:
        """`project_id`: where it is to be documented; None: it is not."""
        self.finished.pop(task_id, None)
        if project_id is not None:
            of_project = self.pending.setdefault(project_id, [])
            if task_id not in of_project:
                of_project.append(task_id)
            self.dirty[project_id] = True

    def _ended(self, event: TaskCompleted | TaskApproved | TaskLanded | TaskArchived | TaskFailed) -> None:
        project_id = self.cards.get(event.task_id)
        if project_id is not None:
            # A card of the documenter, behind which others may wait.
            if self.pending.get(project_id):
                self.dirty[project_id] = True
        elif self.is_on and not isinstance(event, TaskArchived | TaskFailed):
            self.finished[event.task_id] = True

    def _set(self, project_id: str, rule: DocumentationRule | None) -> None:
        if rule is None:
            self.rules.pop(project_id, None)
        else:
            self.rules[project_id] = rule
        for one in list(self.pending):
            if self.rule_of(one) == "off":
                del self.pending[one]
            else:
                self.dirty[one] = True

    def _asked_for(self, event: DocumentationRequested) -> None:
        left = [one for one in self.pending.get(event.project_id, ()) if one not in event.of_tasks]
        if left:
            self.pending[event.project_id] = left
        else:
            self.pending.pop(event.project_id, None)
        for task_id in event.of_tasks:
            self.finished.pop(task_id, None)
