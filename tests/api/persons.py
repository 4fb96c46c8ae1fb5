"""Somebody whose agents work in their repository: real git, a real sandbox, scripted vendors."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx

from tests.api.doors import API
from tests.work.site import Site, call

SLUG = "def slug(text):\n    return text\n"
WORK = (
    [call("file_read", path="slug.py")],
    [call("file_edit", path="slug.py", old="return text", new="return text.lower()")],
    [call("finish", summary="Slugs are in lower case.")],
)
GREEN = {"name": "lower", "command": "grep -q lower slug.py"}
RED = {"name": "impossible", "command": "echo nothing works; false"}


# It bounds what hangs, not what is slow: the first model call of a process loads a vendor's SDK, some seconds of work,
# which took more than 60 s where the machine gave this process a twentieth of a core.
_PATIENCE_S = 240.0


class Person:
    """Somebody at the API of an installation whose agents work in their repository."""

    def __init__(self, site: Site, http: httpx.AsyncClient) -> None:
        self.site = site
        self.theirs = site.theirs
        self.http = http

    async def ask(self, method: str, route: str, status: int, body: Any = None, /, **params: Any) -> Any:
        given = {} if body is None else {"json": body}
        answer = await self.http.request(method, API + route, params=params or None, **given)
        assert answer.status_code == status, f"{answer.status_code}: {answer.text}"
        return answer.json() if answer.headers["content-type"].endswith("json") else answer.text

    async def project(self, *checks: dict[str, Any], **more: Any) -> str:
        body = {"name": "Shop", "repo": str(self.theirs.path), "checks": list(checks), **more}
        return str((await self.ask("POST", "/projects", 201, body))["id"])

    async def task(self, project: str, **more: Any) -> str:
        body = {"project_id": project, "title": "Mend the slug", "role": "developer", "task_type": "code-generation"}
        return str((await self.ask("POST", "/tasks", 202, {**body, **more}))["task_id"])

    async def card(
        self, task: str, is_it: Callable[[dict[str, Any]], bool], seconds: float = _PATIENCE_S
    ) -> dict[str, Any]:
        """As soon as it is as wished; each change of a row is a reason to look again."""
        reached = 0
        async with asyncio.timeout(seconds):
            while True:
                card: dict[str, Any] = await self.ask("GET", f"/tasks/{task}", 200)
                if is_it(card):
                    return card
                frames = await self.site.system.projector("default").frames(max(reached, card["position"]), timeout_s=5)
                reached = frames[-1]["position"] if frames else reached

    async def in_state(self, task: str, state: str) -> dict[str, Any]:
        return await self.card(task, lambda card: card["state"] == state)
