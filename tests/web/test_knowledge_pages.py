"""What the swarm knows, in the browser: the graph is walked by mouse and keys, causes are recorded."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.web.site import Site

Open = Callable[..., Page]


def test_the_graph_is_walked_and_a_cause_recorded(site: Site, open_page: Open) -> None:
    task = site.task(site.project(), "Parse dates", review="none")
    page = open_page(f"{site.url}/t/{task}")
    expect(page.get_by_text("Done", exact=True).first).to_be_visible()
    page.get_by_role("link", name="What hangs together with it").click()
    graph = page.get_by_role("region", name="Graph")
    card = graph.get_by_role("button", name="Parse dates")
    expect(card).to_have_attribute("aria-pressed", "true")
    card.focus()
    page.keyboard.press("ArrowRight")
    focused = graph.locator("button:focus")
    expect(focused).to_have_attribute("aria-pressed", "true")
    expect(card).to_have_attribute("aria-pressed", "false")
    run = graph.locator(f'button[data-node="run:{task}.1"]')
    run.click()
    expect(page.get_by_role("list", name="What hangs together with it")).to_contain_text("worked on: Task Parse dates")
    page.get_by_role("button", name="Walk on from here").click()
    expect(page).to_have_url(re.compile("node=run"))
    expect(run).to_have_attribute("aria-pressed", "true")

    nav = page.get_by_role("navigation", name="Knowledge")
    nav.get_by_role("link", name="Executions").click()
    executions = page.get_by_role("region", name="Executions, table")
    expect(executions).to_contain_text("accepted")
    page.get_by_label("Kind of work").fill("no-such")
    page.get_by_role("button", name="Find").click()
    expect(page.get_by_text("Nothing is remembered of that.")).to_be_visible()

    nav.get_by_role("link", name="Causes").click()
    page.get_by_label("What went wrong?").fill("Months are days")
    page.get_by_label("Why?").fill("The locale")
    page.get_by_role("button", name="Record it").click()
    causes = page.get_by_role("region", name="Causes, table")
    expect(causes).to_contain_text("The locale")
    page.get_by_role("button", name="Remove: Months are days").click()
    expect(page.get_by_text("No cause is known yet.")).to_be_visible()
