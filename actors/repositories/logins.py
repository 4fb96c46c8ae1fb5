"""Logins of git remotes, from the secrets of the workspace."""

from __future__ import annotations

import asyncio

from actors.secrets import SecretReader
from vapora.errors import CredentialsNeededError, VaporaError
from vapora.repo.logins import Key, Login, Remote, parse, parse_key
from vapora.vault import git_known_hosts_name, git_login_name, git_ssh_name

# The vault gives up sooner.
_PATIENCE_S = 30.0


class SecretLogins:
    """Called by threads while `loop` runs."""

    def __init__(self, secrets: SecretReader, workspace: str) -> None:
        self._secrets = secrets
        self._workspace = workspace
        self.loop: asyncio.AbstractEventLoop | None = None

    def __call__(self, remote: Remote) -> Login | Key | None:
        """Raises `CredentialsNeededError` where there may be one that cannot be read: nothing else is tried then."""
        host, port = remote.host, remote.port
        if remote.scheme == "https":
            name = git_login_name(host, port)
            found = self._read(name, host)
            return None if found is None else parse(found, name)
        name = git_ssh_name(host, port)
        key = self._read(name, host)
        return None if key is None else parse_key(key, name, self._read(git_known_hosts_name(host, port), host) or "")

    def _read(self, name: str, host: str) -> str | None:
        assert self.loop is not None
        reading = self._secrets.read(self._workspace, name, f"git on {host}")
        try:
            found = asyncio.run_coroutine_threadsafe(reading, self.loop).result(_PATIENCE_S)
        except (VaporaError, TimeoutError) as error:
            raise CredentialsNeededError(
                f"The secret '{name}' cannot be read: {error}",
                remedy=getattr(error, "remedy", "") or "Try again; see `vapora doctor`.",
            ) from error
        return None if found is None else found[0].get_secret_value()

    async def close(self) -> None:
        await self._secrets.close()
