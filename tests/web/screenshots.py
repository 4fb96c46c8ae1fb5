"""Pictures of the main pages: `python -m tests.web.screenshots DIR`.

The demo's backlog at work in its repository is the scene, so that agents are busy while the pictures are taken: each
page, light and dark, 360, 768 and 1440 pixels wide. `board.png` is the one in the README.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

import hatch_build
from tests.waiting import wait_for
from tests.web import chromium
from tests.web.site import Site
from vapora.cli.demo import cards
from vapora.commands import EditTeam
from vapora.sdk import Client

WIDTHS = (360, 768, 1440)
PAGES = {
    "board": "/",
    "task": "/t/{task}",
    "dashboard": "/p/{project}/dashboard",
    "agents": "/agents",
    "agent": "/agents/developer",
    "budgets": "/budgets",
    "costs": "/costs",
    "log": "/log",
    "marketplace": "/marketplace",
    "settings": "/settings",
}
# Where there is an owner.
OUTSIDE = {"sign-in": "/sign-in", "accept": "/accept#x"}
PEOPLE = {
    name: f"/settings/{name}"
    for name in ("profile", "members", "teams", "tokens", "secrets", "policies", "webhooks", "users")
}
EMAIL, PASSWORD = "ada@example.com", "correct horse battery"
# An answer takes so long that every column has cards for as long as the pictures take.
SLOWLY = {"VAPORA_REHEARSAL_MIN_DELAY_S": "2", "VAPORA_REHEARSAL_MAX_DELAY_S": "12"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    hatch_build.build(Path(hatch_build.__file__).parent / "vapora" / "web")
    with tempfile.TemporaryDirectory() as data, sync_playwright() as playwright:
        site = Site(Path(data) / "data", **SLOWLY)
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=list(chromium.FLAGS))
        try:
            site.start()
            ids = stage(site)
            shoot(browser, site.url, folder / "board.png")
            for name, path in PAGES.items():
                for dark in (False, True):
                    for width in WIDTHS:
                        file = folder / f"{name}-{width}-{'dark' if dark else 'light'}.png"
                        shoot(browser, site.url + path.format(**ids), file, width, dark)
            shoot_people(browser, Path(data) / "people", folder)
        finally:
            browser.close()
            site.close()


def shoot_people(browser: Browser, data: Path, folder: Path) -> None:
    """The pages about people, of a server with an owner, another member, a team, a token and a secret."""
    site = Site(data, VAPORA_OWNER_EMAIL=EMAIL, VAPORA_OWNER_PASSWORD=PASSWORD)
    try:
        site.start()
        with Client(site.url, email=EMAIL, password=PASSWORD) as ada, Client(site.url) as grace:
            grace.accept_invitation(ada.invite("default", "grace@example.com").token, "Grace", "another horse battery")
            ada.invite("default", "barbara@example.com")
            team = ada.create_team("default", "Compilers")
            ada.edit_team("default", team.id, EditTeam(members=(ada.me().id, grace.me().id)))
            ada.issue_token("CI of Shortleaf", ("workspace:default:viewer",))
            ada.store_secret("anthropic-api-key", "not a real one")
        # One page for all: a refresh token is good once, so a session cannot be copied into another context.
        page = browser.new_context(locale="en-GB", reduced_motion="reduce").new_page()
        for name, path in OUTSIDE.items():
            shoot_all(page, site.url + path, folder, name)
        page.goto(f"{site.url}/sign-in")
        page.get_by_label("E-mail").fill(EMAIL)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.keyboard.press("Enter")
        expect(page.get_by_text("Live", exact=True)).to_be_visible()
        for name, path in PEOPLE.items():
            shoot_all(page, site.url + path, folder, name)
    finally:
        site.close()


def shoot_all(page: Page, url: str, folder: Path, name: str) -> None:
    page.goto(url)
    expect(page.get_by_role("heading", level=1)).to_be_attached()
    expect(page.get_by_text("Loading…")).to_have_count(0)
    for dark in (False, True):
        page.emulate_media(color_scheme="dark" if dark else "light")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900 if width > 400 else 780})
            page.screenshot(path=folder / f"{name}-{width}-{'dark' if dark else 'light'}.png")


def stage(site: Site) -> dict[str, str]:
    """The backlog at work, with something in every column that work alone fills; the project and a task in review."""
    project, _ = site.work_project()
    for role, cents in {"developer": 500, "documenter": 3, "tester": 200}.items():
        site.send("PUT", f"/budgets/role/{role}", {"monthly_limit_cents": cents})
    ids: dict[str, str] = {}
    for number, body in enumerate(cards.read(None, own_repository=False)):
        # A person is to look at every second one.
        said = {**body, "review": "human" if number % 2 else body["review"], "project_id": project}
        said["blocked_by"] = [ids[name] for name in said.get("blocked_by", ())]
        name = said.pop("name", f"{number}")
        ids[name] = str(site.send("POST", "/tasks", said)["task_id"])

    def at_work() -> bool:
        counts = site.get("/board")["counts"]
        return bool(counts["in-progress"] >= 2 and counts["review"] >= 2 and counts["done"])

    wait_for("agents at work, cards in review and one that is done", at_work)
    return {"project": project, "task": str(site.get("/board")["columns"]["review"][0]["id"])}


def shoot(browser: Browser, url: str, file: Path, width: int = 1440, dark: bool = False) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 900 if width > 400 else 780},
        color_scheme="dark" if dark else "light",
        locale="en-GB",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(url)
    expect(page.get_by_role("heading", level=1)).to_be_attached()
    expect(page.get_by_text("Loading…")).to_have_count(0)
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    page.screenshot(path=file)
    context.close()


if __name__ == "__main__":
    main()
