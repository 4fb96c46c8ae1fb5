"""What is done about documents as a whole: whether finished work is documented by cards, which of them say the same,
and what the log holds that can become one."""

from __future__ import annotations

from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Query

from projections import documents as model
from projections import projects as project_rows
from projections.engine.transaction import ReadSnapshot
from vapora.api.cells import Cell
from vapora.api.context import Cursor, FreshCell, Limit, PostKey, Writing
from vapora.api.document_sources import drawn_from
from vapora.api.gate import LetIn
from vapora.api.pages import page_of
from vapora.api.places import Ref
from vapora.api.readable_rows import readable
from vapora.commands.documents import DraftDrawn, DrawDocuments, SetDocumentation
from vapora.domain.document_duplicates import THRESHOLD, similar_pairs
from vapora.domain.documentation import Documentation, in_effect
from vapora.views import (
    DocumentationView,
    DrawnDocument,
    DrawnDocuments,
    DuplicatePair,
    Page,
    ProjectDocumentation,
)

router = APIRouter(prefix="/documentation", tags=["documents"])

_NEWEST_CARDS = 50
# So many are compared with each other, the last changed first.
_COMPARED = 2_000


@router.get("", summary="Show how finished work is documented")
async def get_documentation(cell: FreshCell, admitted: LetIn) -> DocumentationView:
    """The rule of the workspace and of each project, and the newest cards of the documenter."""
    found = await cell.read(_view)
    of_projects = {one.project_id: Ref("project", one.project_id) for one in found.projects}
    of_cards = {one.task_id: Ref("task", one.task_id) for one in found.cards}
    may = await readable(admitted, cell, (*of_projects.values(), *of_cards.values()))
    projects = tuple(one for one in found.projects if may[of_projects[one.project_id]])
    cards = tuple(one for one in found.cards if may[of_cards[one.task_id]])
    return found.model_copy(update={"projects": projects, "cards": cards})


@router.put("", summary="Say how finished work is documented")
async def set_documentation(body: SetDocumentation, writing: Writing) -> DocumentationView:
    """`each`: each finished card leads to a card for the documenter; `batched`: at most one of them is open in a
    project, and the next names all that was finished meanwhile; `off`: none. It holds for cards that are finished from
    now on: with a repository, once they have landed. Such a card is an ordinary one."""
    accepted = await writing.dispatch(body)
    return await _as_written(writing.cell, accepted.position)


@router.get("/duplicates", summary="Find documents that say the same")
async def list_duplicates(
    cell: FreshCell,
    project_id: Annotated[str | None, Query(max_length=200, description="Of this project only.")] = None,
    threshold: Annotated[
        float, Query(ge=0.1, le=1, description="How alike at least: 1 for the same words in the same shares.")
    ] = THRESHOLD,
    limit: Limit = 500,
    cursor: Cursor = None,
) -> Page[DuplicatePair]:
    """Pairs of documents that are not archived, the most alike first: by the cosine of their words, weighed by how rare
    they are (TF-IDF). Whether one is merged into the other is for a person to say."""
    found = await cell.read(lambda rows: model.open_rows(rows, project_id, _COMPARED))

    def compare() -> list[DuplicatePair]:
        texts = {row["id"]: f"{row['title']}\n{cell.blobs.text(model.content_of(row))}" for row in found}
        by_id = {row["id"]: model.summary(row) for row in found}
        pairs = similar_pairs(texts, threshold)
        return [DuplicatePair(one=by_id[pair.one], other=by_id[pair.other], score=pair.score) for pair in pairs]

    pairs = await to_thread.run_sync(compare)
    return page_of(pairs, lambda pair: f"{pair.one.id}+{pair.other.id}", limit, cursor)


@router.post("/draw", summary="Draw documents from the log")
async def draw_documents(body: DrawDocuments, writing: Writing, key: PostKey) -> DrawnDocuments:
    """Drafts of decision records, from what architects and decision-makers handed in and from what people approved in
    workflows; or of presentations, from what presenters handed in. Each is drawn once."""
    accepted = await writing.answered(key)
    drawn = await drawn_from(writing.cell, body)
    if accepted is None:
        accepted = await writing.dispatch(DraftDrawn(drawn=drawn), key=key)
    items = tuple(DrawnDocument(id=one.document_id, title=one.draft.title) for one in drawn)
    return DrawnDocuments(items=items, position=accepted.position)


def _view(rows: ReadSnapshot) -> DocumentationView:
    rules = model.rules(rows)
    workspace = rules.get("")
    ids = [one.id for one in project_rows.projects(rows)]
    return DocumentationView(
        rule=workspace or "off",
        projects=tuple(
            ProjectDocumentation(
                project_id=one,
                rule=rules.get(one),
                in_effect=in_effect(Documentation(rules.get(one)), Documentation(workspace)),
            )
            for one in ids
        ),
        cards=tuple(model.cards(rows, _NEWEST_CARDS)),
    )


async def _as_written(cell: Cell, position: int) -> DocumentationView:
    await cell.wait_for(position)
    return await cell.read(_view)
