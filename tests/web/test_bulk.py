"""Several cards at once, chosen by mouse and by keyboard."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Locator, Page, Route, expect

from tests.web.site import Site
from tests.web.test_board import column, resting, wait_for_titles

Open = Callable[..., Page]
NAMES = ("Card A", "Card B", "Card C", "Card D")


def bar(page: Page) -> Locator:
    return page.get_by_role("toolbar", name="Chosen cards")


def box(page: Page, name: str) -> Locator:
    return page.get_by_role("checkbox", name=f"Choose “{name}”")


def test_a_range_is_chosen_with_the_shift_key_and_archived_together(site: Site, open_page: Open) -> None:
    resting(site, *NAMES)
    page = open_page(site.url)
    box(page, "Card A").click()
    box(page, "Card C").click(modifiers=["Shift"])
    expect(bar(page)).to_contain_text("3 cards chosen")
    bar(page).get_by_role("button", name="Archive").click()
    expect(page.get_by_role("log", name="Messages")).to_contain_text("3 cards archived.")
    expect(column(page, "To do").get_by_role("article")).to_have_count(1)
    assert site.column("todo") == ["Card D"]
    expect(bar(page)).to_have_count(0)


def test_the_keyboard_chooses_several_all_and_none(site: Site, open_page: Open) -> None:
    resting(site, *NAMES)
    page = open_page(site.url)
    box(page, "Card B").focus()
    page.keyboard.press("Shift+ArrowDown")
    expect(box(page, "Card C")).to_be_focused()
    expect(bar(page)).to_contain_text("2 cards chosen")
    page.keyboard.press("Control+a")
    expect(bar(page)).to_contain_text("4 cards chosen")
    page.keyboard.press("Escape")
    expect(bar(page)).to_have_count(0)


def test_a_priority_for_several_cards_changes_their_order(site: Site, open_page: Open) -> None:
    resting(site, *NAMES)
    page = open_page(site.url)
    page.get_by_role("article", name="Card C").click(modifiers=["Control"], position={"x": 8, "y": 30})
    page.get_by_role("article", name="Card D").click(modifiers=["Control"], position={"x": 8, "y": 30})
    bar(page).get_by_label("Priority of the chosen cards").fill("90")
    page.keyboard.press("Enter")
    expect(page.get_by_role("article", name="Card D")).to_contain_text("priority 90")
    expect(column(page, "To do").get_by_role("article").first).not_to_have_accessible_name("Card A")
    assert set(site.column("todo")[:2]) == {"Card C", "Card D"}
    wait_for_titles(page, "To do", site.column("todo"))


def test_those_that_are_refused_come_back_stay_chosen_and_say_why(site: Site, open_page: Open) -> None:
    _, ids = resting(site, *NAMES)
    page = open_page(site.url)
    problem = {"type": "urn:vapora:problem:conflict", "code": "conflict", "detail": "It is running.", "remedy": "Wait."}

    def refuse(route: Route) -> None:
        if ids[1] in route.request.url:
            route.fulfill(status=409, content_type="application/problem+json", json=problem)
        else:
            route.continue_()

    page.route("**/move", refuse)
    box(page, "Card A").click()
    box(page, "Card B").click()
    bar(page).get_by_role("button", name="Archive").click()
    said = page.get_by_role("log", name="Messages")
    expect(said).to_contain_text("1 of 2 cards not archived.")
    expect(said).to_contain_text("“Card B”: It is running. Wait.")
    expect(page.get_by_role("article", name="Card B")).to_be_visible()
    expect(page.get_by_role("article", name="Card A")).to_have_count(0)
    expect(bar(page)).to_contain_text("1 card chosen")
    expect(box(page, "Card B")).to_be_checked()
