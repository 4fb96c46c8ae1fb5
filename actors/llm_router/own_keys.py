"""The keys of model providers that workspaces brought themselves, and clients that use them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from pydantic import SecretStr

from actors.secrets import SecretReader
from events.ids import Provider
from vapora.errors import VaultError
from vapora.llm.protocol import ModelClient
from vapora.vault import StoredSecret, api_key_name

Keys = Mapping[Provider, StoredSecret]


class KeySource(Protocol):
    """Where the router learns of workspaces' own keys. Every method raises what a `Vault` raises."""

    fresh_s: float

    async def keys(self, workspace: str) -> Keys:
        """Which providers the workspace has a key of its own for, and in which version."""
        ...

    async def clients(self, workspace: str, keys: Keys, correlation: str) -> dict[Provider, ModelClient]:
        """One client for each of these keys."""
        ...

    async def used(self, workspace: str, provider: Provider, key: StoredSecret, correlation: str) -> None:
        """Calls went out with this key since it was last told."""
        ...

    async def close(self) -> None: ...


class OwnKeys:
    """`providers`: those that a key alone switches on. `make(provider, key)` gives a client."""

    def __init__(
        self,
        secrets: SecretReader,
        providers: tuple[Provider, ...],
        make: Callable[[Provider, str], ModelClient],
    ) -> None:
        self.fresh_s = secrets.fresh_s
        self._secrets = secrets
        self._providers = {api_key_name(provider): provider for provider in providers}
        self._make = make

    async def keys(self, workspace: str) -> Keys:
        found = await self._secrets.list(workspace)
        return {self._providers[one.name]: one for one in found if one.name in self._providers}

    async def clients(self, workspace: str, keys: Keys, correlation: str) -> dict[Provider, ModelClient]:
        made: dict[Provider, ModelClient] = {}
        for provider, key in keys.items():
            found = await self._secrets.read(workspace, key.name, _purpose(provider), correlation)
            if found is not None:  # deleted meanwhile
                made[provider] = self._make(provider, _sendable(key.name, found[0]))
        return made

    async def used(self, workspace: str, provider: Provider, key: StoredSecret, correlation: str) -> None:
        await self._secrets.used(workspace, key, _purpose(provider), correlation)

    async def close(self) -> None:
        await self._secrets.close()


def _purpose(provider: Provider) -> str:
    return f"calls to models of {provider}"


def _sendable(name: str, value: SecretStr) -> str:
    """It stands in a header of each call."""
    key = value.get_secret_value().strip()
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise VaultError(
            f"The secret '{name}' is no key of a provider: it holds spaces, line breaks or other such characters.",
            remedy="Store the key again, as the vendor shows it.",
        )
    return key
