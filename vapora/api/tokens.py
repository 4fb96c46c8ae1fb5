"""Tokens of programs, of the workspace that the header names."""

from __future__ import annotations

from fastapi import APIRouter

from vapora.api.context import Cursor, Limit
from vapora.api.gate import LetIn
from vapora.api.pages import page_of
from vapora.api.people_context import FreshPeople, PeopleWriting
from vapora.commands import IssueToken, RevokeToken
from vapora.views import Accepted, Page, TokenMade, TokenView

router = APIRouter(prefix="/tokens", tags=["people"])


@router.get("", summary="List the tokens of programs")
async def list_tokens(
    admitted: LetIn, directory: FreshPeople, limit: Limit = 100, cursor: Cursor = None
) -> Page[TokenView]:
    """Without their texts: those are shown once, when they are made."""
    items = [
        TokenView(id=one.id, name=one.name, scopes=one.scopes, expires_at=one.expires_at, issued_by=one.issued_by)
        for one in sorted(directory.tokens.values(), key=lambda one: one.id)
        if one.workspace_id == admitted.resource.workspace
    ]
    return page_of(items, lambda one: one.id, limit, cursor)


@router.post("", status_code=201, summary="Make a token for a program")
async def issue_token(body: IssueToken, admitted: LetIn, writing: PeopleWriting) -> TokenMade:
    """Its scopes reach no further than who makes it. It is shown this once."""
    made = await writing.identity.issue_token(writing.origin, body, admitted.resource.workspace, writing.key)
    await writing.wrote(made.position)
    return made


@router.delete("/{token_id}", summary="Revoke a token")
async def revoke_token(token_id: str, admitted: LetIn, writing: PeopleWriting) -> Accepted:
    """It is refused from the next request on."""
    return await writing.carry_out(RevokeToken(), token_id, admitted.resource.workspace)
