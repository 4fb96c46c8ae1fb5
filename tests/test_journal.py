"""What the API writes when something breaks, in a process where nobody else has set up the journal: a Serve replica."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SECRET = "s3cret-token"

# The frames of the traceback hold the request, and with it what lets a person in.
REPLICA = f"""
import asyncio, sys
from typing import cast
import httpx
from actors.cast import RuntimeCast
from vapora.serve import api
from vapora.settings import Settings

class Broken:
    async def open(self, workspace):
        raise RuntimeError("the log is on fire")

async def ask():
    app = api(Settings(log_format=sys.argv[1]), cast(RuntimeCast, Broken()))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost:8000") as http:
        answer = await http.get("/api/v1/board", headers={{"Authorization": "Bearer {SECRET}"}})
    assert answer.status_code == 500, answer.text

asyncio.run(ask())
"""


@pytest.mark.parametrize("form", ["console", "json"])
def test_a_broken_request_is_told_in_the_chosen_form_and_without_what_the_request_held(
    form: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", REPLICA, form], capture_output=True, text=True, check=False, timeout=60, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout + done.stderr
    assert "the log is on fire" in said and "Traceback" in said
    assert SECRET not in said
    if form == "json":
        assert all(json.loads(line)["level"] == "error" for line in done.stderr.splitlines())
