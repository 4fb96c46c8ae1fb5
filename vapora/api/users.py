"""The people of the installation, for its administrators."""

from __future__ import annotations

from fastapi import APIRouter

from vapora.api.context import Cursor, Limit
from vapora.api.pages import page_of
from vapora.api.people_context import AllPeople, FreshPeople, PeopleWriting
from vapora.commands import EditUser, EraseUser, ResetPassword
from vapora.views import Accepted, Page, UserView

router = APIRouter(prefix="/users", tags=["people"])


@router.get("", summary="List the people of the installation")
async def list_users(
    people: AllPeople, directory: FreshPeople, limit: Limit = 100, cursor: Cursor = None
) -> Page[UserView]:
    """By id. Who was erased is not among them."""
    items = [
        UserView(
            id=one.user_id, name=one.name, email=one.email, administrator=user.administrator, disabled=user.disabled
        )
        for one in sorted(await people.identity.people(), key=lambda one: one.user_id)
        if (user := directory.users.get(one.user_id)) is not None
    ]
    return page_of(items, lambda one: one.id, limit, cursor)


@router.patch("/{user_id}", summary="Edit a person")
async def edit_user(user_id: str, body: EditUser, writing: PeopleWriting) -> Accepted:
    """Who is disabled is signed out everywhere at once. The last administrator stays one."""
    return await writing.carry_out(body, user_id)


@router.delete("/{user_id}", summary="Erase a person")
async def erase_user(user_id: str, writing: PeopleWriting) -> Accepted:
    """Name, address and password are removed for good; the log keeps the id, so that it still proves what happened."""
    return await writing.carry_out(EraseUser(), user_id)


@router.post("/{user_id}/password", summary="Reset a person's password")
async def reset_password(user_id: str, body: ResetPassword, writing: PeopleWriting) -> Accepted:
    """All sessions of the person end."""
    # Without the request's key: the digest of a body with a password must not stand in the log, where it could be tried
    # against guesses as fast as anybody likes.
    accepted = await writing.identity.carry_out(writing.origin, body, user_id)
    await writing.wrote(accepted.position)
    return accepted
