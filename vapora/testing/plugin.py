"""Fixtures for pytest, there wherever VAPORA is installed. Nothing is imported before a test asks for one.

`vapora_vendors`: a server that speaks for all four model providers and keeps their ledger, new for each test.
`vapora_script`: what its models say next: `vapora_script("First.", "Second.")`.
`vapora_client`: a whole VAPORA in this process, as `vapora.local()` gives it, whose models are those. Which agents
written in Python work there, and its settings, a mark says: `@pytest.mark.vapora(agents=[summariser])`.
`vapora_clock`: a clock that goes where it is put.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from vapora.sdk import Client
    from vapora.testing import FakeVendors, VirtualClock

MARK = "vapora"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{MARK}(agents=…, **settings): what the fixture vapora_client starts")


@pytest.fixture(scope="session")
def _vapora_vendors_server() -> Iterator[FakeVendors]:
    from vapora.testing import FakeVendors

    with FakeVendors() as vendors:
        yield vendors


@pytest.fixture
def vapora_vendors(_vapora_vendors_server: FakeVendors) -> Iterator[FakeVendors]:
    """The fake providers: `requests`, `ledger`, `script`, `hold`."""
    yield _vapora_vendors_server
    _vapora_vendors_server.reset()


@pytest.fixture
def vapora_script(vapora_vendors: FakeVendors) -> Callable[..., None]:
    """What models say next, in order: a text, a dictionary or list (as JSON), a pydantic model, or a
    `vapora.testing.Behaviour`."""
    from vapora.testing.scripted import script

    def say(*answers: Any) -> None:
        script(vapora_vendors, *answers)

    return say


@pytest.fixture
def vapora_client(request: pytest.FixtureRequest, vapora_vendors: FakeVendors) -> Iterator[Client]:
    """A client of a VAPORA of this test's own. It ends with the test, with all of its data."""
    import vapora
    from vapora.testing.scripted import environ

    mark = request.node.get_closest_marker(MARK)
    said: dict[str, Any] = dict(mark.kwargs) if mark is not None else {}
    with vapora.local(agents=said.pop("agents", ()), environ=environ(vapora_vendors), **said) as client:
        yield client


@pytest.fixture
def vapora_clock() -> VirtualClock:
    from vapora.testing import VirtualClock

    return VirtualClock()
