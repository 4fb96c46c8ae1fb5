"""The dashboard of a project: the figures that its page shows are those of its work."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from playwright.sync_api import Page, expect

from tests.waiting import wait_for
from tests.web.site import Site

Open = Callable[..., Page]


def test_the_dashboard_shows_what_was_done_how_long_it_took_what_it_cost_and_by_whom(
    site: Site, open_page: Open
) -> None:
    project = site.project()
    for number in range(3):
        site.task(project, f"Write unit tests, part {number}", role="tester", review="none" if number else "human")
    wait_for("two done", lambda: len(site.column("done")) == 2 and len(site.column("review")) == 1)
    page = open_page(f"{site.url}/p/{project}/dashboard")

    overview = page.get_by_role("region", name="Overview")
    expect(overview).to_contain_text("Done2in 30 days")
    expect(overview).to_contain_text("Review: 1")
    expect(overview).to_contain_text("Done: 2")

    today = datetime.now(UTC).date().isoformat()
    throughput = page.get_by_role("region", name="Throughput", exact=True)
    throughput.get_by_text("As a table").click()
    expect(throughput.get_by_role("row", name=f"{today} 3 2 0")).to_be_visible()

    team = page.get_by_role("region", name="Team, table")
    expect(team.get_by_role("row", name="tester (simulated) 3 3 0 0")).to_be_visible()
    spent = sum(card["cost_microusd"] for column in site.get("/board")["columns"].values() for card in column)
    assert spent > 0
    expect(page.get_by_role("region", name="Cost by role, simulated")).to_contain_text(f"Tester${spent / 1e6:.2f}100 %")


def test_the_dashboard_of_all_projects_adds_them_up_and_leads_to_each(site: Site, open_page: Open) -> None:
    site.rest_agents()
    for name in ("Shortleaf", "Other"):
        site.task(site.project(name), "Write unit tests", role="tester")
    page = open_page(site.url)
    page.get_by_role("link", name="Dashboard", exact=True).click()
    expect(page.get_by_role("heading", name="All projects", level=1)).to_be_visible()
    expect(page.get_by_role("region", name="Overview")).to_contain_text("To do: 2")
    page.get_by_role("region", name="Projects", exact=True).get_by_role("link", name="Other").click()
    expect(page.get_by_role("region", name="Overview")).to_contain_text("To do: 1")
