"""A real server with rehearsal models, all in this process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import vapora
from tests.ports import free_port
from vapora.sdk import Client


@pytest.fixture(scope="session")
def url() -> Iterator[str]:
    with vapora.local(model="rehearsal", rehearsal_min_delay_s=0, rehearsal_max_delay_s=0) as client:
        yield client.url


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    with Client(url) as made:
        yield made


@pytest.fixture
def silent_port() -> int:
    """Where nobody listens."""
    return free_port()
