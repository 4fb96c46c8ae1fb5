"""Every page, in both themes and three widths: complete, readable, and without a finding of axe."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Route, expect

from tests.web.site import Site

Open = Callable[..., Page]
PAGES = {
    "/": "Board",
    "/t/{task}": "Write the parser",
    "/p/{project}/dashboard": "Shortleaf",
    "/agents": "Agents",
    "/agents/developer": "Developer",
    "/budgets": "Budgets",
    "/costs": "Costs",
    "/log": "Log",
    "/marketplace": "Marketplace",
    "/tools": "Tools",
    "/settings": "Settings",
    "/settings/channels": "Channels",
    "/settings/trackers": "Trackers",
    "/workflows": "Workflows",
    "/workflows/new": "New workflow",
    "/workflows/runs": "Runs of workflows",
    "/workflows/runs/{run}": "Feature: run",
    "/workflows/approvals": "Approvals",
    "/workflows/schedules": "Schedules",
    "/knowledge": "Knowledge",
    "/knowledge/executions": "Executions",
    "/knowledge/curves": "Learning curves",
    "/knowledge/causes": "Causes",
    "/plans": "Plans",
    "/plans/{plan}": "Plan",
    "/search?q=parser": "Search",
    "/documents": "Documents",
    "/documents/{document}": "How to lend a book",
    "/no/such/page": "",
}


@pytest.fixture(scope="module")
def lived(built: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, dict[str, str]]]:
    """A server on which some work was done."""
    site = Site(tmp_path_factory.mktemp("lived") / "data")
    site.start()
    project = site.project()
    task = site.task(project, "Write the parser", description="It takes **one** line.", review="human")
    site.task(project, "Write the docs", role="documenter", review="none")
    site.send("PUT", "/budgets/role/developer", {"monthly_limit_cents": 500})
    with_end = site.get(f"/tasks/{task}")
    while with_end["state"] != "review":
        with_end = site.get(f"/tasks/{task}", after=site.get("/position")["head"])
    run = site.send("POST", "/workflows/feature/runs", {"inputs": {"goal": "Export links"}, "project_id": project})[
        "id"
    ]
    plan = site.send("POST", "/plans", {"goal": "Export links", "project_id": project})["id"]
    text = "# Lending\n\n| what | how long |\n|---|---|\n| a book | *two* weeks |\n\n```sh\nlend book\n```\n"
    document = site.send("POST", "/documents", {"title": "How to lend a book", "text": text})["id"]
    yield site, {"task": task, "project": project, "run": run, "plan": plan, "document": document}
    site.close()


@pytest.mark.parametrize("path", [path for path, heading in PAGES.items() if heading])
def test_axe_finds_nothing(path: str, lived: tuple[Site, dict[str, str]], open_page: Open) -> None:
    """In either theme, and it fits each width: to load a page takes longer than to look at it."""
    site, ids = lived
    page = open_page(site.url + path.format(**ids))
    expect(page.get_by_role("heading", name=PAGES[path], level=1)).to_be_attached()
    expect(page.get_by_text("Loading…")).to_have_count(0)
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        expect(page.locator("html")).to_have_attribute("data-theme", theme)
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
    for width in (1440, 768, 360):
        page.set_viewport_size({"width": width, "height": 900})
        page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_nothing_is_asked_of_another_machine_and_no_script_may_come_from_one(
    lived: tuple[Site, dict[str, str]], open_page: Open
) -> None:
    site, ids = lived
    page = open_page("about:blank")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text) if message.type == "error" else None)
    for path in (path.format(**ids) for path, heading in PAGES.items() if heading):
        page.goto(site.url + path)
        # A socket that is left while it opens is an error on the console.
        expect(page.get_by_text("Live", exact=True)).to_be_visible()
        expect(page.get_by_text("Loading…")).to_have_count(0)
    assert asked
    assert {url.partition("//")[2].partition("/")[0] for url in asked} == {f"127.0.0.1:{site.port}"}
    assert refused == []
    page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.ran = 1'}))"
    )
    assert page.evaluate("window.ran") is None


def test_the_first_load_is_small(built: None) -> None:
    """120 kB of script and 20 kB of style, compressed: what index.html names, and what that imports at once."""
    dist = Path(__file__).parents[2] / "vapora" / "web" / "dist"
    names = re.findall(r'/(assets/[^"]+)', (dist / "index.html").read_text())

    def size(kind: str) -> int:
        return sum(len(gzip.compress((dist / name).read_bytes())) for name in names if name.endswith(kind))

    assert 0 < size(".js") <= 120_000
    assert 0 < size(".css") <= 20_000


def test_the_theme_is_there_before_the_page_itself(lived: tuple[Site, dict[str, str]], open_page: Open) -> None:
    site, _ = lived
    page = open_page(f"{site.url}/settings")
    page.get_by_label("dark", exact=True).check()
    page.route("**/assets/index-*.js", lambda route: route.abort())
    page.goto(site.url)
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("#app")).to_be_empty()


@pytest.mark.parametrize("width", [768, 1440])
@pytest.mark.parametrize("path", ["/", "/p/{project}", "/p/{project}/dashboard", "/agents", "/costs", "/settings"])
def test_nothing_jumps_while_a_page_is_loaded(
    path: str, width: int, lived: tuple[Site, dict[str, str]], open_page: Open
) -> None:
    """The cumulative layout shift is below 0.05; 0.1 is held for good. Each answer of the server comes after what was
    known before it is drawn, and the last that was asked for comes first: what a page makes room for too late moves
    the rest."""
    site, ids = lived
    page = open_page("about:blank", width=width)
    page.add_init_script(
        """window.shifts = []
        new PerformanceObserver(list => window.shifts.push(...list.getEntries().map(one => one.value)))
          .observe({type: 'layout-shift', buffered: true})"""
    )
    held: list[Route] = []
    page.route(re.compile(r"/api/v1/|/health$"), lambda route: held.append(route))
    page.goto(site.url + path.format(**ids), wait_until="commit")
    known = page.get_by_text("Live", exact=True), page.get_by_text("rehearsal")
    loading = page.get_by_text("Loading…")
    while held or not all(one.is_visible() for one in known) or loading.count():
        if held:
            held.pop().continue_()
        page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    expect(page.get_by_role("heading", level=1)).to_be_attached()
    assert sum(page.evaluate("window.shifts")) < 0.05
