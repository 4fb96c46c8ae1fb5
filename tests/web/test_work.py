"""Work in a repository, steered in the browser alone: from the form to the commit."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.sandbox.conftest import require
from tests.waiting import wait_for
from tests.web.site import Site

Open = Callable[..., Page]
TITLE = "Refuse targets that are neither http nor https"


# Of the session: it comes before the browser, beside which nothing can use an event loop.
@pytest.fixture(autouse=True, scope="session")
def namespaces() -> None:
    require("bubblewrap")


def subjects(folder: object) -> list[str]:
    log = subprocess.run(
        ["git", "-C", str(folder), "log", "--format=%s", "main"], capture_output=True, text=True, check=True
    )
    return log.stdout.splitlines()


def test_a_card_goes_from_the_form_to_a_merged_commit_in_the_browser_alone(site: Site, open_page: Open) -> None:
    home = site.repository()
    folder = home.path
    printed = open_page(f"{site.url}/#token={site.operator()}")
    expect(printed).not_to_have_url(re.compile("token"))
    # The browser that `--open` starts gets a code, which is worth as much as the token, once.
    page = open_page(f"{site.url}/#code={site.code()}")
    expect(page.get_by_label("Name of the project")).to_be_visible()
    expect(page).not_to_have_url(re.compile("code"))
    for one in (printed, page):
        one.wait_for_function("token => sessionStorage.getItem('vapora.operator_token') === token", arg=site.operator())
    page.get_by_label("Name of the project").fill("Shortleaf")
    page.get_by_text("Work in a git repository").click()
    page.get_by_role("textbox", name="Repository").fill(str(folder))
    page.get_by_role("textbox", name="Checks").fill("\n".join(home.checks.values()))
    page.get_by_role("button", name="Create").click()
    page.get_by_role("button", name="More…").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Title", exact=True).fill(TITLE)
    form.get_by_label("Role").select_option("developer")
    form.get_by_role("button", name="Add").click()

    card = page.get_by_role("region", name="Review", exact=True).get_by_role("article", name=TITLE)
    expect(card).to_be_visible()
    card.get_by_role("link", name=TITLE).click()
    work = page.get_by_role("region", name="Work", exact=True)
    expect(work).to_contain_text("green")
    changes = page.get_by_role("region", name="Changes", exact=True)
    expect(changes).to_contain_text("tests")
    expect(changes.get_by_role("region", name="Patch of", exact=False).first).to_contain_text("http")
    page.get_by_text("Side by side").click()
    expect(changes.get_by_role("region", name="Patch of", exact=False).first).to_contain_text("http")
    page.get_by_role("region", name="Runs").get_by_text("Steps (").click()
    expect(page.get_by_role("list", name="Steps").first).to_contain_text("tool")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()

    changes.get_by_role("button", name="Comment on line").first.click()
    page.get_by_role("textbox", name="Comment on line").fill("Good that it says so.")
    page.get_by_role("button", name="Comment now").click()
    expect(page.get_by_role("region", name="Comments", exact=True)).to_contain_text("Good that it says so.")

    work.get_by_role("button", name="Approve").click()
    work.get_by_role("button", name="Merge").click()
    page.get_by_role("dialog").get_by_role("button", name="Merge").click()
    expect(work).not_to_contain_text("Landed no")
    expect(work.get_by_role("button", name="Merge")).to_have_count(0)
    assert len(subjects(folder)) == 2


def test_a_page_without_the_operators_token_says_what_merging_needs(site: Site, open_page: Open) -> None:
    project, folder = site.work_project()
    task = site.task(project, TITLE, role="developer", review="none")
    page = open_page(f"{site.url}/t/{task}")
    work = page.get_by_role("region", name="Work", exact=True)
    work.get_by_role("button", name="Merge").click()
    expect(page.get_by_text("Merging needs the page to be opened by the address")).to_be_visible()
    page.get_by_role("dialog").get_by_role("button", name="Merge").click()
    expect(page.get_by_role("log", name="Messages")).to_contain_text("Not merged")
    assert len(subjects(folder)) == 1


def test_work_is_sent_back_with_comments_on_lines_and_comes_again(site: Site, open_page: Open) -> None:
    project, _ = site.work_project()
    task = site.task(project, TITLE, role="developer", review="human", assignee="me")
    page = open_page(f"{site.url}/t/{task}")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    lists: list[str] = []
    page.on("request", lambda request: lists.append(request.url) if "/steps?" in request.url else None)
    site.send("PATCH", f"/tasks/{task}", {"assignee": None})
    work = page.get_by_role("region", name="Work", exact=True)
    expect(work.get_by_role("button", name="Approve")).to_be_visible()
    # Its steps came while it ran, one by one by the socket; the list was read when the run began, and only then.
    [run] = site.get(f"/tasks/{task}/runs")["items"]
    told = site.get(f"/runs/{run['run_id']}/steps", limit=500)["items"]
    steps = page.get_by_role("list", name="Steps").first
    expect(steps.get_by_role("listitem")).to_have_count(len(told))
    assert len([one for one in lists if "cursor" not in one]) == 1
    lines = steps.locator("details > summary > span[dir=auto]")
    wait_for("the line of each", lambda: lines.all_inner_texts() == [one["line"] for one in told])
    # What a frame does not carry is asked for where somebody looks.
    steps.locator("details").last.locator("summary").click()
    expect(steps.get_by_role("region", name="Result").or_(steps.get_by_role("region", name="Answer"))).to_be_visible()
    page.get_by_role("button", name="Comment on line").first.click()
    page.get_by_role("textbox", name="Comment on line").fill("Say it shorter.")
    page.get_by_role("button", name="Add to the review").click()
    work.get_by_role("button", name="Request changes (1 on lines)").click()
    page.get_by_role("dialog").get_by_role("button", name="Send back").click()
    expect(page.get_by_role("region", name="Comments", exact=True)).to_contain_text("Say it shorter.")
    [first, second] = site.wait_for_runs(task, 2)
    assert first["agent_id"] == second["agent_id"]
