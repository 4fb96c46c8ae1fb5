"""Logins of git remotes, from the secrets of the workspace."""

from __future__ import annotations

import asyncio

from actors.secrets import SecretReader
from vapora.errors import CredentialsNeededError, VaporaError
from vapora.repo.logins import Login, parse
from vapora.vault import git_login_name

# The vault gives up sooner.
_PATIENCE_S = 30.0


class SecretLogins:
    """Called by threads while `loop` runs."""

    def __init__(self, secrets: SecretReader, workspace: str) -> None:
        self._secrets = secrets
        self._workspace = workspace
        self.loop: asyncio.AbstractEventLoop | None = None

    def __call__(self, host: str, port: int | None) -> Login | None:
        """Raises `CredentialsNeededError` where there may be one that cannot be read: nothing else is tried then."""
        assert self.loop is not None
        name = git_login_name(host, port)
        reading = self._secrets.read(self._workspace, name, f"git on {host}")
        try:
            found = asyncio.run_coroutine_threadsafe(reading, self.loop).result(_PATIENCE_S)
        except (VaporaError, TimeoutError) as error:
            raise CredentialsNeededError(
                f"The secret '{name}' cannot be read: {error}",
                remedy=getattr(error, "remedy", "") or "Try again; see `vapora doctor`.",
            ) from error
        return None if found is None else parse(found[0].get_secret_value(), name)

    async def close(self) -> None:
        await self._secrets.close()
