"""A real server that a browser can be pointed at, killed and started again."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import httpx

from tests.ports import free_port
from tests.waiting import wait_for
from tests.web.processes import Command
from vapora import operator_token
from vapora.cli.demo import repository


class Site:
    """`vapora up` in one process, with the rehearsal model. `url`: where it answers, also after a restart."""

    def __init__(self, data: Path, **environ: str) -> None:
        self._data = data
        self._environ = environ
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._command: Command | None = None
        self._http = httpx.Client(base_url=f"{self.url}/api/v1", timeout=120)

    def start(self) -> None:
        quick = {"VAPORA_REHEARSAL_MIN_DELAY_S": "0", "VAPORA_REHEARSAL_MAX_DELAY_S": "0"}
        environ = (
            os.environ
            | {"VAPORA_RUNTIME": "local", "VAPORA_MODEL": "rehearsal"}
            | quick
            | {"VAPORA_REPO_ROOTS": str(self._data)}
            | self._environ
        )
        arguments = ["up", "--json", "--port", str(self.port), "--data", str(self._data)]
        self._command = Command(arguments, environ)
        mode = "rehearsal" if environ["VAPORA_MODEL"] == "rehearsal" else "real"
        assert json.loads(self._command.out.readline())["mode"] == mode

    def kill(self) -> None:
        if self._command is not None:
            self._command.kill()
            self._command = None

    def close(self) -> None:
        self._http.close()
        self.kill()

    def get(self, path: str, **query: Any) -> Any:
        """With all that was written before, by whomever: what a page sent stands in the log, not yet in the read
        models, when its dialog closes."""
        self._ask("/position", after=self._ask("/position")["head"])
        return self._ask(path, **query)

    def _ask(self, path: str, **query: Any) -> Any:
        answer = self._http.get(path, params=query)
        answer.raise_for_status()
        return answer.json()

    def send(self, method: str, path: str, body: dict[str, Any]) -> Any:
        answer = self._http.request(method, path, json=body)
        answer.raise_for_status()
        return answer.json()

    def project(self, name: str = "Shortleaf") -> str:
        return str(self.send("POST", "/projects", {"name": name})["id"])

    def operator(self) -> str:
        """The token that lets a page have commands run."""
        return (self._data / "operator_token").read_text().strip()

    def as_operator(self) -> None:
        """Ask with the operator's token from now on: where there is an owner, nobody is heard without any."""
        self._http.headers["Authorization"] = f"Bearer {self.operator()}"

    def setup_token(self) -> str:
        """Of the link that makes the first owner."""
        return (self._data / "people" / "setup_token").read_text().strip()

    def code(self) -> str:
        """What `vapora up --open` gives to a browser."""
        return operator_token.offer(self._data, time.time())

    def repository(self) -> repository.Home:
        """The demo's own, whose cards the rehearsal model knows."""
        return repository.make(self._data / "shortleaf")

    def work_project(self) -> tuple[str, Path]:
        """A project on the demo's repository; and that repository."""
        home = self.repository()
        body = {
            "name": "Shortleaf",
            "repo": str(home.path),
            "checks": [{"name": name, "command": line} for name, line in home.checks.items()],
            "read_only": [str(one) for one in home.read_only],
        }
        self.as_operator()
        return str(self.send("POST", "/projects", body)["id"]), home.path

    def task(self, project: str, title: str, **more: Any) -> str:
        return str(self.send("POST", "/tasks", {"project_id": project, "title": title, **more})["task_id"])

    def rest_agents(self) -> None:
        """Nobody takes a card: what is put in To do stays there."""
        for agent in self.get("/agents")["items"]:
            self.send("PATCH", f"/agents/{agent['id']}", {"enabled": False})

    def column(self, state: str) -> list[str]:
        """The titles as the server has them."""
        return [card["title"] for card in self.get("/board")["columns"][state]]

    def wait_for_runs(self, task: str, count: int) -> list[dict[str, Any]]:
        """Its runs, once there are so many."""

        def runs() -> list[dict[str, Any]]:
            return list(self.get(f"/tasks/{task}/runs")["items"])

        wait_for(f"{count} runs", lambda: len(runs()) >= count)
        return runs()
