"""Workflows in the browser: written with checks as one types, started, approved, and followed as a graph."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.web.site import Site

Open = Callable[..., Page]

TWO_STEPS = """name = "Two steps"

[inputs.goal]
description = "What shall be true"

[[stages]]
name = "build"
role = "developer"
[stages.task]
title = "Build it"
review = "none"

[[stages]]
name = "describe"
role = "documenter"
needs = ["build"]
approval = true
[stages.task]
title = "Describe it"
review = "none"
"""


def test_a_workflow_is_written_started_approved_and_done(site: Site, open_page: Open) -> None:
    site.project()
    page = open_page(f"{site.url}/workflows")
    expect(page.get_by_role("article", name="Feature", exact=True)).to_be_visible()
    page.get_by_role("link", name="New workflow").click()
    text = page.get_by_label("In TOML or JSON")
    text.fill(TWO_STEPS.replace('needs = ["build"]', 'needs = ["bild"]'))
    expect(page.get_by_role("alert", name="Faults")).to_contain_text("bild")
    expect(page.get_by_role("button", name="Save")).to_be_disabled()
    text.fill(TWO_STEPS)
    expect(page.get_by_text("It can be saved.")).to_be_visible()
    page.get_by_role("button", name="Save").click()

    page.get_by_role("button", name="Start Two steps").click()
    form = page.get_by_role("dialog")
    form.get_by_label("goal: What shall be true").fill("People export links.")
    form.get_by_role("button", name="Start").click()
    expect(page.get_by_role("heading", name="Two steps: run")).to_be_visible()
    expect(page.get_by_role("button", name="build: Completed")).to_be_visible(timeout=30_000)
    other = open_page(f"{site.url}/workflows/approvals")
    expect(other.get_by_role("button", name="Approve", exact=True)).to_be_visible(timeout=30_000)
    other.get_by_label("Comment").fill("Looks right.")
    other.get_by_role("button", name="Approve", exact=True).click()
    expect(other.get_by_text("Nothing waits for a decision.")).to_be_visible()

    facts = page.get_by_label("The run", exact=True)
    expect(facts).to_contain_text("Completed", timeout=30_000)
    expect(facts).to_contain_text("build → describe")
    page.get_by_role("button", name="build: Completed").click()
    expect(page.get_by_role("list", name="Cards of build")).to_contain_text("Build it")
    page.get_by_role("link", name="Runs", exact=True).click()
    expect(page.get_by_role("region", name="Runs, table")).to_contain_text("2 of 2")
    [run] = site.get("/workflow-runs")["items"]
    assert run["state"] == "completed"
    assert site.get(f"/workflow-runs/{run['id']}")["inputs"] == {"goal": "People export links."}
