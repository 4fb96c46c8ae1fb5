"""An agent of an installed package, on the server: `vapora up` in one process. `tests/cluster` has the same on Ray."""

from __future__ import annotations

from pathlib import Path

from tests.agents.packaged import check, running


def test_an_agent_of_an_installed_package_takes_cards(tmp_path: Path) -> None:
    with running(tmp_path, "local") as (launched, token):
        check(launched, token)
