"""Made from async_documents.py by `python -m tests.sdk.make`: change that file."""

from __future__ import annotations

from typing import Literal

from vapora import commands, views
from vapora.sdk.frames import Rows
from vapora.sdk.pages import Pages
from vapora.sdk.paths import Position, path
from vapora.sdk.transport import Transport


class Documents(Transport):
    """Texts with versions."""

    def documents(
        self,
        project_id: str | None = None,
        kind: str | None = None,
        state: views.DocumentState | None = None,
        limit: int | None = None,
    ) -> Pages[views.DocumentSummary]:
        """Without their texts, the last changed first, page by page as they are taken."""
        filters = {"project_id": project_id, "kind": kind, "state": state}
        return self._items("/documents", views.DocumentSummary, filters, limit)

    def create_document(self, document: commands.CreateDocument, key: str | None = None) -> views.DocumentView:
        return self._ask("POST", "/documents", views.DocumentView, document, key)

    def document(self, document_id: str, version: int | None = None, after: Position = None) -> views.DocumentView:
        """With its text in this version, else the newest."""
        asked = {"version": version, "after": after}
        return self._get(path("documents", document_id), views.DocumentView, asked)

    def edit_document(self, document_id: str, change: commands.EditDocument) -> views.DocumentView:
        """Another version of it; what is not named stays. An `ApiError` `document-outdated` where the version that it
        was made from is not the newest."""
        return self._ask("PUT", path("documents", document_id), views.DocumentView, change)

    def remove_document(self, document_id: str) -> int:
        return self._write("DELETE", path("documents", document_id))

    def document_versions(self, document_id: str, limit: int | None = None) -> Pages[views.DocumentVersion]:
        """The newest first, each with what changed since the one before."""
        return self._items(path("documents", document_id, "history"), views.DocumentVersion, {}, limit)

    def document_difference(
        self, document_id: str, base: int | None = None, version: int | None = None
    ) -> views.DocumentDifference:
        """`version` None: the newest; `base` None: the one before."""
        asked = {"base": base, "version": version}
        return self._get(path("documents", document_id, "difference"), views.DocumentDifference, asked)

    def publish_document(
        self, document_id: str, version: int | None = None, key: str | None = None
    ) -> views.DocumentView:
        """None: the newest."""
        body = commands.PublishDocument(version=version)
        return self._ask("POST", path("documents", document_id, "publish"), views.DocumentView, body, key)

    def archive_document(self, document_id: str, reason: str = "", key: str | None = None) -> views.DocumentView:
        body = commands.ArchiveDocument(reason=reason)
        return self._ask("POST", path("documents", document_id, "archive"), views.DocumentView, body, key)

    def restore_document(self, document_id: str, key: str | None = None) -> views.DocumentView:
        return self._ask("POST", path("documents", document_id, "restore"), views.DocumentView, None, key)

    def merge_document(
        self,
        document_id: str,
        into: str,
        text: str | None = None,
        version: int | None = None,
        reason: str = "",
        key: str | None = None,
    ) -> views.DocumentMerged:
        """It is archived, and `into` stands for both. `text`: what that one says then, made from its `version`."""
        body = {"into": into, "text": text, "version": version, "reason": reason}
        said = {name: value for name, value in body.items() if value is not None}
        return self._ask("POST", path("documents", document_id, "merge"), views.DocumentMerged, said, key)

    def duplicates(self, project_id: str | None = None, threshold: float | None = None) -> Rows[views.DuplicatePair]:
        """Pairs of documents that say much the same, the most alike first."""
        asked = {"project_id": project_id, "threshold": threshold}
        return self._all("/documentation/duplicates", views.DuplicatePair, asked)

    def draw_documents(
        self,
        of: Literal["decisions", "presentations"] = "decisions",
        project_id: str | None = None,
        key: str | None = None,
    ) -> views.DrawnDocuments:
        """Drafts of what the log holds, each drawn once."""
        body = commands.DrawDocuments(of=of, project_id=project_id)
        return self._ask("POST", "/documentation/draw", views.DrawnDocuments, body, key)

    def documentation(self, after: Position = None) -> views.DocumentationView:
        """Whether finished work is documented by cards."""
        return self._get("/documentation", views.DocumentationView, {"after": after})

    def set_documentation(
        self, rule: Literal["off", "each", "batched"] | None, project_id: str | None = None
    ) -> views.DocumentationView:
        """`project_id` None: for projects that say nothing. `rule` None: the project says nothing any more."""
        body = commands.SetDocumentation(rule=rule, project_id=project_id)
        return self._ask("PUT", "/documentation", views.DocumentationView, body)
