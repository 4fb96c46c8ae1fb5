"""Signing in, staying in, and being let out: what people do in the browser where there is an owner."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from oidc_provider_mock import User, run_server_in_thread
from playwright.sync_api import Page, expect

from tests.waiting import wait_for
from tests.web.site import Site

Open = Callable[..., Page]
EMAIL, PASSWORD = "ada@example.com", "correct horse battery"
OWNER = {"VAPORA_OWNER_EMAIL": EMAIL, "VAPORA_OWNER_PASSWORD": PASSWORD}


@pytest.fixture(scope="module")
def owned(built: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server with an owner, and a card; the tests ask it as the operator."""
    site = Site(tmp_path_factory.mktemp("owned") / "data", **OWNER)
    site.start()
    site.as_operator()
    project = site.project()
    blocker = site.task(project, "Design it", review="human", assignee="Ada")
    site.task(project, "Write the parser", blocked_by=[blocker])
    yield site
    site.close()


def sign_in(page: Page, email: str = EMAIL, password: str = PASSWORD) -> None:
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password", exact=True).fill(password)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Sign in")).to_have_count(0)


@pytest.fixture
def signed_in(owned: Site, open_page: Open) -> Page:
    page = open_page(owned.url)
    sign_in(page)
    return page


def test_one_signs_in_and_comes_back_to_where_one_was(owned: Site, open_page: Open) -> None:
    page = open_page(f"{owned.url}/agents/developer")
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password", exact=True).fill("incorrect horse battery")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    sign_in(page)
    expect(page).to_have_url(f"{owned.url}/agents/developer")
    expect(page.get_by_role("heading", name="Developer")).to_be_visible()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()


def test_no_token_stands_where_another_origin_or_a_log_could_find_it(signed_in: Page) -> None:
    expect(signed_in.get_by_text("Live", exact=True)).to_be_visible()
    assert signed_in.context.cookies() == []
    assert signed_in.evaluate("Object.keys(localStorage).filter((one) => one.includes('access'))") == []
    assert "token" not in signed_in.url


def test_a_second_tab_is_signed_in_and_one_refresh_serves_both(owned: Site, signed_in: Page) -> None:
    expect(signed_in.get_by_text("Live", exact=True)).to_be_visible()
    tabs = [signed_in, signed_in.context.new_page()]
    tabs[1].goto(f"{owned.url}/agents")
    expect(tabs[1].get_by_text("Live", exact=True)).to_be_visible()
    refreshes: list[str] = []
    signed_in.context.on("request", lambda one: refreshes.append(one.url) if "/auth/refresh" in one.url else None)
    tabs[1].reload()
    expect(tabs[1].get_by_text("Live", exact=True)).to_be_visible()
    assert len(refreshes) == 1
    signed_in.get_by_role("link", name="Budgets").click()
    expect(signed_in.get_by_role("heading", name="Budgets")).to_be_visible()
    assert len(refreshes) == 1


def test_who_signs_out_is_out_in_every_tab_and_on_the_server(owned: Site, signed_in: Page) -> None:
    other = signed_in.context.new_page()
    other.goto(f"{owned.url}/costs")
    expect(other.get_by_text("Live", exact=True)).to_be_visible()
    signed_in.goto(f"{owned.url}/settings/profile")
    signed_in.get_by_role("button", name="Sign out", exact=True).click()
    expect(signed_in.get_by_text("You are signed out.")).to_be_visible()
    expect(other.get_by_text("Your session has ended.")).to_be_visible()
    assert signed_in.evaluate("localStorage.getItem('vapora.refresh_token')") is None


def test_a_session_that_is_ended_elsewhere_says_so_at_once(owned: Site, signed_in: Page, open_page: Open) -> None:
    expect(signed_in.get_by_text("Live", exact=True)).to_be_visible()
    elsewhere = open_page(f"{owned.url}/settings/profile")
    sign_in(elsewhere)
    elsewhere.get_by_role("button", name="Sign out everywhere").click()
    expect(signed_in.get_by_text("Your session has ended.")).to_be_visible()
    sign_in(signed_in)
    expect(signed_in.get_by_role("article", name="Write the parser")).to_be_visible()


