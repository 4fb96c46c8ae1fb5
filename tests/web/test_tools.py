"""Servers of tools in the browser: set one, see how it is, try a tool, change and remove it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.sandbox.conftest import require
from tests.tool_servers.asking import Asking, environ
from tests.tool_servers.odd import PROGRAM, PYTHON
from tests.web.site import Site
from vapora.testing import FakeVendors

Open = Callable[..., Page]


@pytest.fixture
def site(built: None, tmp_path: Path) -> Iterator[Site]:
    require("bubblewrap")
    site = Site(tmp_path / "data")
    site.start()
    yield site
    site.close()


def test_a_server_is_set_and_a_tool_of_it_tried(site: Site, open_page: Open) -> None:
    page = open_page(f"{site.url}/tools#code={site.code()}")
    page.get_by_role("button", name="New server").click()
    page.get_by_label("Id", exact=True).fill("odd")
    page.get_by_label("Command: ").fill(f"{sys.executable}\n{PROGRAM}")
    page.get_by_label("Folders that it sees").fill("\n".join([*PYTHON, str(PROGRAM.parent)]))
    page.get_by_label("Tools that must be there").fill("echo no")
    page.get_by_label("Roles whose agents").fill("developer")
    page.get_by_role("button", name="Save").click()
    odd = page.get_by_role("region", name="odd", exact=True)
    expect(odd.get_by_text("ready", exact=True)).to_be_visible()
    expect(odd.get_by_text("Missing: no")).to_be_visible()
    expect(odd.get_by_text("of people")).to_be_visible()
    expect(odd.get_by_text("for developer")).to_be_visible()

    odd.get_by_role("button", name="Look at odd.big").click()
    page.get_by_label("size").fill("3")
    page.get_by_role("button", name="Call it").click()
    expect(page.get_by_role("region", name="Answer")).to_have_text("xxx")
    page.get_by_role("button", name="Close").click()
    # What a server says is text, and nothing of it runs.
    odd.get_by_role("button", name="Look at odd.echo").click()
    page.get_by_label("text", exact=True).fill("<b>12</b>")
    page.get_by_role("button", name="Call it").click()
    expect(page.get_by_role("region", name="Answer")).to_have_text("said: <b>12</b>")
    page.get_by_role("button", name="Close").click()

    odd.get_by_role("button", name="Prompts of odd").click()
    greet = page.get_by_role("form", name="Read greet")
    greet.get_by_label("name", exact=True).fill("<b>Ada</b>")
    greet.get_by_role("button", name="Read it").click()
    said = greet.get_by_role("region", name="Text of the prompt")
    expect(said).to_have_text("[user]\nGreet <b>Ada</b>. Be friendly.")
    page.get_by_role("button", name="Close").click()

    page.get_by_role("button", name="Change odd").click()
    page.get_by_label("Name for people").fill("The odd one")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="The odd one")).to_be_visible()
    [kept] = [one for one in site.get("/mcp/servers")["items"] if one["id"] == "odd"]
    assert (kept["roles"], kept["expected_tools"]) == (["developer"], ["echo", "no"])
    assert kept["transport"]["command"] == [sys.executable, str(PROGRAM)]

    page.get_by_role("button", name="Remove odd").click()
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(page.get_by_role("heading", name="The odd one")).to_have_count(0)


def test_a_call_that_waits_is_shown_whole_and_answered(built: None, tmp_path: Path, open_page: Open) -> None:
    require("bubblewrap")
    with FakeVendors() as vendors:
        live = {"VAPORA_MODEL": "auto", "VAPORA_REPO_ROOTS": str(tmp_path), **environ(vendors)}
        site = Site(tmp_path / "data", **live)
        site.start()
        try:
            asking = Asking(f"{site.url}/api/v1", site.operator(), tmp_path)
            asking.waits(3)
            page = open_page(f"{site.url}/t/{asking.task_id}#code={site.code()}")
            sent = page.get_by_role("region", name="What would be sent")
            expect(sent).to_contain_text('"size": 3')
            page.get_by_role("button", name="Allow the call").click()
            expect(sent).to_contain_text('"size": 4')
            page.get_by_label("For the agent").fill("No.")
            page.get_by_role("button", name="Refuse the call").click()
            assert asking.results() == ["xxx", "A person refused this call. No."]
            asking.close()
        finally:
            site.close()
