"""The rehearsal at work on the demo's cards: real edits, real commands, real checks."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cli.demo_site import Site, cards
from tests.sandbox.conftest import require
from vapora.catalog import ROLE_IDS, role
from vapora.llm.rehearsal.script import scripts
from vapora.sandbox.choice import choose

TITLES = [card["title"] for card in cards()]


@pytest.fixture
def namespaces() -> None:
    require("bubblewrap")


@pytest.fixture
async def site(namespaces: None, tmp_path: Path) -> Any:
    made = Site(tmp_path, await choose("bubblewrap"))
    yield made
    made.close()


def card(name: str) -> dict[str, Any]:
    return next(one for one in cards() if one.get("name") == name)


def git(site: Site, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=site.home.path, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_each_card_has_a_script_and_each_role_a_card() -> None:
    assert sorted(one.title for one in scripts()) == sorted(TITLES)
    assert {one["role"] for one in cards()} == set(ROLE_IDS)
    for one in cards():
        assert one["task_type"] in role(one["role"]).task_types
        assert one["review"] in ("none", "agent")


def test_no_card_waits_for_one_that_comes_after_it() -> None:
    known: set[str] = set()
    for one in cards():
        assert set(one.get("blocked_by", ())) <= known
        known |= {one["name"]} if "name" in one else set()


async def test_all_cards_are_done_one_after_the_other_and_every_check_is_green(site: Site) -> None:
    found: dict[str, Any] = {}
    verdicts: dict[str, list[str]] = {}
    for number, one in enumerate(cards()):
        task = f"task-{number}"
        done = found[one["title"]] = await site.run(one, task)
        assert not done.failed("file_edit") + done.failed("file_write"), one["title"]
        while one["review"] == "agent":
            review = await site.run(one, task, purpose="review", role_id="code-reviewer")
            verdicts.setdefault(one["title"], []).append(review.last["verdict"])
            if verdicts[one["title"]][-1] == "approve":
                break
            assert len(review.last["comments"]) == 2
            await site.run(one, task)
        assert not await site.red(task)
        site.land(task, one["title"])

    # One forgets a mark in the tests, and the checks tell it; another one sees its own mistake when it runs the tests.
    assert {title: one.red_rounds for title, one in found.items() if one.red_rounds} == {card("slugs")["title"]: 1}
    assert len(found[card("schemes")["title"]].failed("run_command")) == 2
    assert {title: said for title, said in verdicts.items() if len(said) > 1} == {
        card("expiry")["title"]: ["request-changes", "approve"]
    }
    assert len(git(site, "log", "--format=%s").splitlines()) == 12
    assert git(site, "status", "--porcelain") == ""
    assert not [title for title, one in found.items() if "{output}" in one.last["summary"]]


@pytest.mark.parametrize("order", [("newest-first", "list-clicks"), ("list-clicks", "newest-first")])
async def test_two_cards_that_change_the_same_place_are_brought_together(order: tuple[str, str], site: Site) -> None:
    first, second = order
    await site.run(card(first), first)
    await site.run(card(second), second)
    site.land(first, first)

    assert site.bring_up(second) == ("shortleaf/__main__.py",)
    await site.run(card(second), second)

    assert not await site.red(second)
    site.land(second, second)
    shown = git(site, "show", "main:shortleaf/__main__.py")
    assert "reverse=True" in shown
    assert "store.clicks(link.slug)" in shown
    assert "<<<<<<<" not in shown


async def test_a_card_whose_neighbour_has_landed_already_needs_no_merge(site: Site) -> None:
    for name in ("newest-first", "list-clicks"):
        done = await site.run(card(name), name)
        assert not done.failed("file_edit")
        site.land(name, name)

    assert len(git(site, "log", "--format=%s").splitlines()) == 3


def test_the_repository_has_main_checked_out_and_a_second_one_gets_a_name_of_its_own(
    site: Site, tmp_path: Path
) -> None:
    from vapora.cli.demo.repository import make

    assert git(site, "branch", "--show-current") == "main"
    assert "@PYTHON@" not in (site.home.path / "check.sh").read_text()
    assert make(tmp_path / "shortleaf").path == tmp_path / "shortleaf-2"