def test_tokens_are_renewed_before_they_expire_and_the_socket_stays(
    make_site: Callable[..., Site], open_page: Open
) -> None:
    site = make_site(**OWNER, VAPORA_ACCESS_TOKEN_S="2")
    page = open_page("about:blank")
    refreshes: list[str] = []
    page.on("request", lambda one: refreshes.append(one.url) if "/auth/refresh" in one.url else None)
    page.goto(site.url)
    sign_in(page)
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    with page.expect_response("**/auth/refresh") as renewed:
        pass
    assert renewed.value.ok
    page.get_by_role("link", name="Agents").click()
    expect(page.get_by_role("heading", name="Agents")).to_be_visible()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()


def test_the_first_owner_comes_by_the_link(make_site: Callable[..., Site], open_page: Open) -> None:
    site = make_site()
    page = open_page(f"{site.url}/setup#{site.setup_token()}")
    expect(page).to_have_url(f"{site.url}/setup")
    page.get_by_label("Your name").fill("Ada")
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create the account").click()
    expect(page.get_by_role("link", name="Ada")).to_be_visible()
    expect(page.get_by_role("heading", name="Begin with a project")).to_be_visible()
    other = open_page(site.url)
    expect(other.get_by_role("heading", name="Sign in")).to_be_visible()


def assert_readable(page: Page) -> None:
    """In both themes, on a telephone."""
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        expect(page.locator("html")).to_have_attribute("data-theme", theme)
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("path", ["/sign-in", "/setup#x", "/accept#x"])
def test_axe_finds_nothing_before_one_is_in(owned: Site, path: str, open_page: Open) -> None:
    page = open_page(owned.url + path, width=360)
    expect(page.get_by_role("button")).to_be_visible()
    assert_readable(page)


PARTS = ("profile", "members", "teams", "tokens", "secrets", "policies", "webhooks", "users")


def test_axe_finds_nothing_under_settings(owned: Site, open_page: Open) -> None:
    page = open_page(f"{owned.url}/settings", width=360)
    sign_in(page)
    for part in PARTS:
        page.goto(f"{owned.url}/settings/{part}")
        expect(page.get_by_role("heading", name=re.compile(part, re.IGNORECASE), level=1)).to_be_visible()
        expect(page.get_by_text("Loading…")).to_have_count(0)
        assert_readable(page)


def test_an_invited_person_sees_their_workspace_and_is_offered_what_a_viewer_may(
    owned: Site, signed_in: Page, open_page: Open
) -> None:
    # A workspace of its own, so that the invited one is nothing in the others.
    signed_in.get_by_label("Workspace").select_option("New workspace…")
    signed_in.get_by_label("Name of the workspace").fill("Acme")
    signed_in.get_by_role("button", name="Create the workspace").click()
    expect(signed_in).to_have_url(f"{owned.url}/?w=acme")
    expect(signed_in.get_by_role("heading", name="Begin with a project")).to_be_visible()
    signed_in.get_by_label("Name of the project").fill("Longleaf")
    signed_in.get_by_role("button", name="Create", exact=True).click()
    signed_in.get_by_label("Title of a new card").fill("Write the docs")
    signed_in.keyboard.press("Enter")
    expect(signed_in.get_by_role("article", name="Write the docs")).to_be_visible()
    signed_in.goto(f"{owned.url}/settings/members?w=acme")
    signed_in.get_by_role("button", name="Invite").click()
    signed_in.get_by_label("E-mail").fill("grace@example.com")
    signed_in.get_by_role("dialog").get_by_role("combobox").select_option("viewer")
    signed_in.get_by_role("button", name="Make the link").click()
    link = signed_in.get_by_label(re.compile("shown this once")).input_value()

    grace = open_page(link)
    grace.get_by_label("Your name").fill("Grace")
    grace.get_by_label("Password", exact=True).fill("another horse battery")
    grace.get_by_role("button", name="Accept").click()
    expect(grace).to_have_url(f"{owned.url}/?w=acme")
    expect(grace.get_by_role("article", name="Write the docs")).to_be_visible()
    expect(grace.get_by_label("Title of a new card")).to_have_count(0)
    expect(grace.get_by_role("button", name="Pause all")).to_have_count(0)
    expect(grace.get_by_role("button", name=re.compile("Move"))).to_have_count(0)
    grace.goto(f"{owned.url}/?w=default")
    expect(grace.get_by_role("heading", name=re.compile("There is no workspace"))).to_be_visible()
    signed_in.reload()
    expect(signed_in.get_by_role("cell", name="Grace", exact=True)).to_be_visible()


