"""Documents in the browser: written, edited beside a preview, compared, published, merged; nothing of theirs runs."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.web.site import Site

Open = Callable[..., Page]
HOSTILE = """Lend it for *two* weeks.

<script>window.ran = 1</script>

<img src="https://example.invalid/x.png" onerror="window.ran = 1">

![a plan](https://example.invalid/plan.png) and [a link](javascript:window.ran=1)
"""


def test_a_document_is_written_edited_compared_and_published_and_its_html_is_text(site: Site, open_page: Open) -> None:
    site.project()
    page = open_page(f"{site.url}/documents")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    write = page.get_by_role("region", name="Write a document")
    write.get_by_label("Title").fill("How to lend a book")
    write.get_by_label("Text, in Markdown").fill(HOSTILE)
    write.get_by_role("button", name="Write it").click()
    expect(page.get_by_role("heading", name="How to lend a book", level=1)).to_be_visible()
    text = page.get_by_role("region", name="Text")
    expect(text.locator("em")).to_have_text("two")
    expect(text).to_contain_text("<script>window.ran = 1</script>")
    expect(text.get_by_role("link", name="Image: a plan")).to_have_attribute("href", "https://example.invalid/plan.png")
    expect(text.get_by_text("a link")).to_be_visible()
    assert text.locator("a", has_text="a link").count() == 0
    assert text.locator("img, script").count() == 0 and page.evaluate("window.ran") is None
    assert [url for url in asked if "example.invalid" in url] == []

    page.get_by_role("button", name="Edit", exact=True).click()
    page.get_by_label("Text, in Markdown").fill("Lend it for **three** weeks.")
    expect(page.get_by_role("region", name="Preview").locator("strong")).to_have_text("three")
    [document] = site.get("/documents")["items"]
    site.send("PUT", f"/documents/{document['id']}", {"version": 1, "text": "Quicker."})
    page.get_by_label("What changed").fill("A week more")
    page.get_by_role("button", name="Save as version 2").click()
    newer = page.get_by_role("region", name="Version 2, which is newer than yours")
    expect(newer).to_contain_text("Quicker.")
    expect(page.get_by_label("Text, in Markdown")).to_have_value("Lend it for **three** weeks.")
    newer.get_by_role("button", name="I have seen it").click()
    page.get_by_role("button", name="Save as version 3").click()
    versions = page.get_by_role("list", name="Versions")
    expect(versions.get_by_role("listitem")).to_have_count(3)
    expect(versions.get_by_role("listitem").first).to_contain_text("A week more")
    versions.get_by_text("What changed").first.click()
    expect(versions).to_contain_text("+Lend it for **three** weeks.")
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_text("Published", exact=True)).to_be_visible()


def test_two_that_say_the_same_are_shown_and_one_is_kept(site: Site, open_page: Open) -> None:
    project = site.project()
    same = "Run the release script: it builds the image, pushes it and restarts the service."
    for title in ("Deploy the shop", "Deploying the shop"):
        site.send("POST", "/documents", {"title": title, "text": same, "project_id": project})
    page = open_page(f"{site.url}/documents")
    duplicates = page.get_by_role("list", name="Duplicates")
    expect(duplicates.get_by_role("listitem")).to_have_count(1)
    duplicates.get_by_role("button", name="Keep “Deploy the shop”").click()
    expect(page.get_by_text("No two of them do.")).to_be_visible()
    expect(page.get_by_role("link", name="Deploying the shop")).to_have_count(0)
    rule = page.get_by_role("region", name="How finished work is documented").get_by_role("combobox").first
    with page.expect_response(lambda answer: answer.request.method == "PUT"):
        rule.select_option("batched")
    assert site.get("/documentation")["rule"] == "batched"
