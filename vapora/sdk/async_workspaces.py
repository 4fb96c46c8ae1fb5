"""Workspaces, named once and then asked. `python -m tests.sdk.make` makes the synchronous ones from these."""

from __future__ import annotations

from typing import TYPE_CHECKING

from events.ids import MemberRole
from vapora import commands, views
from vapora.sdk.frames import Rows
from vapora.sdk.paths import Position

if TYPE_CHECKING:
    from vapora.sdk.async_client import AsyncClient


class AsyncWorkspaces:
    """Called, it lists the workspaces; indexed by id, it gives one. Nothing is asked before it is used."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def __call__(self, after: Position = None) -> Rows[views.WorkspaceView]:
        return await self._client.list_workspaces(after)

    def __getitem__(self, workspace_id: str) -> AsyncWorkspace:
        return AsyncWorkspace(self._client, workspace_id)

    async def create(self, name: str, id: str | None = None) -> AsyncWorkspace:
        made = await self._client.create_workspace(name, id)
        return AsyncWorkspace(self._client, made.id)


class AsyncWorkspace:
    """One workspace."""

    def __init__(self, client: AsyncClient, workspace_id: str) -> None:
        self._client = client
        self.id = workspace_id

    def client(self) -> AsyncClient:
        """Another client, for the work in this workspace, of the same person. Close it as you would any other."""
        return self._client.in_workspace(self.id)

    async def show(self) -> views.WorkspaceView:
        return await self._client.get_workspace(self.id)

    async def rename(self, name: str) -> int:
        return await self._client.edit_workspace(self.id, commands.EditWorkspace(name=name))

    async def archive(self) -> int:
        return await self._client.edit_workspace(self.id, commands.EditWorkspace(archived=True))

    async def restore(self) -> int:
        return await self._client.edit_workspace(self.id, commands.EditWorkspace(archived=False))

    async def delete(self) -> int:
        return await self._client.delete_workspace(self.id)

    async def members(self) -> Rows[views.Member]:
        return await self._client.members(self.id)

    async def invite(self, email: str, role: MemberRole = MemberRole.MEMBER) -> views.InvitationMade:
        return await self._client.invite(self.id, email, role)

    async def teams(self) -> Rows[views.TeamView]:
        return await self._client.teams(self.id)