def test_a_workspace_is_archived_restored_and_deleted_by_its_name(owned: Site, open_page: Open) -> None:
    page = open_page(owned.url)
    sign_in(page)
    page.get_by_label("Workspace", exact=True).select_option("New workspace…")
    page.get_by_label("Name of the workspace").fill("Short lived")
    page.get_by_label("Id, in addresses").fill("short-lived")
    page.get_by_role("button", name="Create the workspace").click()
    expect(page).to_have_url(re.compile(r"w=short-lived"))
    page.goto(f"{owned.url}/settings?w=short-lived")
    page.get_by_role("button", name="Archive the workspace").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Archive")).to_be_disabled()
    dialog.get_by_label("type its name").fill("Another")
    expect(dialog.get_by_role("button", name="Archive")).to_be_disabled()
    dialog.get_by_label("type its name").fill("Short lived")
    dialog.get_by_role("button", name="Archive").click()
    expect(page.get_by_role("heading", name="This workspace is archived")).to_be_visible()
    # What is refused there says why.
    page.get_by_role("group", name="Theme").get_by_label("dark").click()
    expect(page.get_by_text("is archived: it can be read, and takes no writes")).to_be_visible()
    page.get_by_role("button", name="Restore the workspace").click()
    expect(page.get_by_role("button", name="Archive the workspace")).to_be_visible()
    page.get_by_role("button", name="Delete the workspace").click()
    dialog.get_by_label("type its name").fill("Short lived")
    dialog.get_by_role("button", name="Delete for good").click()
    expect(page).not_to_have_url(re.compile(r"w=short-lived"))
    wait_for("its end", lambda: "short-lived" not in {one["id"] for one in owned.get("/workspaces")["items"]})
    page.goto(f"{owned.url}/settings")
    expect(page.get_by_role("heading", name="The workspace", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Delete the workspace")).to_have_count(0)


def test_who_has_an_account_at_the_provider_signs_in_with_it(make_site: Callable[..., Site], open_page: Open) -> None:
    ada = User(sub="ada", claims={"email": EMAIL, "email_verified": True, "name": "Ada"})
    stranger = User(sub="eve", claims={"email": "eve@example.com", "email_verified": True, "name": "Eve"})
    with run_server_in_thread(require_nonce=True, user_claims=[ada, stranger]) as provider:
        issuer = f"http://localhost:{provider.server_port}"
        openid = {"VAPORA_OPENID_ISSUER": issuer, "VAPORA_OPENID_CLIENT_ID": "vapora"}
        site = make_site(**OWNER, **openid, VAPORA_OPENID_CLIENT_SECRET="s3cret")
        page = open_page(f"{site.url}/agents")
        page.get_by_role("button", name="Sign in with your organisation").click()
        expect(page).to_have_url(re.compile(re.escape(issuer)))
        page.get_by_role("textbox").fill("eve")
        page.get_by_role("button").first.click()
        expect(page.get_by_role("alert")).to_contain_text("invited")
        page.get_by_role("button", name="Sign in with your organisation").click()
        page.get_by_role("textbox").fill("ada")
        page.get_by_role("button").first.click()
        # Back to where one was, and in the name of the person whom the provider has vouched for.
        expect(page.get_by_role("heading", name="Agents")).to_be_visible()
        expect(page).not_to_have_url(re.compile("code"))
        page.goto(f"{site.url}/settings/profile")
        expect(page.get_by_text(EMAIL)).to_be_visible()
