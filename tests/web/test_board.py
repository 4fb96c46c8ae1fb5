"""The board in a real browser, on a real server."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Locator, Page, Route, expect

from tests.waiting import wait_for
from tests.web.site import Site

Open = Callable[..., Page]


def column(page: Page, heading: str) -> Locator:
    return page.get_by_role("region", name=heading, exact=True)


def foremost(page: Page) -> Locator:
    return column(page, "To do").get_by_role("article").first


def titles(page: Page, heading: str) -> list[str]:
    found: list[str] = column(page, heading).locator("article").evaluate_all("all => all.map(one => one.ariaLabel)")
    return found


def wait_for_titles(page: Page, heading: str, wanted: list[str]) -> None:
    """The page hears of a change a moment after the server has it."""
    wait_for(f"{wanted} under {heading}", lambda: titles(page, heading) == wanted)


def hold(page: Page, address: str) -> Callable[[], Route]:
    """Keeps requests from the server. Each call gives the next of them, once the page has sent it."""
    held: list[Route] = []
    page.route(address, lambda route: held.append(route))

    def following() -> Route:
        # Asking the page lets Playwright take note of what it does meanwhile.
        wait_for(f"a request to {address}", lambda: page.evaluate("1") and held)
        return held.pop(0)

    return following


def resting(site: Site, *names: str) -> tuple[str, list[str]]:
    """A project with these cards in To do, and nobody who takes them. Nothing moves on a page that is opened now."""
    site.rest_agents()
    project = site.project()
    tasks = [site.task(project, name) for name in names]
    wait_for("what each card waits for", lambda: all(card["waiting"] for card in site.get("/board")["columns"]["todo"]))
    return project, tasks


def test_an_empty_workspace_says_what_to_do_first_and_makes_a_project(site: Site, open_page: Open) -> None:
    page = open_page(site.url)
    page.get_by_label("Name of the project").fill("Shortleaf")
    page.get_by_role("button", name="Create").click()
    page.wait_for_url("**/p/*")
    expect(page.get_by_role("combobox", name="Project")).to_have_value(page.url.rpartition("/")[2])
    assert [one["name"] for one in site.get("/projects")["items"]] == ["Shortleaf"]


def test_a_card_goes_from_the_form_to_done_only_in_the_browser(site: Site, open_page: Open) -> None:
    site.project()
    page = open_page(site.url)
    page.get_by_label("Title of a new card").fill("Implement the slug generator")
    page.keyboard.press("Enter")
    expect(column(page, "Review").get_by_text("Implement the slug generator", exact=True)).to_be_visible()
    column(page, "Review").get_by_role("link", name="Implement the slug generator").click()
    expect(page.get_by_role("heading", name="Implement the slug generator")).to_be_visible()
    page.get_by_text(".md").first.click()
    expect(page.locator("details[open] pre")).not_to_be_empty()
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("Done", exact=True)).to_be_visible()
    assert site.column("done") == ["Implement the slug generator"]


def test_dragging_a_card_changes_the_order_of_the_work(site: Site, open_page: Open) -> None:
    resting(site, "First card", "Second card", "Third card")
    page = open_page(site.url)
    first = page.get_by_role("article", name="First card")
    with page.expect_response("**/move"):
        page.get_by_role("article", name="Third card").drag_to(first, target_position={"x": 60, "y": 3})
    expect(foremost(page)).to_have_accessible_name("Third card")
    assert site.column("todo") == ["Third card", "First card", "Second card"]
    page.reload()
    wait_for_titles(page, "To do", ["Third card", "First card", "Second card"])


def test_a_card_that_is_let_go_below_the_last_one_goes_to_the_end(site: Site, open_page: Open) -> None:
    resting(site, "First card", "Second card", "Third card")
    page = open_page(site.url)
    last = page.get_by_role("article", name="Third card")
    expect(last).to_contain_text("paused")
    box = last.bounding_box()
    assert box is not None
    first = page.get_by_role("article", name="First card")
    with page.expect_response("**/move"):
        first.drag_to(last, target_position={"x": 60, "y": box["height"] - 3})
    assert site.column("todo") == ["Second card", "Third card", "First card"]
    expect(foremost(page)).to_have_accessible_name("Second card")


def test_the_keyboard_moves_a_card_as_well(site: Site, open_page: Open) -> None:
    resting(site, "First card", "Second card", "Third card")
    page = open_page(site.url)
    page.get_by_role("button", name="Move “Third card”").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem", name="To the top")).to_be_focused()
    page.keyboard.press("Enter")
    expect(foremost(page)).to_have_accessible_name("Third card")
    expect(page.get_by_role("button", name="Move “Third card”")).to_be_focused()


def test_what_one_person_moves_another_one_sees(site: Site, open_page: Open) -> None:
    resting(site, "First card", "Second card")
    one, other = open_page(site.url), open_page(site.url)
    expect(other.get_by_role("article")).to_have_count(2)
    one.get_by_role("button", name="Move “Second card”").click()
    one.get_by_role("menuitem", name="To the top").click()
    expect(foremost(other)).to_have_accessible_name("Second card")


def test_a_refused_move_is_taken_back_and_says_why(site: Site, open_page: Open) -> None:
    _, [task] = resting(site, "Only card")
    page = open_page(site.url)
    expect(page.get_by_role("article", name="Only card")).to_be_visible()
    page.route(
        "**/move",
        lambda route: route.fulfill(
            status=409,
            content_type="application/problem+json",
            json={
                "type": "urn:vapora:problem:conflict",
                "code": "conflict",
                "detail": "It is running.",
                "remedy": "Wait.",
            },
        ),
    )
    page.get_by_role("button", name="Move “Only card”").click()
    page.get_by_role("menuitem", name="Archive").click()
    expect(page.get_by_role("log", name="Messages")).to_contain_text("It is running.Wait.")
    expect(page.get_by_role("article", name="Only card")).to_be_visible()
    assert site.get(f"/tasks/{task}")["state"] == "todo"


def test_a_card_that_cannot_go_there_stays_and_the_page_says_why(site: Site, open_page: Open) -> None:
    resting(site, "Only card")
    page = open_page(site.url)
    page.get_by_role("article", name="Only card").drag_to(column(page, "Done"))
    expect(page.get_by_role("log", name="Messages")).to_contain_text("cannot be moved to “Done”")
    assert site.column("todo") == ["Only card"]


def test_a_server_that_is_killed_under_the_board_is_said_and_comes_back_by_itself(site: Site, open_page: Open) -> None:
    project, _ = resting(site, "First card")
    page = open_page(site.url)
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    site.kill()
    expect(page.get_by_role("status").filter(has_text="Server not reached")).to_be_visible()
    site.start()
    site.task(project, "Second card")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    expect(page.get_by_role("article", name="Second card")).to_be_visible()
    expect(column(page, "To do").get_by_label("2 cards")).to_be_visible()


def test_no_title_can_run_or_break_the_page(site: Site, open_page: Open) -> None:
    odd = ["<img src=x onerror=document.title='broken'>", "שלום עולם בלוח", "🦊 " + "long" * 100, "<b>bold</b> & done"]
    resting(site, *odd)
    page = open_page(site.url)
    expect(page.get_by_role("article")).to_have_count(4)
    for title in odd:
        expect(page.get_by_role("article").get_by_text(title, exact=True)).to_be_visible()
    expect(page).to_have_title("Board · VAPORA")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_past_is_dated_and_cannot_be_changed(site: Site, open_page: Open) -> None:
    project, [_] = resting(site, "First card")
    then = site.get("/position")["head"]
    site.task(project, "Second card")
    page = open_page(f"{site.url}/?at={then}")
    expect(page.get_by_role("article")).to_have_count(1)
    expect(page.get_by_text(f"As it was at {then},")).to_be_visible()
    expect(page.get_by_role("button", name="Move “First card”")).to_have_count(0)
    expect(page.get_by_label("Title of a new card")).to_have_count(0)
    page.get_by_role("button", name="Back to now").click()
    expect(page.get_by_role("article")).to_have_count(2)


def test_a_filter_stands_in_the_address(site: Site, open_page: Open) -> None:
    resting(site, "Write the parser", "Write the docs")
    page = open_page(site.url)
    page.get_by_label("Search cards").fill("parser")
    expect(page.get_by_role("article")).to_have_count(1)
    expect(page).to_have_url(re.compile("q=parser"))
    page.reload()
    expect(page.get_by_role("article")).to_have_count(1)


def test_cards_without_end_are_drawn_only_where_they_are_seen(site: Site, open_page: Open) -> None:
    project, _ = resting(site)
    for number in range(450):
        site.task(project, f"Card number {number:03}")
    page = open_page(site.url)
    line = page.get_by_role("region", name="To do, cards")
    expect(column(page, "To do").get_by_label("450 cards")).to_be_visible()
    page.get_by_role("article", name="Card number 000").wait_for()
    assert page.get_by_role("article").count() < 60
    # To the end, page by page: what is loaded makes the list longer.
    line.focus()
    for size in ("200", "400", "450"):
        expect(line.get_by_role("listitem").first).to_have_attribute("aria-setsize", size)
        page.keyboard.press("End")
    expect(page.get_by_role("article", name="Card number 449")).to_be_visible()
    assert line.get_by_role("article").count() < 60
