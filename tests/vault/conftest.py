from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.vault.bench import BACKENDS, Bench, embedded, over_files
from tests.vault.openbao_server import POLICY, ROTATING, OpenBaoServer
from vapora.vault import Vault
from vapora.vault.tables import PostgresTables


@pytest.fixture(scope="session")
def openbao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenBaoServer]:
    """One for all tests that leave it running: it takes two seconds to start."""
    server = OpenBaoServer(tmp_path_factory.mktemp("openbao"))
    try:
        server.start()
        yield server
    finally:
        server.strike()


@pytest.fixture(params=BACKENDS)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """A store with nothing in it."""
    opened: list[Vault] = []

    def kept(vault: Vault) -> Vault:
        opened.append(vault)
        return vault

    match request.param:
        case "sqlite":
            yield Bench(lambda: kept(over_files(tmp_path)))
        case "postgres":
            url = str(request.getfixturevalue("database_url"))
            yield Bench(lambda: kept(embedded(PostgresTables(url), tmp_path)))
        case _:
            server: OpenBaoServer = request.getfixturevalue("openbao")
            prefix = f"t{os.urandom(6).hex()}"
            token = server.token(POLICY.replace("vapora", prefix), ROTATING)
            yield Bench(lambda: kept(server.vault(token=token, prefix=prefix)))
    for vault in opened:
        vault.close()
