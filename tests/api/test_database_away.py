"""A database that goes away under a running installation: each door says so soon, and work goes on once it is back."""

from __future__ import annotations

import asyncio
import socket
from time import monotonic

import uvicorn
from pydantic import SecretStr

from tests.api.signing import EMAIL, PASSWORD, bearer, housed
from tests.api.test_live import closed, connect
from tests.proxy import Proxy
from vapora.api.broadcast import TRY_AGAIN_LATER
from vapora.database import Database, let_go
from vapora.settings import Settings

# Of each answer: as the retries add up it was half a minute for a login, and more for what is written.
_WITHIN_S = 20.0
_BACK_WITHIN_S = 240.0


async def test_every_door_tells_it_soon_and_work_goes_on_when_the_database_is_back(
    settings: Settings, database_url: str
) -> None:
    login = {"email": EMAIL, "password": PASSWORD}
    with Proxy.before(Database(database_url, "x")) as proxy:
        away = settings.model_copy(update={"database_url": SecretStr(proxy.database.url)})
        async with housed(away) as house:
            door, owner = house.door, bearer(house.owner)
            kept = await door.ask("POST", "/projects", 201, {"name": "Before"}, headers=owner)
            await door.ask("GET", f"/projects?after={kept['position']}", 200, headers=owner)
            listening = socket.create_server(("127.0.0.1", 0))
            server = uvicorn.Server(uvicorn.Config(door.app, log_level="warning", lifespan="off"))
            serving = asyncio.create_task(server.serve(sockets=[listening]))
            address = f"ws://127.0.0.1:{listening.getsockname()[1]}/api/v1/live?after=0"

            proxy.refuse()
            for method, path, body in [
                ("GET", "/projects", None),
                ("POST", "/projects", {"name": "Meanwhile"}),
                ("POST", "/auth/login", login),
            ]:
                began = monotonic()
                answer = await door.http.request(method, f"/api/v1{path}", headers=owner, json=body)
                assert monotonic() - began < _WITHIN_S, path
                assert answer.status_code == 503, answer.text
                assert int(answer.headers["Retry-After"]) >= 1
                assert answer.json()["code"] in ("unavailable", "log-unavailable")
                assert "postgresql://" not in answer.text
            began = monotonic()
            async with connect(address, additional_headers=owner) as client:
                assert (await closed(client))[0] == TRY_AGAIN_LATER
            assert monotonic() - began < _WITHIN_S

            proxy.resume()
            async with asyncio.timeout(_BACK_WITHIN_S):
                while (await door.http.post("/api/v1/auth/login", json=login)).status_code == 503:
                    pass
                made = await door.ask("POST", "/projects", 201, {"name": "After"}, headers=owner)
                found = await door.ask("GET", f"/projects?after={made['position']}", 200, headers=owner)
            assert {one["name"] for one in found["items"]} == {"Before", "After"}
            server.should_exit = True
            await serving
        let_go(proxy.database.url)
