"""Documents in the index: the newest version of each, archived ones too."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from events import Recorded, document
from vapora.domain.search import Entry
from vapora.search.changes import Change, Drop, Handlers, Known, Put


def _created(recorded: Recorded, event: document.DocumentCreated, known: Known) -> Iterable[Change]:
    yield Put(
        Entry(
            kind="document",
            id=event.document_id,
            project_id=event.project_id or "",
            title=event.title,
            text=known.text(event.text),
            at=recorded.recorded_at,
            task_id=event.source.task_id or "",
            link=f"/documents/{event.document_id}",
            position=recorded.position,
        )
    )


def _edited(recorded: Recorded, event: document.DocumentEdited, known: Known) -> Iterable[Change]:
    entry = known.get("document", event.document_id)
    if entry is not None:
        text = known.text(event.text)
        yield Put(replace(entry, title=event.title, text=text, at=recorded.recorded_at, position=recorded.position))


def _removed(recorded: Recorded, event: document.DocumentRemoved, known: Known) -> Iterable[Change]:
    yield Drop("document", event.document_id)


DOCUMENTS: Final[Handlers] = {
    document.DocumentCreated: _created,
    document.DocumentEdited: _edited,
    document.DocumentRemoved: _removed,
}
