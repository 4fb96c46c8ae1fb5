"""From a goal to cards in the browser: asked for, talked about, edited, accepted."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.web.site import Site

Open = Callable[..., Page]


def test_a_goal_is_planned_talked_about_and_becomes_cards(site: Site, open_page: Open) -> None:
    site.project()
    page = open_page(f"{site.url}/plans")
    page.get_by_label("What shall be true in the end?").fill("People can export their links as CSV.")
    expect(page.get_by_role("combobox", name="Project")).not_to_have_value("")  # once the projects are there
    page.get_by_role("button", name="Plan it").click()
    talk = page.get_by_role("list", name="What was said")
    expect(talk).to_contain_text("The riskiest decision stands first")
    cards = page.get_by_role("list", name="Proposed cards")
    expect(cards.get_by_role("listitem")).to_have_count(4)
    expect(cards).to_contain_text("no data on cost and time")

    page.get_by_label("What shall be different?").fill("Without a new dependency.")
    page.get_by_role("button", name="Ask again").click()
    expect(talk.get_by_role("listitem")).to_have_count(2)
    expect(talk.get_by_role("listitem").nth(1)).to_contain_text("The riskiest decision")
    page.get_by_label("Title of card 2").fill("Write the exporter")
    # The card that waited for it waits for what it waited for.
    page.get_by_role("button", name="Leave out card 1").click()
    page.get_by_role("button", name="Make 3 cards").click()
    expect(page.get_by_text("Its 3 cards are on the board.")).to_be_visible()
    page.get_by_role("main").get_by_role("link", name="board", exact=True).click()
    expect(page.get_by_role("article", name="Write the exporter")).to_be_visible()
    [plan] = site.get("/plans")["items"]
    made = [site.get(f"/tasks/{one}") for one in plan["task_ids"]]
    assert made[0]["title"] == "Write the exporter"
    assert [len(one["blocked_by"]) for one in made] == [0, 0, 1]
