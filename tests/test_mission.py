"""docs/mission.md is honest: what it names exists, no item is forgotten, and nothing is done without a test."""

from __future__ import annotations

import ast
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
STATES = {"done", "partly", "open", "noted"}

# How many items each chapter of the mission has.
CHAPTERS = {
    "M0": 13, "M1": 6, "M2": 12, "M3": 12, "M4": 8, "M5": 9, "M6": 7, "M7": 4, "M8": 3, "M9": 3, "M10": 12, "M11": 13,
    "M12": 5, "M13": 9, "M14": 14, "M15": 11, "M16": 10,
}  # fmt: skip
ITEMS = {f"{chapter}.{number}" for chapter, count in CHAPTERS.items() for number in range(1, count + 1)}
ITEMS |= {"M17"} | {f"R{number}" for number in range(1, 28)} | {f"C{number}" for number in range(1, 20)}
# Of its chapters on behaviour, those that stand in the table.
ITEMS |= {"B2", "B5", "B6", "B11", "B12"}


@dataclass(frozen=True)
class Item:
    """`places`: paths that the row names; `tests`: (file, function)."""

    name: str
    places: tuple[str, ...]
    tests: tuple[tuple[str, str], ...]
    state: str


def item(line: str) -> Item:
    # The original's formulas use no bar, so a plain split is enough.
    name, _, where, shown_by, state, _ = (cell.strip() for cell in line.strip().strip("|").split("|"))
    tests = tuple(tuple(one.split("::")) for one in re.findall(r"`([^`]+)`", shown_by))
    return Item(name, tuple(re.findall(r"`([^`]+)`", where)), tests, state)


def items() -> list[Item]:
    text = (ROOT / "docs" / "mission.md").read_text(encoding="utf-8")
    return [item(line) for line in text.splitlines() if re.match(r"\| [MRCB]\d", line)]


@cache
def functions(path: str) -> set[str]:
    """The test functions of a file; none where there is no such file."""
    file = ROOT / path
    if not file.is_file():
        return set()
    nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.fixture(scope="module", name="table")
def _table() -> list[Item]:
    return items()


def test_every_item_stands_in_the_table_once(table: list[Item]) -> None:
    assert Counter(one.name for one in table) == Counter(ITEMS)


def test_every_place_exists(table: list[Item]) -> None:
    missing = {place for one in table for place in one.places if not (ROOT / place).exists()}
    assert missing == set()


def test_every_test_exists(table: list[Item]) -> None:
    named = {test for one in table for test in one.tests}
    assert {(path, name) for path, name in named if name not in functions(path)} == set()


def test_every_state_is_one_of_the_four(table: list[Item]) -> None:
    assert {one.name: one.state for one in table if one.state not in STATES} == {}


def test_what_is_done_has_a_place_and_a_test(table: list[Item]) -> None:
    assert [one.name for one in table if one.state == "done" and not (one.places and one.tests)] == []


def test_the_five_companion_documents_are_there_and_the_readme_leads_to_each() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in ("agents", "workflows", "routing", "permissions", "documents"):
        assert (ROOT / "docs" / f"{name}.md").is_file(), name
        assert f"docs/{name}.md" in readme, name
