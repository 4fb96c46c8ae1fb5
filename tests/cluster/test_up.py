"""`vapora up` on Ray as a process of its own: Ctrl-C in the middle of a start, two of them at once, and kill -9 of what
it stands on. docs/operations.md has the whole table of who dies and what happens, which was made by hand."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest
from mcp.client import Client

from tests.ports import free_port
from tests.startup.launched import ENDS_IN_S, Launched
from tests.waiting import wait_for
from vapora.api.mcp.tools import TOOLS
from vapora.startup import lock

pytestmark = [pytest.mark.ray, pytest.mark.timeout(900)]

# A start takes ten seconds, or two minutes on a machine that has much else to do.
UP_IN_S = 300
BACK_IN_S = 120


@pytest.fixture
def launched(tmp_path: Path) -> Iterator[list[Launched]]:
    made: list[Launched] = []
    yield made
    for one in made:
        one.kill()


def up(made: list[Launched], data: Path, **environ: str) -> Launched:
    made.append(Launched(data, "--port", str(free_port()), **environ))
    return made[-1]


def title(process: psutil.Process) -> str:
    with suppress(psutil.NoSuchProcess):
        return " ".join(process.cmdline()).strip()
    return ""


def members(of: Launched, name: str) -> list[psutil.Process]:
    """The processes of that installation whose title or program has this name."""
    of.look()
    mine = psutil.Process(of.process.pid).children(recursive=True)
    return [one for one in mine if one.is_running() and (title(one).startswith(name) or one.name() == name)]


def member(of: Launched, name: str) -> psutil.Process:
    [found] = members(of, name)
    return found


def tools_at(api: str) -> set[str]:
    """What a client of the Model Context Protocol is offered there."""

    async def listed() -> set[str]:
        async with Client(api.removesuffix("/api/v1") + "/mcp", read_timeout_seconds=BACK_IN_S) as client:
            return {tool.name for tool in (await client.list_tools()).tools}

    return asyncio.run(listed())


def test_ctrl_c_at_three_moments_of_a_start_leaves_nothing_and_the_next_start_works(
    launched: list[Launched], tmp_path: Path
) -> None:
    data = tmp_path / "data"
    for line in ("VAPORA is starting", "Starting Ray", "Ray runs"):
        one = up(launched, data, VAPORA_PLACEMENT="packed")
        one.wait_for_line(line, UP_IN_S)
        ended_in_s = one.interrupt()
        assert ended_in_s < ENDS_IN_S, one.text
        assert one.process.returncode == 130, one.text
        assert "Traceback" not in one.text
        assert one.family() == []
        assert lock.owner(data) is None

    last = up(launched, data, VAPORA_PLACEMENT="packed")
    assert httpx.get(last.addresses()["api"] + "/board", timeout=60).status_code == 200
    last.interrupt()
    assert (last.process.returncode, last.family()) == (0, []), last.text


def test_two_at_once_bear_names_and_a_dead_ray_ends_them_with_a_sentence(
    launched: list[Launched], tmp_path: Path
) -> None:
    first = up(launched, tmp_path / "first")
    here = first.addresses()
    second = up(launched, tmp_path / "second", VAPORA_PLACEMENT="packed")
    there = second.addresses()
    for told in (here, there):
        assert httpx.get(told["api"] + "/board", timeout=60).status_code == 200
        assert tools_at(told["api"]) == set(TOOLS)

    agents = [member(one, "ray::DashboardAgent") for one in (first, second)]
    ports = [{one.laddr.port for one in agent.net_connections() if one.status == "LISTEN"} for agent in agents]
    assert not ports[0] & ports[1]
    assert 52365 not in ports[0] | ports[1]

    victim = member(first, "ray::BudgetManager default")
    victim.kill()
    victim.wait(BACK_IN_S)
    wait_for("another budget manager", lambda: members(first, "ray::BudgetManager default"))
    assert httpx.get(here["api"] + "/budgets", timeout=BACK_IN_S).status_code == 200

    for one, name in ((first, "ray::DashboardAgent"), (second, "raylet")):
        began = time.monotonic()
        os.kill(member(one, name).pid, signal.SIGKILL)
        assert one.process.wait(BACK_IN_S) == 1, one.text
        assert time.monotonic() - began < BACK_IN_S
        assert "Ray has died" in one.said[-1] or "not answered" in one.said[-1], one.text
        assert "goes on" in one.said[-1]
        assert "Traceback" not in one.text
        assert one.family() == []
