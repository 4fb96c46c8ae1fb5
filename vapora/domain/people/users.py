"""Rules about the people of an installation: their rights beyond workspaces, and their end."""

from __future__ import annotations

from events.base import DomainEvent
from events.identity import PasswordChanged, UserChanged, UserErased
from events.ids import MemberRole
from vapora.commands import EditUser
from vapora.domain.people import sessions
from vapora.domain.people.directory import Directory, User
from vapora.errors import ConflictError, NotFoundError

Events = tuple[DomainEvent, ...]


def require(directory: Directory, user_id: str) -> User:
    """Raises `NotFoundError`, also for who was erased."""
    found = directory.users.get(user_id)
    if found is None or found.erased:
        raise NotFoundError(f"There is no user '{user_id}'.", remedy="Check the id.")
    return found


def edit(directory: Directory, user_id: str, command: EditUser) -> Events:
    """The name stands beside the log; nothing here for it. Who is disabled is out at once, everywhere."""
    user = require(directory, user_id)
    said = command.changes()
    changed = {
        field: said[field]
        for field in ("administrator", "disabled")
        if field in said and said[field] != getattr(user, field)
    }
    if not changed:
        return ()
    if changed.get("administrator") is False or changed.get("disabled"):
        _keep_an_administrator(directory, user)
    ended = sessions.end_all(directory, user_id, "disabled") if changed.get("disabled") else ()
    return UserChanged(user_id=user_id, **changed), *ended


def erase(directory: Directory, user_id: str) -> Events:
    """Raises `ConflictError` where somebody would be left without an administrator or an owner."""
    user = require(directory, user_id)
    _keep_an_administrator(directory, user)
    for workspace in directory.workspaces_of(user_id):
        owners = [one for one, role in workspace.members.items() if role is MemberRole.OWNER]
        if owners == [user_id]:
            raise ConflictError(
                f"The workspace '{workspace.id}' would have no owner.",
                remedy="Make somebody else its owner first, or delete it.",
            )
    return *sessions.end_all(directory, user_id, "erased"), UserErased(user_id=user_id)


def change_password(directory: Directory, user_id: str, session_id: str) -> Events:
    """A person's own word: the session that it was said in goes on, all others end."""
    require(directory, user_id)
    ended = sessions.end_all(directory, user_id, "password", but=session_id)
    return PasswordChanged(user_id=user_id, how="own"), *ended


def reset_password(directory: Directory, user_id: str) -> Events:
    require(directory, user_id)
    return PasswordChanged(user_id=user_id, how="reset"), *sessions.end_all(directory, user_id, "password")


def _keep_an_administrator(directory: Directory, leaving: User) -> None:
    rest = [one.id for one in directory.users.values() if one.administrator and one.may_sign_in]
    if rest == [leaving.id]:
        raise ConflictError(
            "The installation would have no administrator, and nobody would have to sign in.",
            remedy="Make somebody else an administrator first.",
        )
