"""Finding things, as far as who asks may see them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from projections import board
from vapora import views
from vapora.access.reading import readable
from vapora.api.cells import Cell
from vapora.api.context import SearchedCell
from vapora.api.forms import WHOLE
from vapora.api.gate import Admitted, LetIn
from vapora.domain.access import Question, Resource
from vapora.domain.search import KINDS, MOST_QUERY, Found, Hit
from vapora.errors import BadInputError
from vapora.ports import QuestionVector
from vapora.search import SearchReader

router = APIRouter(prefix="/search", tags=["search"])


@router.get("", summary="Find things")
async def search(
    admitted: LetIn,
    cell: SearchedCell,
    q: Annotated[
        str,
        Query(
            min_length=1,
            max_length=MOST_QUERY,
            description='Words; `"in this order"`, `-without`, `begin*`. The last word may be unfinished.',
        ),
    ],
    kinds: Annotated[
        str | None, Query(max_length=200, description=f"Only these, with commas between: {', '.join(KINDS)}.")
    ] = None,
    project_id: Annotated[str | None, Query(max_length=200, description="Of this project only.")] = None,
    limit: Annotated[int, Field(ge=1, le=100), WHOLE, Query(description="How many items at most.")] = 20,
    mode: Annotated[views.SearchMode, Query(description="By the words, by what texts are about, or by both.")] = "both",
) -> views.SearchAnswer:
    """Tasks, runs, documents, comments and code, the best first: only what you may see. A word that nothing holds is
    taken for the nearest one, and `corrected` says so. With `after` the answer includes what was written before."""
    wanted, own = _kinds(kinds), admitted.own
    vector = QuestionVector() if mode == "text" else await cell.vector_of(q)

    def ask(reader: SearchReader) -> Found:
        projects = reader.projects() if own else ()
        allowed = readable(admitted.gate.engine, admitted.principal, cell.workspace, own, projects)
        return reader.find(q, allowed, kinds=wanted, project_id=project_id, limit=limit, mode=mode, vector=vector)

    found = await cell.search(ask)
    hits = await _of_readable_tasks(admitted, cell, found.hits) if own else found.hits
    return views.SearchAnswer(
        items=tuple(map(_item, hits)),
        corrected=dict(found.corrected),
        mode=found.mode,
        reason=vector.reason if found.mode == "text" else "",
        position=found.position,
    )


def _kinds(named: str | None) -> tuple[str, ...]:
    kinds = tuple(filter(None, (one.strip() for one in (named or "").split(","))))
    if strangers := [one for one in kinds if one not in KINDS]:
        raise BadInputError(
            f"There is no kind '{strangers[0]}'.", remedy=f"The kinds are: {', '.join(KINDS)}.", field="kinds",
            where="query",
        )  # fmt: skip
    return kinds


async def _of_readable_tasks(admitted: Admitted, cell: Cell, hits: tuple[Hit, ...]) -> tuple[Hit, ...]:
    """A workspace's own policies may speak of single tasks, and of their state, beside whole projects."""
    ids = {hit.task_id for hit in hits if hit.task_id}
    cards = await cell.read(lambda rows: {id_: board.card(rows, id_) for id_ in ids})

    def may(task_id: str) -> bool:
        card = cards[task_id]
        if card is None:
            return False
        place = Resource("Task", task_id, cell.workspace, card.project_id, card.state.value)
        return admitted.gate.engine.may(Question(admitted.principal, "get_task", place), admitted.own)

    return tuple(hit for hit in hits if not hit.task_id or may(hit.task_id))


def _item(hit: Hit) -> views.FoundItem:
    return views.FoundItem(
        kind=hit.kind,
        id=hit.id,
        title=hit.title,
        snippet=hit.snippet_text,
        parts=tuple(views.SnippetPart(text=one.text, hit=one.hit) for one in hit.snippet),
        score=hit.score,
        project_id=hit.project_id or None,
        task_id=hit.task_id or None,
        at=hit.at,
        link=hit.link,
    )
