"""Documents: versions and conflicts, what is archived, merged and followed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from events.base import DomainEvent
from events.content import Content
from events.document import DocumentArchived, DocumentCreated, DocumentEdited, DocumentMerged, DocumentPublished
from vapora.commands.documents import (
    ArchiveDocument,
    DraftDocument,
    Drawn,
    FollowFile,
    MergeInto,
    PublishDocument,
    RemoveDocument,
    RestoreDocument,
    ReviseDocument,
)
from vapora.domain import document as rules
from vapora.domain.document import Document
from vapora.errors import BadInputError, ConflictError, DocumentOutdatedError, NotFoundError


def text(what: str) -> Content:
    return Content(text=what, size=len(what.encode()))


def fold(events: Iterable[DomainEvent], state: Document | None = None) -> Document:
    for event in events:
        state = rules.evolve(state, event)
    assert state is not None
    return state


def draft(**more: Any) -> DraftDocument:
    return DraftDocument(**{"title": "Guide", "text": text("One"), "kind": "guide", **more})


def made(id_: str = "document-1", **more: Any) -> Document:
    return fold(rules.decide(None, draft(**more), id_))


def revised(document: Document, what: str, version: int | None = None) -> Document:
    command = ReviseDocument(version=version or document.version, text=text(what))
    return fold(rules.decide(document, command, document.id), document)


def follow(what: str, position: int, path: str = "README.md") -> FollowFile:
    return FollowFile(
        project_id="p",
        path=path,
        title="Shop",
        kind="readme",
        kind_reason="its path",
        text=text(what),
        task_id=f"task-{position}",
        oid="a" * 40,
        position=position,
    )


def test_an_edit_names_the_version_that_it_was_made_from() -> None:
    document = revised(revised(made(), "Two"), "Three")
    assert (document.version, document.text.text) == (3, "Three")
    with pytest.raises(DocumentOutdatedError) as caught:
        revised(document, "Mine", version=2)
    assert caught.value.details["version"] == 3
    assert rules.decide(document, ReviseDocument(version=3, text=text("Three")), document.id) == ()


def test_a_later_version_is_a_draft_until_it_is_published_too() -> None:
    document = made()
    assert document.state == "draft"
    published = fold(rules.decide(document, PublishDocument(), document.id), document)
    assert (published.state, published.published) == ("published", 1)
    edited = revised(published, "Two")
    assert (edited.state, edited.version, edited.published) == ("published", 2, 1)
    assert rules.decide(edited, PublishDocument(version=1), edited.id) == ()
    with pytest.raises(NotFoundError):
        rules.decide(edited, PublishDocument(version=3), edited.id)


def test_an_archived_one_is_not_edited_until_it_is_restored() -> None:
    document = made()
    archived = fold(rules.decide(document, ArchiveDocument(), document.id), document)
    with pytest.raises(ConflictError, match="archived"):
        revised(archived, "Two")
    restored = fold(rules.decide(archived, RestoreDocument(), document.id), archived)
    assert revised(restored, "Two").version == 2
    gone = fold(rules.decide(restored, RemoveDocument(), document.id), restored)
    with pytest.raises(NotFoundError):
        revised(gone, "Three")


def test_merged_by_a_persons_word_the_one_points_at_the_other_and_keeps_its_history() -> None:
    one, other = made("document-1"), made("document-2", title="Handbook")
    command = MergeInto(into="document-2", text=text("Both"), version=1)
    gone, left = rules.merge(one, other, command, "document-1")
    assert [type(event) for event in (*gone, *left)] == [DocumentMerged, DocumentEdited]
    one, other = fold(gone, one), fold(left, other)
    assert (one.state, one.merged_into, one.text.text) == ("archived", "document-2", "One")
    assert (other.version, other.text.text, other.title) == (2, "Both", "Handbook")
    assert rules.merge(one, other, command, "document-1") == ((), ())
    with pytest.raises(DocumentOutdatedError):
        rules.merge(made("document-3"), other, command, "document-3")
    with pytest.raises(ConflictError, match="merged into 'document-2'"):
        rules.merge(other, one, MergeInto(into="document-1"), "document-2")
    with pytest.raises(BadInputError):
        rules.merge(other, other, MergeInto(into="document-2"), "document-2")


def test_a_document_follows_its_file_and_a_landing_that_is_looked_at_twice_or_late_changes_nothing() -> None:
    first = rules.decide(None, follow("One", 10), "document-1")
    assert [type(event) for event in first] == [DocumentCreated, DocumentPublished]
    document = fold(first)
    assert rules.decide(document, follow("One", 10), document.id) == ()
    assert rules.decide(document, follow("One", 20), document.id) == ()
    later = fold(rules.decide(document, follow("Two", 30), document.id), document)
    assert (later.version, later.published) == (2, 2)
    assert rules.decide(later, follow("One", 10), later.id) == (), "an older landing"
    mine = revised(later, "Mine")
    assert rules.decide(mine, follow("Two", 30), mine.id) == (), "what a person wrote since stays"
    assert fold(rules.decide(mine, follow("Three", 40), mine.id), mine).text.text == "Three"
    archived = fold([DocumentArchived(document_id=later.id)], later)
    assert rules.decide(archived, follow("Three", 40), later.id) == ()


def test_a_decision_is_drawn_once_also_where_a_person_removed_it() -> None:
    drawn = Drawn(document_id="document-1", draft=draft(kind="adr"))
    document = fold(rules.draw(None, drawn))
    assert rules.draw(document, drawn) == ()
    gone = fold(rules.decide(document, RemoveDocument(), document.id), document)
    assert rules.draw(gone, drawn) == ()


@pytest.mark.parametrize("path", ["../README.md", "docs/./a.md", ".git/config", "docs/.GIT/x", "a//b"])
def test_a_path_that_leads_elsewhere_is_refused(path: str) -> None:
    with pytest.raises(BadInputError, match="no path"):
        rules.decide(None, draft(path=path), "document-1")
