"""One Ray, one platform and one fake of the vendors for all tests that need a cluster."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import rounds
from tests.cluster.site import FAIR, Site
from tests.ports import free_port
from tests.queue.nats_server import NatsServer
from vapora.platform import Platform
from vapora.sdk import Client
from vapora.settings import Settings
from vapora.testing import FakeVendors

os.environ.update(FAIR)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What shares the platform comes last: its twenty processes do not run beside all other tests."""
    here = Path(__file__).parent
    items.sort(
        key=lambda item: (
            item.path.parent == here
            and "site" in getattr(item, "fixturenames", ())
            and not hasattr(getattr(item, "module", None), "site")
        )
    )


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """A running platform on Ray whose four providers are the wire fake, reached by the real SDKs, with a real NATS."""
    before = dict(os.environ)
    with FakeVendors() as vendors, tempfile.TemporaryDirectory(prefix="v") as folder:
        os.environ.update(vendors.environ())
        nats = NatsServer(Path(folder) / "nats")
        asyncio.run(nats.start())
        settings = Settings(
            data=Path(folder) / "data",
            port=free_port(),
            resend_s=1,
            nats_url=nats.url,
            nats_ack_wait_s=3,
            repo_roots=[Path(folder)],
            transport=rounds.RAY_TRANSPORT,
        )
        platform = Platform(settings, dashboard=False)
        try:
            platform.start()
            with Client(f"http://127.0.0.1:{settings.port}") as client:
                yield Site(vendors, settings, client, nats)
        finally:
            platform.stop()
            nats.strike()
            os.environ.clear()
            os.environ.update(before)


@pytest.fixture(autouse=True)
def fresh_vendors(request: pytest.FixtureRequest) -> None:
    """Each test scripts the vendors anew."""
    if "site" in request.fixturenames:
        request.getfixturevalue("site").vendors.reset()
