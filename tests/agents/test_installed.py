"""An agent of an installed package, on the server: `vapora up` in one process. `tests/cluster` has the same on Ray."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.agents.packaged import check, installed, running


def test_an_agent_of_an_installed_package_takes_cards(tmp_path: Path) -> None:
    with running(tmp_path, "local") as (launched, token):
        check(launched, token)


def test_the_doctor_says_which_agents_are_installed_and_which_cannot_be_used(tmp_path: Path) -> None:
    environ = os.environ | {"PYTHONPATH": str(installed(tmp_path))}
    asked = [sys.executable, "-m", "vapora", "doctor", "--json", "--data", str(tmp_path / "data")]
    told = json.loads(subprocess.run(asked, env=environ, capture_output=True, text=True, check=False).stdout)
    found = [one for one in told["checks"] if one["check"] == "agents in Python"]
    assert [(one["state"], one["detail"].partition(":")[0]) for one in found] == [
        ("good", "summariser"),
        ("warn", "broken = agents_of_others"),
    ]
