"""`vapora.local()`: a whole installation for as long as a block lasts."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest

import vapora
from actors.lanes import BEHIND, LOGS, REPOSITORIES
from events.ids import TaskState
from vapora.commands import CreateProject
from vapora.errors import ConfigurationError
from vapora.sdk import NoServerError

QUICK: dict[str, Any] = {"model": "rehearsal", "rehearsal_min_delay_s": 0.0, "rehearsal_max_delay_s": 0.0}


def test_a_task_is_done_and_nothing_is_left_of_it() -> None:
    before = _own_threads()
    with vapora.local(**QUICK) as client:
        project = client.create_project(CreateProject(name="Shortleaf"))
        task = client.projects[project.id].tasks.submit("Write a parser", review="none")
        assert task.wait(240).state is TaskState.DONE
        assert client.health().model == "rehearsal"
    with vapora.Client(client.url) as late, pytest.raises(NoServerError):
        late.health()
    assert _own_threads() <= before


def _own_threads() -> set[str]:
    """By name, without those that all of a process share for good."""
    return {one.name for one in threading.enumerate()} - {crew.name for crew in (LOGS, BEHIND, REPOSITORIES)}


def test_small_answers_go_out_at_once() -> None:
    # With Nagle's delay each answer, which is two small packets, takes 40 ms.
    with vapora.local(**QUICK) as client:
        client.health()
        port = int(client.url.rsplit(":", 1)[1])
        assert set(_sockets_of(port)) == {True}


def _sockets_of(port: int) -> list[bool]:
    """Of each connection that this process holds as the server of `port`: whether it sends without a delay."""
    found = []
    for one in psutil.Process().net_connections("tcp"):
        if one.laddr.port == port and one.status == psutil.CONN_ESTABLISHED:
            with socket.socket(fileno=os.dup(one.fd)) as held:
                found.append(bool(held.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)))
    return found


def test_the_next_one_on_the_same_data_goes_on_where_the_last_one_stopped(tmp_path: Path) -> None:
    with vapora.local(tmp_path / "data", **QUICK) as client:
        made = client.create_project(CreateProject(name="Shortleaf"))
        with pytest.raises(ConfigurationError, match=r"in use by process \d+"), vapora.local(tmp_path / "data"):
            pass
    with vapora.local(tmp_path / "data", **QUICK) as client:
        assert [one.id for one in client.list_projects(after=made.position)] == [made.id]


def test_it_runs_where_an_event_loop_runs_already_as_in_a_notebook() -> None:
    async def cell() -> str:
        with vapora.local(**QUICK) as client:
            async with vapora.AsyncClient(client.url) as beside:
                return (await beside.health()).status

    assert asyncio.run(cell()) == "ok"


def test_an_error_in_the_block_comes_out_as_it_is_and_everything_is_stopped() -> None:
    with pytest.raises(ZeroDivisionError), vapora.local(**QUICK) as client:
        raise ZeroDivisionError
    with vapora.Client(client.url) as late, pytest.raises(NoServerError):
        late.health()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"modle": "rehearsal"}, "no setting 'modle'"),
        ({"model": "best"}, "model cannot be used"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_starts(given: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=said), vapora.local(tmp_path / "data", **given):
        pass
    assert not (tmp_path / "data").exists()


def test_importing_vapora_for_it_loads_nothing_of_the_platform() -> None:
    code = (
        "import sys, vapora; vapora.local; print(*sorted({'ray', 'fastapi', 'pydantic', 'httpx'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_without_the_platform_it_says_what_to_install() -> None:
    code = (
        "import sys, vapora\n"
        "sys.modules['pydantic_settings'] = None\n"
        "try:\n    vapora.local()\nexcept ModuleNotFoundError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "install vapora[platform]" in done.stdout
