"""The code of docs/agents-in-python.md and docs/testing-agents.md, run as it stands there."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from tests import pages
from vapora.testing import given

pytest_plugins = ["pytester"]

DOCS = Path(__file__).parents[2] / "docs"


def blocks(page: str) -> list[str]:
    return pages.blocks_of((DOCS / page).read_text(encoding="utf-8"), "python")


def test_the_page_on_agents_does_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    first, mending, typed = blocks("agents-in-python.md")
    names: dict[str, Any] = {"__name__": "page"}
    exec(compile(first, "agents-in-python.md", "exec"), names)
    said = capsys.readouterr().out
    assert said.startswith("done\n")
    assert "rehearsal" in said
    exec(compile(mending, "agents-in-python.md", "exec"), names)
    again = given("Write it").failed_checks("tests: red").tool("file_write", "written").model("x = 1")
    again.when(names["writer"]).then.asks("tests: red").uses("file_write", content="x = 1").resumes()
    exec(compile(typed, "agents-in-python.md", "exec"), names)
    summary = names["Summary"](headline="Short", points=["one"])
    given("Summarise it").model(summary).when(names["structured"]).then.finishes(summary).resumes()


def test_the_page_on_tests_has_tests_that_pass(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("\n\n".join(blocks("testing-agents.md")))
    known = [one for one in entry_points(group="pytest11") if one.value == "vapora.testing.plugin"]
    loaded = () if known else ("-p", "vapora.testing.plugin")
    pytester.runpytest_subprocess("-q", "-p", "no:cacheprovider", *loaded).assert_outcomes(passed=2)
