"""Search by keyboard, from any page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.waiting import wait_for
from tests.web.site import Site

Open = Callable[..., Page]


@pytest.fixture
def found(built: None, tmp_path: Path) -> Iterator[tuple[Site, str]]:
    site = Site(tmp_path / "data")
    site.start()
    project = site.project()
    other = site.task(project, "Honour maxRetries", description="<img src=x onerror=alert(1)> when the gateway fails.")
    wanted = site.task(project, "Describe the gateway", description="For people.")
    wait_for(
        "both in the index", lambda: {other, wanted} <= {one["id"] for one in site.get("/search", q="gateway")["items"]}
    )
    yield site, wanted
    site.close()


def test_it_opens_by_key_shows_text_and_leads_to_the_card(found: tuple[Site, str], open_page: Open) -> None:
    site, wanted = found
    page = open_page(site.url + "/agents")
    expect(page.get_by_role("heading", name="Agents", level=1)).to_be_attached()
    page.keyboard.press("Control+k")
    field = page.get_by_role("combobox", name="Search for")
    expect(field).to_be_focused()
    page.keyboard.type("gatway")
    options = page.get_by_role("option")
    expect(options.filter(has_text="Describe the gateway").first).to_be_visible()
    expect(page.get_by_text("looked for gateway")).to_be_visible()
    expect(page.get_by_text("<img src=x onerror=alert(1)>").first).to_be_visible()
    expect(page.locator("dialog img")).to_have_count(0)
    expect(page.locator("dialog mark", has_text="gateway").first).to_be_visible()
    assert Axe().run(page).violations_count == 0
    for _ in range(options.count()):
        if "Describe the gateway" in page.locator("[role=option][aria-selected=true]").inner_text():
            break
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/t/{wanted}")
    page.keyboard.press("/")
    expect(field).to_be_focused()
    page.keyboard.press("Escape")
    expect(field).to_have_count(0)
