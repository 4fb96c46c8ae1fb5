"""Whether finished work is documented by cards, for the workspace and for each project."""

from __future__ import annotations

from fastapi import APIRouter

from projections import documents as model
from projections import projects as project_rows
from projections.engine.transaction import ReadSnapshot
from vapora.api.cells import Cell
from vapora.api.context import FreshCell, Writing
from vapora.commands.documents import SetDocumentation
from vapora.domain.documentation import Documentation, in_effect
from vapora.views import DocumentationView, ProjectDocumentation

router = APIRouter(prefix="/documentation", tags=["documents"])

_NEWEST_CARDS = 50


@router.get("", summary="Show how finished work is documented")
async def get_documentation(cell: FreshCell) -> DocumentationView:
    """The rule of the workspace and of each project, and the newest cards of the documenter."""
    return await cell.read(_view)


@router.put("", summary="Say how finished work is documented")
async def set_documentation(body: SetDocumentation, writing: Writing) -> DocumentationView:
    """`each`: each finished card leads to a card for the documenter; `batched`: at most one of them is open in a
    project, and the next names all that was finished meanwhile; `off`: none. It holds for cards that are finished from
    now on: with a repository, once they have landed. Such a card is an ordinary one."""
    accepted = await writing.dispatch(body)
    return await _as_written(writing.cell, accepted.position)


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
