from __future__ import annotations

import pytest

from tests.sandbox.conftest import require


@pytest.fixture(autouse=True)
def namespaces() -> None:
    require("bubblewrap")
