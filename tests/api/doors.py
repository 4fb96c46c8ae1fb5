"""A client of the API that says what it expects, for the tests of this room."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from actors.composition import LocalActorSystem
from vapora import operator_token
from vapora.api.app import create_app
from vapora.api.caller import LOCAL_USER
from vapora.log.client import LogClient
from vapora.settings import Settings

API = "/api/v1"
# For a module or a test: once over files, once over a database.
BOTH_STORES = pytest.mark.parametrize("store", ["sqlite", "postgres"], indirect=True)


@dataclass
class Door:
    """A client of the API, and the actor system behind it."""

    http: httpx.AsyncClient
    system: LocalActorSystem
    app: FastAPI
    settings: Settings

    @property
    def operator(self) -> dict[str, str]:
        """The header that lets a request say what commands are run."""
        return {"Authorization": f"Bearer {operator_token.ensure(self.settings.data)}"}

    async def head(self) -> int:
        return await self.system.log("default").head()

    async def asked(self) -> int:
        """The last position that a person's request led to: the actor system may have more to say at any time."""
        log, position, found = LogClient(self.system.log("default"), "default"), 0, 0
        while True:
            polled = await log.poll(position, timeout_s=0)
            found = max([found, *(one.position for one in polled.events if one.actor == LOCAL_USER)])
            position = polled.position
            if position >= polled.head:
                return found

    async def ask(self, method: str, path: str, status: int, json: Any = None, **more: Any) -> Any:
        """The answer's body; fails with the body on show where the status is another one."""
        given = {} if json is None else {"json": json}
        answer = await self.http.request(method, API + path, **given, **more)
        assert answer.status_code == status, f"{answer.status_code}: {answer.text}"
        return answer.json()

    async def project(self, **more: Any) -> dict[str, Any]:
        made: dict[str, Any] = await self.ask(
            "POST", "/projects", 201, {"name": "Parser", **more}, headers=self.operator
        )
        return made

    async def task(self, project_id: str, **more: Any) -> dict[str, Any]:
        body = {"project_id": project_id, "title": "Write a parser", "review": "none", **more}
        accepted: dict[str, Any] = await self.ask("POST", "/tasks", 202, body)
        return accepted

    async def idle_task(self, project_id: str) -> str:
        """The id of a task that stays in todo: it waits for one that waits to be approved."""
        blocker = (await self.task(project_id, review="human", title="The first half"))["task_id"]
        await self.in_state(blocker, "review")
        return str((await self.task(project_id, blocked_by=[blocker]))["task_id"])

    async def card(self, task_id: str, is_it: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The card as soon as it is as wished; each change of a row is a reason to look again."""
        reached = 0
        while True:
            card: dict[str, Any] = await self.ask("GET", f"/tasks/{task_id}", 200)
            if is_it(card):
                return card
            frames = await self.system.projector("default").frames(max(reached, card["position"]), timeout_s=30)
            assert frames, f"nothing happens any more: {card}"
            reached = frames[-1]["position"]

    async def in_state(self, task_id: str, state: str) -> dict[str, Any]:
        return await self.card(task_id, lambda card: card["state"] == state)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Door]:
    """An installation in this process, for as long as it is needed; the next one on the same data goes on."""
    system = LocalActorSystem(settings)
    await system.start()
    app = create_app(system, settings, version="1.2.3", rehearsal=True)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as http:
        yield Door(http, system, app, settings)
    await app.state.denials.close()
    await app.state.cells.close()
    await app.state.people.close()
    await system.stop()
