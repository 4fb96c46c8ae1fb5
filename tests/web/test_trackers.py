"""Trackers in the browser: one is connected, tried, its issues become cards, and the cards lead back to them."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.web.site import Site
from vapora.testing.trackers import FakeGitHub

Open = Callable[..., Page]


def test_a_tracker_is_connected_tried_and_its_issues_become_cards_with_links(
    make_site: Callable[..., Site], open_page: Open
) -> None:
    with FakeGitHub() as github:
        site = make_site(VAPORA_TRACKER_ALLOW="127.0.0.1/32")
        site.project()
        site.as_operator()
        site.send("PUT", "/secrets/tracker-app", {"value": github.token})
        github.open_issue("The parser drops a line", "Steps: …", ("vapora",))
        page = open_page(site.url + "/settings/trackers")
        page.get_by_role("button", name="Connect a tracker").click()
        for label, value in (
            ("Id", "app"),
            ("Repository", github.repository),
            ("Own server", github.url),
            ("Name of its token", "tracker-app"),
        ):
            page.get_by_label(label, exact=label == "Id").fill(value)
        expect(page.get_by_label("Cards go to")).not_to_have_value("")  # once the projects are there
        page.get_by_role("button", name="Save").click()
        page.get_by_role("button", name="Try app").click()
        expect(page.get_by_text("Reached acme/app.")).to_be_visible()
        with page.expect_response("**/import"):
            page.get_by_role("button", name="Import open issues of app").click()
        page.goto(site.url + "/")
        page.get_by_text("The parser drops a line").first.click()
        expect(page.get_by_role("link", name="Issue 1")).to_have_attribute(
            "href", "https://github.example/acme/app/issues/1"
        )
        page.goto(site.url + "/settings/trackers")
        page.get_by_role("button", name="Disconnect app").click()
        page.get_by_role("button", name="Disconnect", exact=True).click()
        expect(page.get_by_text("Nothing is connected yet.")).to_be_visible()
