"""The public reference servers, through the gateway: `time` and `git` from PyPI, the other two from npm.

`time` and `git` stand among the packages for development. `everything` and `filesystem` are fetched by npm, once for each user; a machine
without npm or a network skips them, and in CI that is a failure.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from actors.mcp_gateway.gateway import McpGateway
from tests.tool_servers.odd import PYTHON
from tests.work.site import WORKSPACE, Site
from vapora.commands import SetToolServer
from vapora.ports import ServedCall

NODE_SERVERS = ("everything", "filesystem")


def _lacking(why: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """Where npm has put the servers."""
    folder = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "vapora-tests" / "reference-servers"
    modules = folder / "node_modules"
    if not all((modules / "@modelcontextprotocol" / f"server-{name}").is_dir() for name in NODE_SERVERS):
        npm = shutil.which("npm")
        if npm is None or shutil.which("node") is None:
            _lacking("npm is not installed")
        folder.mkdir(parents=True, exist_ok=True)
        packages = [f"@modelcontextprotocol/server-{name}" for name in NODE_SERVERS]
        done = subprocess.run(
            [str(npm), "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder), *packages],
            capture_output=True,
            text=True,
            timeout=300,
        )
        if done.returncode != 0:
            _lacking(f"npm could not fetch the reference servers: {done.stderr[-500:]}")
    return modules


def python(module: str, *arguments: str, **more: Any) -> dict[str, Any]:
    return {"kind": "stdio", "command": [sys.executable, "-m", module, *arguments], "read": [*PYTHON], **more}


def node(modules: Path, name: str, *arguments: str, **more: Any) -> dict[str, Any]:
    program = modules / "@modelcontextprotocol" / f"server-{name}" / "dist" / "index.js"
    node = Path(str(shutil.which("node"))).resolve()
    command = [str(node), str(program), *arguments]
    return {"kind": "stdio", "command": command, "read": [str(modules), str(node.parent)], **more}


async def _used(
    folder: Path, name: str, transport: dict[str, Any], tool: str, protocol: str, **arguments: Any
) -> tuple[str, str]:
    """What a tool said, and the generation that was spoken."""
    async with Site(folder) as site:
        command = SetToolServer.model_validate({"transport": transport, "expected_tools": [tool], "protocol": protocol})
        await site.dispatcher.dispatch(site.origin(), command, name)
        gateway: McpGateway = site.system.tools()  # type: ignore[assignment]
        [server] = [one for one in await gateway.servers(WORKSPACE) if one.id == name]
        assert (server.state, server.problem) == ("ready", ""), server
        call = ServedCall(WORKSPACE, "user:local", f"call-{name}", f"{name}.{tool}", arguments)
        outcome = await gateway.call(call)
        assert outcome.ok, outcome
        return outcome.text, server.speaks


@pytest.mark.parametrize("protocol", ["auto", "legacy"])
async def test_time(tmp_path: Path, protocol: str) -> None:
    transport = python("mcp_server_time", "--local-timezone", "UTC")
    said, _ = await _used(tmp_path, "time", transport, "get_current_time", protocol, timezone="Europe/Vienna")
    assert "Europe/Vienna" in said


@pytest.mark.parametrize("protocol", ["auto", "legacy"])
async def test_git(tmp_path: Path, protocol: str) -> None:
    repo = tmp_path / "repo"
    subprocess.run(["git", "init", "--quiet", "--initial-branch", "trunk", str(repo)], check=True)
    transport = python("mcp_server_git", "--repository", str(repo), write=[str(repo)])
    said, _ = await _used(tmp_path / "site", "git", transport, "git_status", protocol, repo_path=str(repo))
    assert "trunk" in said


@pytest.mark.parametrize("protocol", ["auto", "legacy"])
async def test_everything(tmp_path: Path, node_modules: Path, protocol: str) -> None:
    transport = node(node_modules, "everything")
    said, _ = await _used(tmp_path, "everything", transport, "echo", protocol, message="hello")
    assert "hello" in said


@pytest.mark.parametrize("protocol", ["auto", "legacy"])
async def test_filesystem(tmp_path: Path, node_modules: Path, protocol: str) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "note.txt").write_text("what the note says")
    transport = node(node_modules, "filesystem", str(shared), write=[str(shared)])
    path = str(shared / "note.txt")
    said, _ = await _used(tmp_path / "site", "filesystem", transport, "read_text_file", protocol, path=path)
    assert "what the note says" in said
