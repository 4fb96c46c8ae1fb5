"""The past in the browser: played at a speed, and pages as they were."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.web.site import Site
from tests.web.test_board import resting

Open = Callable[..., Page]


def test_the_past_is_played_at_the_speed_that_is_chosen_until_now(site: Site, open_page: Open) -> None:
    resting(site, "First card", "Second card")
    began = site.get("/events", limit=1)["items"][0]["recorded_at"]
    page = open_page(f"{site.url}/?at={began}")
    expect(page.get_by_role("article")).to_have_count(0)
    page.get_by_label("Speed").select_option(label="an hour in a minute")
    with page.expect_request("**/board?at=*"):
        page.get_by_role("button", name="Play").click()
    # Half a minute of the log in each picture: two cards that were made within seconds come together, and it ends.
    expect(page.get_by_role("article")).to_have_count(2)
    expect(page.get_by_role("button", name="Play")).to_be_visible()


def test_agents_and_budgets_are_shown_as_they_were_and_cannot_be_changed_then(site: Site, open_page: Open) -> None:
    then = site.get("/position")["head"]
    site.send("PUT", "/budgets/role/developer", {"monthly_limit_cents": 500})
    site.send("PATCH", "/agents/tester", {"enabled": False})
    page = open_page(f"{site.url}/agents?at={then}")
    expect(page.get_by_role("link", name="Tester")).to_be_visible()
    expect(page.get_by_text("disabled", exact=True)).to_have_count(0)
    expect(page.get_by_role("button", name="Disable")).to_have_count(0)
    page.get_by_role("button", name="Back to now").click()
    expect(page.get_by_text("disabled", exact=True)).to_have_count(1)
    page.goto(f"{site.url}/budgets?at={then}")
    expect(page.get_by_role("row", name="role developer")).to_contain_text("no limit")
    expect(page.get_by_role("cell", name="$5.00")).to_have_count(0)
    expect(page.get_by_role("button", name="Set a limit")).to_have_count(0)
    page.get_by_role("button", name="Back to now").click()
    expect(page.get_by_role("cell", name="$5.00")).to_be_visible()
