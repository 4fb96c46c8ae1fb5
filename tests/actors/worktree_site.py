"""A project with a repository, and the worktrees of its runs, as the actor has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from actors.repositories.open import OpenRepositories
from actors.repositories.workplaces import Workplaces
from actors.work_messages import BeginRun, Begun, Place, UseTool
from events.ids import project_stream
from events.project import ProjectCreated
from tests.actors.kit import ORIGIN
from tests.repo.site import VAPORA, TheirRepository, environ
from vapora.clock import now
from vapora.log.client import LogClient
from vapora.repo.owner import Repository
from vapora.tools.table import TOOLS

ALL = tuple(TOOLS)
PLACE = Place("p", "task-1", "task-1.1", "developer")


class World:
    """`project` has to be called first. `fresh` is another actor on the same folder, as after a restart."""

    def __init__(self, folder: Path, log: LogClient) -> None:
        self.folder, self.log = folder, log
        self.theirs = TheirRepository(folder / "theirs")
        self.theirs.commit({"a.txt": "a\n", ".gitignore": "ignored/\n.env\n"}, "Begin")
        self.open()

    def open(self) -> None:
        self.opened = OpenRepositories(
            self.log,
            self.folder / "data",
            roots=[self.folder],
            environ=environ(),
            committer=VAPORA,
            sandbox="bubblewrap",
            text=lambda content: content.text or "",
        )
        self.places = Workplaces(self.opened, now)

    async def close(self) -> None:
        await self.places.stop()
        await self.opened.close()

    async def restart(self) -> None:
        await self.close()
        self.open()

    async def project(self, **fields: Any) -> None:
        created = ProjectCreated(**{"project_id": "p", "name": "P", "repo": str(self.theirs.path), **fields})
        await self.log.append(ORIGIN, (project_stream("p"), 0, [created]))

    async def repository(self) -> Repository:
        return await self.opened.repository(await self.opened.project("p"))

    async def begin(self, place: Place = PLACE, at: str | None = None, writable: tuple[str, ...] = ("**",)) -> Begun:
        begun = await self.places.begin(BeginRun(place, ALL, writable, at))
        assert begun is not None
        return begun

    async def write(self, begun: Begun, path: str, content: str, step: int = 0, at: str = "") -> str:
        """The commit of it."""
        wanted = self.use(begun, at or begun.workplace.head, "file_write", step, path=path, content=content)
        return (await self.places.use_tool(wanted)).commit

    def use(self, begun: Begun, at: str, name: str, step: int = 0, **arguments: Any) -> UseTool:
        return UseTool(PLACE, begun.workplace, at, step, 0, name, arguments)

    async def file(self, name: str, ref: str) -> str:
        return (await self.repository()).bare.run("show", f"{ref}:{name}").text
