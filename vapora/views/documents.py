"""Documents, their versions, and what is done to have finished work documented."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from events.document import DocumentKind, DocumentSource
from events.documentation import DocumentationRule
from vapora.views.base import View

DocumentState = Literal["draft", "published", "archived"]


class DocumentSummary(View):
    """`version` is the newest one, `published_version` the one that holds. `kind_reason`: empty where a person said the
    kind. `source`: of the newest version. `merged_into`: the document that stands for it."""

    id: str
    project_id: str | None
    kind: DocumentKind
    kind_reason: str
    title: str
    path: str | None
    state: DocumentState
    version: int
    published_version: int | None
    size: int
    source: DocumentSource
    merged_into: str | None
    merged_from: tuple[str, ...]
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str
    position: int


class DocumentView(DocumentSummary):
    """`text`: of `shown_version`, in Markdown."""

    shown_version: int
    text: str


class DocumentVersion(View):
    """`patch`: what changed since the version before, as a unified diff; `truncated`: it is cut, or left out where the
    texts are too large to be compared."""

    version: int
    title: str
    kind: DocumentKind
    path: str | None
    note: str
    size: int
    source: DocumentSource
    at: datetime
    by: str
    published_at: datetime | None
    patch: str
    additions: int
    deletions: int
    truncated: bool


class DocumentDifference(View):
    """What changed from version `base` to version `version`."""

    id: str
    base: int
    version: int
    patch: str
    additions: int
    deletions: int
    truncated: bool


class DuplicatePair(View):
    """Two documents that say much the same. `score`: 0 to 1."""

    one: DocumentSummary
    other: DocumentSummary
    score: float


class DrawnDocument(View):
    id: str
    title: str


class DrawnDocuments(View):
    items: tuple[DrawnDocument, ...]
    position: int


class DocumentMerged(View):
    """`id` is archived, and `into` stands for both."""

    id: str
    into: str
    position: int


class DocumentationCard(View):
    """A card of the documenter, and the finished cards that it documents."""

    task_id: str
    project_id: str
    of_tasks: tuple[str, ...]
    at: datetime
    position: int


class ProjectDocumentation(View):
    """`rule`: as the project says; null: it says nothing. `in_effect`: what holds."""

    project_id: str
    rule: DocumentationRule | None
    in_effect: DocumentationRule


class DocumentationView(View):
    """`rule`: of the workspace, for projects that say nothing. `cards`: the newest fifty."""

    rule: DocumentationRule
    projects: tuple[ProjectDocumentation, ...]
    cards: tuple[DocumentationCard, ...]
