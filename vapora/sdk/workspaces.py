"""Made from async_workspaces.py by `python -m tests.sdk.make`: change that file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from events.ids import MemberRole
from vapora import commands, views
from vapora.sdk.frames import Rows
from vapora.sdk.paths import Position

if TYPE_CHECKING:
    from vapora.sdk.client import Client


class Workspaces:
    """Called, it lists the workspaces; indexed by id, it gives one. Nothing is asked before it is used."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def __call__(self, after: Position = None) -> Rows[views.WorkspaceView]:
        return self._client.list_workspaces(after)

    def __getitem__(self, workspace_id: str) -> Workspace:
        return Workspace(self._client, workspace_id)

    def create(self, name: str, id: str | None = None) -> Workspace:
        made = self._client.create_workspace(name, id)
        return Workspace(self._client, made.id)


class Workspace:
    """One workspace."""

    def __init__(self, client: Client, workspace_id: str) -> None:
        self._client = client
        self.id = workspace_id

    def client(self) -> Client:
        """Another client, for the work in this workspace, of the same person. Close it as you would any other."""
        return self._client.in_workspace(self.id)

    def show(self) -> views.WorkspaceView:
        return self._client.get_workspace(self.id)

    def rename(self, name: str) -> int:
        return self._client.edit_workspace(self.id, commands.EditWorkspace(name=name))

    def archive(self) -> int:
        return self._client.edit_workspace(self.id, commands.EditWorkspace(archived=True))

    def restore(self) -> int:
        return self._client.edit_workspace(self.id, commands.EditWorkspace(archived=False))

    def delete(self) -> int:
        return self._client.delete_workspace(self.id)

    def members(self) -> Rows[views.Member]:
        return self._client.members(self.id)

    def invite(self, email: str, role: MemberRole = MemberRole.MEMBER) -> views.InvitationMade:
        return self._client.invite(self.id, email, role)

    def teams(self) -> Rows[views.TeamView]:
        return self._client.teams(self.id)
