"""An agent of an installed package works where its actor is: in a process of Ray, which imports the package itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agents.packaged import check, running

pytestmark = pytest.mark.ray


def test_an_agent_of_an_installed_package_takes_cards_on_ray(tmp_path: Path) -> None:
    with running(tmp_path, "ray") as (launched, token):
        check(launched, token)
