"""Documents as they are, all their versions, and what is said about having finished work documented."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from events import DomainEvent, Recorded, document, documentation
from events.content import Content
from events.documentation import DocumentationRule
from projections.engine.base import (
    Condition,
    Handler,
    Projection,
    PublicView,
    Reader,
    Row,
    Rows,
    Table,
    format_instant,
)
from vapora import views

DOCUMENTS = Table(
    "documents",
    key=("id",),
    columns={
        "id": "text",
        "project_id": "text",
        "kind": "text",
        "kind_reason": "text",
        "title": "text",
        "path": "text",
        "content": "json",
        "size": "int",
        "source": "json",
        "version": "int",
        "published_version": "int",
        "archived": "int",
        "merged_into": "text",
        "merged_from": "json",
        "created_at": "text",
        "created_by": "text",
        "updated_at": "text",
        "updated_by": "text",
        "created_position": "int",
    },
    indexes=(("project_id", "path"),),
)
VERSIONS = Table(
    "document_versions",
    key=("document_id", "version"),
    columns={
        "document_id": "text",
        "version": "int",
        "title": "text",
        "kind": "text",
        "path": "text",
        "content": "json",
        "size": "int",
        "note": "text",
        "source": "json",
        "at": "text",
        "by": "text",
        "published_at": "text",
    },
)
RULES = Table("documentation_rules", key=("project_id",), columns={"project_id": "text", "rule": "text"})
CARDS = Table(
    "documentation_cards",
    key=("task_id",),
    columns={"task_id": "text", "project_id": "text", "of_tasks": "json", "at": "text", "number": "int"},
    indexes=(("project_id", "number"),),
)
_OF_VERSION = ("title", "kind", "path")
# The workspace's own rule; no project has an empty id.
_WORKSPACE = ""


def _created(recorded: Recorded, event: document.DocumentCreated, rows: Rows) -> None:
    at = format_instant(recorded.recorded_at)
    said = event.model_dump(mode="json")
    rows.put(
        DOCUMENTS,
        {
            "id": event.document_id,
            **{name: said[name] for name in ("project_id", "kind_reason", "source", *_OF_VERSION)},
            "content": said["text"],
            "size": event.text.size,
            "version": 1,
            "published_version": None,
            "archived": 0,
            "merged_into": None,
            "merged_from": [],
            "created_at": at,
            "created_by": recorded.actor,
            "updated_at": at,
            "updated_by": recorded.actor,
            "created_position": recorded.position,
        },
    )
    _version(recorded, event, 1, "", rows)


def _edited(recorded: Recorded, event: document.DocumentEdited, rows: Rows) -> None:
    said = event.model_dump(mode="json")
    changed = {name: said[name] for name in ("version", "source", *_OF_VERSION)}
    known = rows.get(DOCUMENTS, (event.document_id,))
    if known is not None and known["kind"] != event.kind:
        changed["kind_reason"] = ""
    _change(recorded, event.document_id, rows, **changed, content=said["text"], size=event.text.size)
    _version(recorded, event, event.version, event.note, rows)


def _version(
    recorded: Recorded, event: document.DocumentCreated | document.DocumentEdited, version: int, note: str, rows: Rows
) -> None:
    said = event.model_dump(mode="json")
    rows.put(
        VERSIONS,
        {
            "document_id": event.document_id,
            "version": version,
            **{name: said[name] for name in ("source", *_OF_VERSION)},
            "content": said["text"],
            "size": event.text.size,
            "note": note,
            "at": format_instant(recorded.recorded_at),
            "by": recorded.actor,
            "published_at": None,
        },
    )


def _published(recorded: Recorded, event: document.DocumentPublished, rows: Rows) -> None:
    _change(recorded, event.document_id, rows, published_version=event.version)
    version = rows.get(VERSIONS, (event.document_id, event.version))
    if version is not None:
        rows.put(VERSIONS, {**version, "published_at": format_instant(recorded.recorded_at)})


def _archived(recorded: Recorded, event: document.DocumentArchived, rows: Rows) -> None:
    _change(recorded, event.document_id, rows, archived=1)


def _restored(recorded: Recorded, event: document.DocumentRestored, rows: Rows) -> None:
    known = rows.get(DOCUMENTS, (event.document_id,))
    into = rows.get(DOCUMENTS, (known["merged_into"],)) if known and known["merged_into"] else None
    if into is not None:
        rows.put(DOCUMENTS, {**into, "merged_from": [one for one in into["merged_from"] if one != event.document_id]})
    _change(recorded, event.document_id, rows, archived=0, merged_into=None)


def _merged(recorded: Recorded, event: document.DocumentMerged, rows: Rows) -> None:
    _change(recorded, event.document_id, rows, archived=1, merged_into=event.into)
    into = rows.get(DOCUMENTS, (event.into,))
    if into is not None:
        rows.put(DOCUMENTS, {**into, "merged_from": [*into["merged_from"], event.document_id]})


def _removed(recorded: Recorded, event: document.DocumentRemoved, rows: Rows) -> None:
    rows.delete(DOCUMENTS, (event.document_id,))
    for row in rows.select(VERSIONS, {"document_id": event.document_id}):
        rows.delete(VERSIONS, (event.document_id, row["version"]))


def _change(recorded: Recorded, document_id: str, rows: Rows, **changes: Any) -> None:
    known = rows.get(DOCUMENTS, (document_id,))
    if known is not None:
        told = {"updated_at": format_instant(recorded.recorded_at), "updated_by": recorded.actor}
        rows.put(DOCUMENTS, {**known, **changes, **told})


def _rule_set(recorded: Recorded, event: documentation.DocumentationRuleSet, rows: Rows) -> None:
    rows.put(RULES, {"project_id": event.project_id or _WORKSPACE, "rule": event.rule})


def _requested(recorded: Recorded, event: documentation.DocumentationRequested, rows: Rows) -> None:
    card = {"task_id": event.task_id, "project_id": event.project_id, "of_tasks": list(event.of_tasks)}
    rows.put(CARDS, {**card, "at": format_instant(recorded.recorded_at), "number": recorded.position})


def documents(
    rows: Reader, project_id: str | None = None, kind: str | None = None, state: str | None = None
) -> list[views.DocumentSummary]:
    """The last changed first."""
    where: dict[str, Condition] = {}
    if project_id is not None:
        where["project_id"] = project_id
    if kind is not None:
        where["kind"] = kind
    found = map(summary, rows.select(DOCUMENTS, where, order=("-updated_at", "-created_position")))
    return [one for one in found if state is None or one.state == state]


def open_rows(rows: Reader, project_id: str | None, limit: int) -> list[Row]:
    """Those that are not archived, the last changed first."""
    where: dict[str, Condition] = {"archived": 0}
    if project_id is not None:
        where["project_id"] = project_id
    return rows.select(DOCUMENTS, where, ("-updated_at", "-created_position"), limit)


def row_of(rows: Reader, document_id: str) -> Row | None:
    return rows.get(DOCUMENTS, (document_id,))


def version_of(rows: Reader, document_id: str, version: int) -> Row | None:
    return rows.get(VERSIONS, (document_id, version))


def versions(rows: Reader, document_id: str, before: int | None, limit: int) -> list[Row]:
    """The newest first, those below `before`."""
    after = None if before is None else (before,)
    return rows.select(VERSIONS, {"document_id": document_id}, ("-version",), limit, after)


def at_path(rows: Reader, project_id: str, path: str) -> Row | None:
    """The document that is kept there, and not archived."""
    found = rows.select(DOCUMENTS, {"project_id": project_id, "path": path, "archived": 0}, limit=1)
    return found[0] if found else None


def rules(rows: Reader) -> dict[str, DocumentationRule | None]:
    """By project, "" for the workspace."""
    return {row["project_id"]: row["rule"] for row in rows.select(RULES)}


def cards(rows: Reader, limit: int) -> list[views.DocumentationCard]:
    """The newest first."""
    found = rows.select(CARDS, order=("-number",), limit=limit)
    return [
        views.DocumentationCard(
            task_id=row["task_id"],
            project_id=row["project_id"],
            of_tasks=tuple(row["of_tasks"]),
            at=row["at"],
            position=row["position"],
        )
        for row in found
    ]


def content_of(row: Row) -> Content:
    return Content.model_validate(row["content"])


def summary(row: Row) -> views.DocumentSummary:
    state = "archived" if row["archived"] else "draft" if row["published_version"] is None else "published"
    hidden = ("content", "archived", "created_position")
    return views.DocumentSummary.model_validate(
        {**{name: value for name, value in row.items() if name not in hidden}, "state": state}
    )


def _live(row: Row) -> dict[str, Any]:
    return summary(row).model_dump(mode="json")


class Documents(Projection):
    NAME = "documents"
    VERSION = 1
    TABLES = (DOCUMENTS, VERSIONS, RULES, CARDS)
    VIEWS = (PublicView("document", DOCUMENTS, _live),)
    HANDLERS: ClassVar[Mapping[type[DomainEvent], Handler]] = {
        document.DocumentCreated: _created,
        document.DocumentEdited: _edited,
        document.DocumentPublished: _published,
        document.DocumentArchived: _archived,
        document.DocumentRestored: _restored,
        document.DocumentMerged: _merged,
        document.DocumentRemoved: _removed,
        documentation.DocumentationRuleSet: _rule_set,
        documentation.DocumentationRequested: _requested,
    }
