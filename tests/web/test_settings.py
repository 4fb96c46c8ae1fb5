"""What a person prefers and what is set for the workspace: kept by the server, and the same in every browser."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, Route, expect

from tests.web.site import Site
from tests.web.test_board import resting

Open = Callable[..., Page]


def test_what_a_person_prefers_is_the_same_in_another_browser_at_once(site: Site, open_page: Open) -> None:
    one, other = open_page(f"{site.url}/settings"), open_page(site.url)
    expect(other.locator("html")).to_have_attribute("data-theme", "light")
    expect(other.get_by_text("Live", exact=True)).to_be_visible()
    one.get_by_label("dark", exact=True).check()
    one.get_by_label("Time zone").select_option("Asia/Tokyo")
    expect(other.locator("html")).to_have_attribute("data-theme", "dark")
    third = open_page(f"{site.url}/settings")
    expect(third.locator("html")).to_have_attribute("data-theme", "dark")
    expect(third.get_by_label("Time zone")).to_have_value("Asia/Tokyo")
    assert site.get("/preferences")["time_zone"] == "Asia/Tokyo"


def test_a_refused_preference_is_taken_back_with_the_reason(site: Site, open_page: Open) -> None:
    page = open_page(f"{site.url}/settings")
    problem = {"type": "urn:vapora:problem:unavailable", "code": "unavailable", "detail": "The disk is full."}

    def refuse(route: Route) -> None:
        if route.request.method == "PUT":
            route.fulfill(status=503, content_type="application/problem+json", json=problem)
        else:
            route.continue_()

    page.route("**/preferences", refuse)
    page.get_by_label("dark", exact=True).click()
    expect(page.get_by_role("log", name="Messages")).to_contain_text("The disk is full.")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    expect(page.get_by_label("as this computer is set")).to_be_checked()


def test_the_workspace_has_a_name_and_new_cards_its_defaults(site: Site, open_page: Open) -> None:
    resting(site)
    page = open_page(f"{site.url}/settings")
    page.get_by_role("textbox", name="Name").fill("Shortleaf Ltd")
    page.get_by_label("Review of a new card").select_option("none")
    page.get_by_label("Priority of a new card").fill("80")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("log", name="Messages")).to_contain_text("saved")
    expect(page.get_by_role("banner")).to_contain_text("Shortleaf Ltd")
    page.get_by_role("link", name="Board").click()
    page.get_by_label("Title of a new card").fill("Write the parser")
    page.keyboard.press("Enter")
    expect(page.get_by_role("article", name="Write the parser")).to_contain_text("priority 80")
    [card] = site.get("/board")["columns"]["todo"]
    assert (card["priority"], card["review"]) == (80, "none")


def test_a_person_who_looks_elsewhere_is_told_that_a_card_waits_for_a_review(site: Site, open_page: Open) -> None:
    project = site.project()
    page = open_page(f"{site.url}/settings")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    site.task(project, "Implement the slug generator", review="human")
    expect(page.get_by_role("log", name="Messages")).to_contain_text(
        "“Implement the slug generator” waits for your review.", timeout=20_000
    )
