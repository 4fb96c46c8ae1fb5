"""Documents in the index. Archived ones stay to be found, removed ones do not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from events import Recorded, document
from vapora.domain.search import Entry
from vapora.search.changes import Change, Drop, Handlers, Known, Put


def _created(recorded: Recorded, event: document.DocumentCreated, known: Known) -> Iterable[Change]:
    link = f"/documents/{event.document_id}"
    text, at = known.text(event.text), recorded.recorded_at
    project = event.project_id or ""
    yield Put(Entry("document", event.document_id, project, event.title, text, at, "", link, recorded.position))


def _edited(recorded: Recorded, event: document.DocumentEdited, known: Known) -> Iterable[Change]:
    was = known.get("document", event.document_id)
    if was is not None:
        text, at = known.text(event.text), recorded.recorded_at
        yield Put(replace(was, title=event.title, text=text, at=at, position=recorded.position))


def _removed(recorded: Recorded, event: document.DocumentRemoved, known: Known) -> Iterable[Change]:
    yield Drop("document", event.document_id)


DOCUMENTS: Final[Handlers] = {
    document.DocumentCreated: _created,
    document.DocumentEdited: _edited,
    document.DocumentRemoved: _removed,
}
