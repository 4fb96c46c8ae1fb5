"""A project on a remote whose login is a secret of the workspace: by HTTP, through the whole actor system."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from actors.composition import LocalActorSystem
from events.ids import DEFAULT_WORKSPACE, secret_stream
from events.secret import SecretUsed
from tests.repo.https_site import GitServer, git_server
from tests.repo.site import TheirRepository, environ
from tests.repo.ssh_site import ssh_server
from tests.vault.bench import secret
from vapora.errors import CredentialsNeededError
from vapora.log.client import LogClient
from vapora.settings import Settings
from vapora.vault import open_vault

TOKEN = "glpat-canary-77aa01"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    theirs = TheirRepository(tmp_path / "theirs")
    theirs.commit({"a.py": "x\n"}, "Begin")
    theirs.git("clone", "--quiet", "--bare", ".", str(tmp_path / "served" / "a.git"))
    with git_server(tmp_path, tmp_path / "served", f"them:{TOKEN}") as found:
        yield found


@pytest.fixture
async def system(tmp_path: Path, server: GitServer) -> AsyncIterator[LocalActorSystem]:
    settings = Settings(data=tmp_path / "data", runtime="local", model="rehearsal", rehearsal_max_delay_s=0)
    made = LocalActorSystem(settings, environ(GIT_SSL_CAINFO=str(server.certificate)))
    await made.start()
    yield made
    await made.stop()


async def test_git_is_given_the_login_once_it_is_stored_and_the_log_says_so(
    system: LocalActorSystem, server: GitServer, tmp_path: Path
) -> None:
    repositories = system.repositories(DEFAULT_WORKSPACE)
    with pytest.raises(CredentialsNeededError):
        await repositories.examine(server.url("a.git"))
    vault = open_vault(system.settings)
    await asyncio.to_thread(vault.put, DEFAULT_WORKSPACE, server.secret_name, secret(f"them:{TOKEN}"))
    assert (await repositories.examine(server.url("a.git"))).base_branch == "main"
    await repositories.examine(server.url("a.git"))
    log = LogClient(system.log(DEFAULT_WORKSPACE), DEFAULT_WORKSPACE)
    [told] = await log.read(secret_stream(server.secret_name))
    assert isinstance(told.event, SecretUsed)
    assert (told.actor, told.event.purpose) == ("repositories", "git on localhost")
    vault.close()
    data = [path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file()]
    assert not [one for one in data if TOKEN.encode() in one]


async def test_a_remote_over_ssh_is_reached_by_the_key_and_believed_by_the_host_keys_of_the_workspace(
    system: LocalActorSystem, tmp_path: Path
) -> None:
    repositories, vault = system.repositories(DEFAULT_WORKSPACE), open_vault(system.settings)
    with ssh_server(tmp_path / "ssh") as server:
        url = server.url(tmp_path / "served" / "a.git")
        with pytest.raises(CredentialsNeededError):
            await repositories.examine(url)
        name = f"git-ssh-127.0.0.1-{server.port}"
        known = f"git-ssh-known-hosts-127.0.0.1-{server.port}"
        await asyncio.to_thread(vault.put, DEFAULT_WORKSPACE, name, secret(server.private))
        with pytest.raises(CredentialsNeededError, match="host is not known"):
            await repositories.examine(url)
        await asyncio.to_thread(vault.put, DEFAULT_WORKSPACE, known, secret(server.known))
        assert (await repositories.examine(url)).base_branch == "main"
    log = LogClient(system.log(DEFAULT_WORKSPACE), DEFAULT_WORKSPACE)
    for one in (name, known):
        [told] = await log.read(secret_stream(one))
        assert isinstance(told.event, SecretUsed)
    vault.close()
    line = server.private.splitlines()[2].encode()
    data = [path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file()]
    assert not [one for one in data if line in one]
