"""The public reference servers, through the gateway: `time` and `git` from PyPI, the other two from npm.

`time` and `git` stand among the packages for development. `everything` and `filesystem` are fetched by npm, once for
each user; a machine without npm or a network skips them, and in CI that is a failure.

`time` and `git` speak both generations of the protocol; `everything` and `filesystem` speak the older one alone.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest

from actors.mcp_gateway.gateway import McpGateway
from tests.tool_servers.odd import PYTHON
from tests.work.site import WORKSPACE, Site
from vapora import file_lock
from vapora.commands import SetToolServer
from vapora.ports import ServedCall

NODE_SERVERS = ("everything", "filesystem")
OLDER, NEWER = "2025-", "2026-"
_PATIENCE_S = 300


def _lacking(why: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """Where npm has put the servers."""
    folder = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "vapora-tests" / "reference-servers"
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        _lacking("npm is not installed")
    folder.mkdir(parents=True, exist_ok=True)
    # Tests run in several processes: one after the other. What was broken off is not taken for whole.
    whole = folder / "whole"
    with (folder / "lock").open("w") as lock:
        file_lock.lock(lock, _PATIENCE_S)
        if not whole.exists():
            packages = [f"@modelcontextprotocol/server-{name}" for name in NODE_SERVERS]
            command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder)]
            done = subprocess.run([*command, *packages], capture_output=True, text=True, timeout=_PATIENCE_S)
            if done.returncode != 0:
                _lacking(f"npm could not fetch the reference servers: {done.stderr[-500:]}")
            whole.touch()
    return folder / "node_modules"


def python(module: str, *arguments: str, **more: Any) -> dict[str, Any]:
    return {"kind": "stdio", "command": [sys.executable, "-m", module, *arguments], "read": [*PYTHON], **more}


def node(modules: Path, name: str, *arguments: str, **more: Any) -> dict[str, Any]:
    program = modules / "@modelcontextprotocol" / f"server-{name}" / "dist" / "index.js"
    node = Path(str(shutil.which("node"))).resolve()
    command = [str(node), str(program), *arguments]
    return {"kind": "stdio", "command": command, "read": [str(modules), str(node.parent)], **more}


async def _used(
    folder: Path, name: str, transport: dict[str, Any], generations: dict[str, str], tool: str, **arguments: Any
) -> None:
    """It is used once for each of `generations`: how the server is set, and the beginning of the version that it then
    speaks. The result must hold `said`; `prompt`, if it is given, is a prompt with what it takes and what it must hold.
    Both are taken from the arguments."""
    said, prompt = arguments.pop("said"), arguments.pop("prompt", None)
    async with Site(folder) as site:
        gateway: McpGateway = site.system.tools()  # type: ignore[assignment]
        for protocol, version in generations.items():
            server_id = f"{name}-{protocol}"
            given = {"transport": transport, "expected_tools": [tool], "protocol": protocol}
            await site.dispatcher.dispatch(site.origin(), SetToolServer.model_validate(given), server_id)
            call = ServedCall(WORKSPACE, "user:local", f"call-{server_id}", f"{server_id}.{tool}", arguments)
            outcome = await gateway.call(call)
            assert outcome.ok, outcome
            assert said in outcome.text
            if prompt is not None:
                name, given, holds = prompt
                wanted = {"name": name, "arguments": given}
                by_tool = ServedCall(WORKSPACE, "user:local", f"prompt-{server_id}", f"{server_id}.get_prompt", wanted)
                answers = (await gateway.call(by_tool), await gateway.look(WORKSPACE, server_id, "prompt", name, given))
                assert [(one.ok, holds in one.text) for one in answers] == [(True, True)] * 2, answers
            [server] = [one for one in await gateway.servers(WORKSPACE) if one.id == server_id]
            assert (server.state, server.problem) == ("ready", ""), server
            assert server.speaks.startswith(version)


BOTH = {"modern": NEWER, "legacy": OLDER}
# What is set to `auto` finds out by itself that it is an older one.
OLDER_ALONE = {"auto": OLDER, "legacy": OLDER}


async def test_time_in_both_generations(tmp_path: Path) -> None:
    transport = python("mcp_server_time", "--local-timezone", "UTC")
    zone = "Europe/Vienna"
    await _used(tmp_path, "time", transport, BOTH, "get_current_time", timezone=zone, said=zone)


async def test_git_in_both_generations(tmp_path: Path) -> None:
    repo = tmp_path / "repo"
    subprocess.run(["git", "init", "--quiet", "--initial-branch", "trunk", str(repo)], check=True)
    transport = python("mcp_server_git", "--repository", str(repo), write=[str(repo)])
    await _used(tmp_path / "site", "git", transport, BOTH, "git_status", repo_path=str(repo), said="trunk")


async def test_everything_which_speaks_the_older_generation_alone(tmp_path: Path, node_modules: Path) -> None:
    transport = node(node_modules, "everything")
    prompt = ("args-prompt", {"city": "Wien", "state": "Wien"}, "What's weather in Wien, Wien?")
    await _used(tmp_path, "everything", transport, OLDER_ALONE, "echo", message="hello", said="hello", prompt=prompt)


async def test_filesystem_which_speaks_the_older_generation_alone(tmp_path: Path, node_modules: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "note.txt").write_text("what the note says")
    transport = node(node_modules, "filesystem", str(shared), write=[str(shared)])
    path = str(shared / "note.txt")
    await _used(tmp_path / "site", "filesystem", transport, OLDER_ALONE, "read_text_file", path=path, said="what the")


async def test_one_that_is_set_to_a_generation_that_it_does_not_speak_says_so(
    tmp_path: Path, node_modules: Path
) -> None:
    async with Site(tmp_path) as site:
        given = {"transport": node(node_modules, "everything"), "protocol": "modern"}
        await site.dispatcher.dispatch(site.origin(), SetToolServer.model_validate(given), "everything")
        gateway: McpGateway = site.system.tools()  # type: ignore[assignment]
        [server] = [one for one in await gateway.servers(WORKSPACE) if one.id == "everything"]
        assert server.state == "waiting"
        assert server.problem
        assert "stopped" not in server.problem
