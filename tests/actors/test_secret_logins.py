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
