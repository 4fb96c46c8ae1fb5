"""A real server with rehearsal models, all in this process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.ports import free_port
from vapora.platform import Platform
from vapora.sdk import Client
from vapora.settings import Settings


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    platform = Platform(
        Settings(
            data=tmp_path_factory.mktemp("sdk") / "data",
            port=free_port(),
            runtime="local",
            model="rehearsal",
            rehearsal_min_delay_s=0,
            rehearsal_max_delay_s=0,
        ),
        {},
    )
    try:
        yield platform.start().api.removesuffix("/api/v1")
    finally:
        platform.stop()


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    with Client(url) as made:
        yield made


@pytest.fixture
def silent_port() -> int:
    """Where nobody listens."""
    return free_port()
