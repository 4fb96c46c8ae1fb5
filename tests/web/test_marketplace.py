"""An installed package is set in the browser, by a form that is made from its schema."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.web.site import Site

Open = Callable[..., Page]


@pytest.fixture
def site(built: None, tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path / "data")
    site.start()
    yield site
    site.close()


def test_a_package_is_configured_by_a_form(site: Site, open_page: Open) -> None:
    site.send("POST", "/marketplace/pr-monitor/install", {})
    page = open_page(f"{site.url}/marketplace")
    page.get_by_role("button", name="Look at Pull request monitor").click()
    form = page.get_by_role("form", name="Configure pr-monitor")
    temperature = form.get_by_label("Temperature")
    expect(form.get_by_text("The package says: false")).to_be_visible()

    # What the page itself sees, and what only the server knows, both at the field.
    temperature.fill("7")
    form.get_by_role("button", name="Save").click()
    expect(temperature).to_have_attribute("aria-invalid", "true")
    expect(form.get_by_text("It is 0 at least and 1 at most.")).to_be_visible()
    temperature.fill("0.5")
    form.get_by_label("Task Types").fill("No Such Type")
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_label("Task Types")).to_have_attribute("aria-invalid", "true")
    expect(temperature).to_have_attribute("aria-invalid", "false")
    assert site.get("/marketplace/pr-monitor")["config"] == {}

    form.get_by_label("Task Types").fill("")
    form.get_by_label("Priority").fill("90")
    form.get_by_role("button", name="Save").click()
    expect(page.get_by_text("It is configured")).to_be_visible()
    assert site.get("/marketplace/pr-monitor")["config"] == {"temperature": 0.5, "priority": 90}
