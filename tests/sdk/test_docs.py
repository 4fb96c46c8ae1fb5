"""What docs/sdk.md has in blocks runs as it stands there."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import vapora
from tests.pages import blocks_of
from vapora.sdk import Client
from vapora.testing import samples

PAGE = Path(__file__).parents[2] / "docs" / "sdk.md"
BLOCKS = blocks_of(PAGE.read_text(encoding="utf-8"), "python")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Client, Path]]:
    """With the project that the page speaks of; the rehearsal model knows its way about in it."""
    folder = tmp_path_factory.mktemp("docs")
    repository = samples.shortleaf(folder)
    quick: dict[str, Any] = {"model": "rehearsal", "rehearsal_min_delay_s": 0, "rehearsal_max_delay_s": 0}
    with vapora.local(folder / "data", **quick, sandbox="none", repo_roots=(folder,)) as client:
        client.projects.create("Shortleaf", repo=str(repository))
        yield client, repository


def run(text: str, client: Client) -> str:
    """Another address than the usual one, and its operator's token, are all that differs."""
    here = text.replace("Client()", f"Client({client.url!r}, token={client._token!r})")
    done = subprocess.run([sys.executable, "-"], input=here, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_ten_lines_hand_in_wait_with_a_bar_show_the_diff_and_merge(server: tuple[Client, Path]) -> None:
    client, repository = server
    [ten_lines, *_] = BLOCKS
    assert len(ten_lines.strip().splitlines()) <= 10
    said = run(ten_lines, client)
    assert "2/3 List the newest link first · Review" in said
    assert "+    for link in sorted(store.links()" in said
    [oid] = re.findall(r"merged as ([0-9a-f]{40})", said)
    head = subprocess.run(["git", "-C", repository, "rev-parse", "main"], capture_output=True, text=True, check=True)
    assert head.stdout.strip() == oid


def test_all_other_blocks_run_as_well(server: tuple[Client, Path]) -> None:
    client, _ = server
    lists, errors = BLOCKS[1:]
    assert "task.submitted" in run(lists, client)
    assert run(errors, client).strip()
