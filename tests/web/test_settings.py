"""What a person prefers and what is set for the workspace: kept by the server, and the same in every browser."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, Route, expect

from tests.web.site import Site
from tests.web.test_board import hold, resting

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


def test_a_refused_preference_takes_no_other_with_it(site: Site, open_page: Open) -> None:
    page = open_page(f"{site.url}/settings")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    following = hold(page, "**/preferences")
    page.get_by_label("dark", exact=True).click()
    first = following()
    page.get_by_label("Time zone").select_option("Asia/Tokyo")
    problem = {"type": "urn:vapora:problem:unavailable", "code": "unavailable", "detail": "The disk is full."}
    first.fulfill(status=503, content_type="application/problem+json", json=problem)
    with page.expect_response("**/preferences"):
        following().continue_()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    expect(page.get_by_label("Time zone")).to_have_value("Asia/Tokyo")
    kept = site.get("/preferences")
    assert (kept["theme"], kept["time_zone"]) == ("system", "Asia/Tokyo")


def test_a_form_that_is_being_filled_in_stays_while_others_change_the_same_settings(
    site: Site, open_page: Open
) -> None:
    one, other = open_page(f"{site.url}/settings"), open_page(f"{site.url}/settings")
    expect(one.get_by_text("Live", exact=True)).to_be_visible()
    one.get_by_role("textbox", name="Name").fill("Shortleaf Ltd")
    other.get_by_label("Priority of a new card").fill("80")
    other.get_by_role("textbox", name="Name").fill("Other Ltd")
    other.get_by_role("button", name="Save").click()
    expect(one.get_by_role("banner")).to_contain_text("Other Ltd")
    expect(one.get_by_role("textbox", name="Name")).to_have_value("Shortleaf Ltd")
    one.get_by_role("button", name="Save").click()
    expect(other.get_by_role("textbox", name="Name")).to_have_value("Shortleaf Ltd")
    kept = site.get("/settings")
    assert (kept["name"], kept["default_priority"]) == ("Shortleaf Ltd", 80)


def test_the_workspace_has_a_name_and_new_cards_its_defaults(site: Site, open_page: Open) -> None:
    resting(site)
    page = open_page(f"{site.url}/settings")
    page.get_by_role("textbox", name="Name").fill("Shortleaf Ltd")
    page.get_by_label("Review of a new card").select_option("none")
    page.get_by_label("Priority of a new card").fill("80")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("log", name="Messages")).to_contain_text("saved")
    expect(page.get_by_role("banner")).to_contain_text("Shortleaf Ltd")
    page.get_by_role("link", name="Board", exact=True).click()
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
        "“Implement the slug generator” waits for your review."
    )


# A page in a headless browser is always in front, and shows its notices to nobody.
_AWAY = """
Object.defineProperty(Document.prototype, "hidden", { get: () => true });
window.told = [];
window.Notification = class extends Notification {
  constructor(title, options) {
    super(title, options);
    window.told.push(options.body);
  }
};
"""


def away(site: Site, open_page: Open, *, granted: bool) -> Page:
    """The board in a window that nobody looks at."""
    page = open_page("about:blank")
    if granted:
        page.context.grant_permissions(["notifications"], origin=site.url)
    page.add_init_script(_AWAY)
    page.goto(site.url)
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    return page


def test_a_card_that_comes_to_a_chosen_state_raises_one_notice_and_old_changes_none(
    site: Site, open_page: Open
) -> None:
    project = site.project()
    granted, refused = away(site, open_page, granted=True), away(site, open_page, granted=False)
    task = site.task(project, "Implement the slug generator", review="human")
    # The message is there at the moment at which a notice would have been, and for seconds only.
    expect(refused.get_by_role("log", name="Messages")).to_contain_text("waits for your review")
    granted.wait_for_function("() => told.length > 0")
    # A change that leaves it where it is, and one to a state that was not chosen.
    site.send("POST", f"/tasks/{task}/comments", {"text": "I look at it now."})
    site.send("POST", f"/tasks/{task}/move", {"state": "done"})
    expect(granted.get_by_role("region", name="Done", exact=True).get_by_role("article")).to_have_count(1)
    assert granted.evaluate("told") == ["“Implement the slug generator” waits for your review."]
    assert refused.evaluate("told") == []
    site.send("PUT", "/preferences", {"notifications": ["done"]})
    other = site.task(project, "Write unit tests", role="tester", review="human")
    expect(granted.get_by_role("region", name="Review", exact=True).get_by_role("article")).to_have_count(1)
    # What it prefers it knows at once when it is opened again.
    granted.wait_for_function("() => localStorage.getItem('vapora.preferences').includes('[\"done\"]')")
    # A page that has just been opened tells of nothing that stood there, and of a card that it hears of for the first
    # time only where that has come to its state now.
    granted.reload()
    expect(granted.get_by_role("region", name="Done", exact=True).get_by_role("article")).to_have_count(1)
    expect(granted.get_by_text("Live", exact=True)).to_be_visible()
    site.send("POST", f"/tasks/{task}/comments", {"text": "It was good."})
    site.send("POST", f"/tasks/{other}/move", {"state": "done"})
    granted.wait_for_function("() => told.length > 0")
    assert granted.evaluate("told") == ["“Write unit tests” is done."]
