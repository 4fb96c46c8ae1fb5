"""Pausing in the browser, and cards that a person does."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.web.site import Site

Open = Callable[..., Page]


def test_a_paused_workspace_says_so_in_every_browser_and_nothing_starts_until_it_goes_on(
    site: Site, open_page: Open
) -> None:
    project = site.project()
    one, other = open_page(site.url), open_page(site.url)
    one.get_by_role("button", name="Pause all").click()
    expect(other.get_by_text("Everything is paused")).to_be_visible()
    site.task(project, "Implement the slug generator", review="none")
    expect(other.get_by_role("article", name="Implement the slug generator")).to_contain_text("paused")
    other.get_by_role("button", name="Resume").click()
    expect(one.get_by_text("Everything is paused")).to_have_count(0)
    expect(one.get_by_role("region", name="Done", exact=True).get_by_role("article")).to_have_count(1)


def test_one_project_is_paused_alone(site: Site, open_page: Open) -> None:
    project = site.project()
    page = open_page(f"{site.url}/p/{project}")
    page.get_by_role("button", name="Pause project").click()
    expect(page.get_by_text("Shortleaf is paused")).to_be_visible()
    page.reload()
    expect(page.get_by_text("Shortleaf is paused")).to_be_visible()
    [paused] = site.get("/board")["paused"]
    assert (paused["scope"], paused["id"]) == ("project", project)


def test_a_card_is_given_to_a_person(site: Site, open_page: Open) -> None:
    site.rest_agents()
    task = site.task(site.project(), "Ask the customer")
    page = open_page(f"{site.url}/t/{task}")
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Person who does it").fill("Ada")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert site.get(f"/tasks/{task}")["assignee"] == "Ada"
    page.goto(site.url)
    expect(page.get_by_role("article", name="Ask the customer")).to_contain_text("for Ada")
