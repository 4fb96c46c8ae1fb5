"""Workflows in the browser: written with checks as one types, started, approved, and followed as a graph."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.web.site import Site

Open = Callable[..., Page]


def test_a_workflow_is_written_started_approved_and_done(site: Site, open_page: Open) -> None:
    site.project()
    page = open_page(f"{site.url}/workflows")
    expect(page.get_by_role("article", name="Feature", exact=True)).to_be_visible()
    page.get_by_role("link", name="New workflow").click()
    text = page.get_by_label("In TOML or JSON")
    # A new one begins with an example.
    example = text.input_value()
    text.fill(example.replace('needs = ["build"]', 'needs = ["bild"]'))
    expect(page.get_by_role("alert", name="Faults")).to_contain_text("bild")
    expect(page.get_by_role("button", name="Save")).to_be_disabled()
    text.fill(example)
    expect(page.get_by_text("It can be saved.")).to_be_visible()
    page.get_by_role("button", name="Save").click()

    page.get_by_role("button", name="Start Two steps").click()
    form = page.get_by_role("dialog")
    form.get_by_label("goal: What shall be true in the end").fill("People export links.")
    form.get_by_role("button", name="Start").click()
    expect(page.get_by_role("heading", name="Two steps: run")).to_be_visible()
    expect(page.get_by_role("button", name="build: Completed")).to_be_visible()
    other = open_page(f"{site.url}/workflows/approvals")
    expect(other.get_by_role("button", name="Approve", exact=True)).to_be_visible()
    other.get_by_label("Comment").fill("Looks right.")
    other.get_by_role("button", name="Approve", exact=True).click()
    expect(other.get_by_text("Nothing waits for a decision.")).to_be_visible()

    facts = page.get_by_label("The run", exact=True)
    expect(facts).to_contain_text("Completed")
    expect(facts).to_contain_text("build → describe")
    page.get_by_role("button", name="build: Completed").click()
    expect(page.get_by_role("list", name="Cards of build")).to_contain_text("Build it")
    page.get_by_role("link", name="Runs", exact=True).click()
    expect(page.get_by_role("region", name="Runs, table")).to_contain_text("2 of 2")
    [run] = site.get("/workflow-runs")["items"]
    assert run["state"] == "completed"
    assert site.get(f"/workflow-runs/{run['id']}")["inputs"] == {"goal": "People export links."}


def test_a_schedule_is_made_fired_switched_off_and_shows_what_came_of_it(site: Site, open_page: Open) -> None:
    site.project()
    page = open_page(f"{site.url}/workflows/schedules")
    page.get_by_role("button", name="New schedule").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Id: small letters, digits, hyphens").fill("every-night")
    form.get_by_label("When: minute, hour, day, month, weekday").fill("30 2 * *")
    form.get_by_label("Time zone").fill("Europe/Berlin")
    form.get_by_label("Title of the card").fill("Look at the logs")
    expect(form.get_by_label("In the project")).not_to_have_value("")  # once the projects are there
    form.get_by_role("button", name="Save").click()
    # What the server says of it stands there, and what was filled in stays.
    expect(form.get_by_role("alert")).to_be_visible()
    form.get_by_label("When: minute, hour, day, month, weekday").fill("30 2 * * *")
    form.get_by_role("button", name="Save").click()
    table = page.get_by_role("region", name="Schedules, table")
    expect(table).to_contain_text("Europe/Berlin")
    page.get_by_role("button", name="Begin every-night now").click()
    expect(page.get_by_role("log", name="Messages")).to_contain_text("every-night has begun its work.")
    page.get_by_role("button", name="Switch every-night off").click()
    expect(page.get_by_role("button", name="Switch every-night on")).to_be_visible()
    page.get_by_role("button", name="History of every-night").click()
    page.get_by_role("dialog").get_by_role("link", name="its card").click()
    expect(page.get_by_role("heading", name="Look at the logs", level=1)).to_be_visible()


def test_a_channel_is_made_tried_and_removed(site: Site, open_page: Open) -> None:
    page = open_page(f"{site.url}/settings/channels")
    page.get_by_role("button", name="New channel").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Id", exact=True).fill("on-call")
    form.get_by_label("Name of its secret, as channel-on-call").fill("channel-on-call")
    form.get_by_role("button", name="Save").click()
    expect(page.get_by_role("region", name="Channels, table")).to_contain_text("Slack")
    page.get_by_role("button", name="Send a sample to on-call").click()
    # Its secret is not there: nothing leaves, and the page says what is missing.
    expect(page.get_by_role("log", name="Messages")).to_contain_text("channel-on-call")
    page.get_by_role("button", name="Remove on-call").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_text("There is no channel yet.")).to_be_visible()
