"""The command line as a person uses it: against a real server with rehearsal models, and against files alone."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.ports import free_port
from tests.waiting import caught_up
from vapora.cli import app
from vapora.platform import Platform
from vapora.sdk import Client
from vapora.settings import Settings
from vapora.views import TaskCard


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Said]


def quick(data: Path, port: int) -> Settings:
    """All in this process, and answers at once."""
    return Settings(
        data=data,
        port=port,
        runtime="local",
        model="rehearsal",
        rehearsal_min_delay_s=0,
        rehearsal_max_delay_s=0,
        budget_patience_s=0.2,
        repo_roots=(Path(tempfile.gettempdir()),),
        webhook_allow=(ip_network("127.0.0.1/32"),),
    )


def invoke(*arguments: str, typed: str | None = None, **environ: str) -> Said:
    env = {"COLUMNS": "80", "TERM": "dumb", "VAPORA_URL": "http://127.0.0.1:9"} | environ
    result = CliRunner().invoke(app, arguments, input=typed, env=env)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Said(result.exit_code, result.stdout, result.stderr)


def settle(url: str) -> None:
    """Until the read models have all that was written: a command reads what an earlier one wrote."""
    with Client(url) as client:
        caught_up(client)


@pytest.fixture(scope="session")
def server_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of the server."""
    return tmp_path_factory.mktemp("cli") / "data"


@pytest.fixture(scope="session")
def url(server_data: Path) -> Iterator[str]:
    platform = Platform(quick(server_data, free_port()), {})
    try:
        yield platform.start().api.removesuffix("/api/v1")
    finally:
        platform.stop()


@pytest.fixture
def vapora(url: str, server_data: Path) -> Run:
    """A command that speaks to the server, on its machine. What it wrote the next one reads."""

    def run(*arguments: str, **typed: Any) -> Said:
        said = invoke(*arguments, **typed, VAPORA_URL=url, VAPORA_DATA=str(server_data))
        settle(url)
        return said

    return run


@pytest.fixture
def alone() -> Run:
    """A command with no server anywhere."""
    return invoke


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def settings(tmp_path: Path, port: int) -> Settings:
    return quick(tmp_path / "data", port)


@pytest.fixture
def card() -> Callable[..., TaskCard]:
    """A card with what a test does not care about filled in."""
    return make_card


def make_card(task_id: str, state: str = "todo", waiting: str | None = None, **given: Any) -> TaskCard:
    at = datetime(2026, 11, 20, tzinfo=UTC)
    fields: dict[str, Any] = {
        "id": task_id, "project_id": "p", "title": f"Task {task_id}", "description": "", "type": "feature",
        "task_type": "unit-test", "task_type_reason": "", "role": None, "priority": 50, "review": "none",
        "deadline": None, "context": {}, "blocked_by": (), "assignee": None, "labels": (),
        "state": state, "assigned_agent": None,
        "cost_microusd": 0, "runs": (), "comment": "", "created_at": at, "updated_at": at, "rank": "32", "position": 1,
        "simulated": True, "waiting": waiting and {"reason": waiting, "since": at, "remedy": "Raise the limit."},
    }  # fmt: skip
    return TaskCard.model_validate(fields | given)
