"""Queries for Loki, Tempo and Prometheus, in dashboards and documents, by the grammars that Grafana's own editors use.
Neither Loki nor Tempo ran: this says that they could read them, not what they would answer."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import hatch_build
from vapora.observability.dashboards import dashboards

ROOT = Path(__file__).parent.parent.parent
GRAMMARS = Path(__file__).parent / "grammars"
LANGUAGES = {"prometheus": "promql", "loki": "logql", "tempo": "traceql"}


def queries() -> list[tuple[str, str]]:
    """(language, query) of all dashboards and of the page that documents them."""
    found = []
    for board in dashboards().values():
        for panel in board["panels"]:
            for target in panel["targets"]:
                language = LANGUAGES[target["datasource"]["type"]]
                found.append((language, target.get("expr") or target["query"]))
    page = (ROOT / "docs" / "observability.md").read_text(encoding="utf-8")
    lines = [
        line for block in re.findall(r"^```\n(.*?)^```$", page, re.MULTILINE | re.DOTALL) for line in block.splitlines()
    ]
    found += [("traceql" if line.startswith("{ ") else "logql", line) for line in lines]
    # A variable of Grafana's stands for a value.
    return [(language, query.replace("$__rate_interval", "1m")) for language, query in found]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("grammars") / "g"
    shutil.copytree(GRAMMARS, folder)
    npm, environment = hatch_build.find_npm()
    command = [*npm, "ci", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts"]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=240
    )
    assert done.returncode == 0, done.stderr
    return folder


def faults(folder: Path, asked: list[tuple[str, str]]) -> list[int]:
    _, environment = hatch_build.find_npm()
    node = shutil.which("node", path=environment.get("PATH")) or "node"
    done = subprocess.run(
        [node, "parse.mjs"], cwd=folder, env=environment, input=json.dumps(asked), capture_output=True, text=True,
        check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    counts: list[int] = json.loads(done.stdout)
    return counts


def test_every_query_can_be_read_in_its_language(folder: Path) -> None:
    asked = queries()
    assert {language for language, _ in asked} == set(LANGUAGES.values())
    broken = [one for one, count in zip(asked, faults(folder, asked), strict=True) if count]
    assert broken == []


def test_the_grammars_find_what_is_broken(folder: Path) -> None:
    asked = [("promql", "sum(rate(x[5m])"), ("logql", '{app="vapora" | json'), ("traceql", "{ name = && }")]
    assert all(faults(folder, asked))
