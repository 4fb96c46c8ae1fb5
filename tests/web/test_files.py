"""Files on a card, as a person brings them: chosen, dropped and pasted, on the card and with a new one."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Callable

from playwright.sync_api import FilePayload, Page, expect

from tests.web.site import Site

Open = Callable[..., Page]


def png(width: int, height: int) -> bytes:
    """One that a browser shows."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\x00" + b"\x40\x80\xc0" * width for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


SHOT = png(64, 48)
# A file that a page takes over the clipboard, or from the desktop: neither can be had in a test but by its event.
_BRING = """([how, name, type, data]) => {
  const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
  const carried = new DataTransfer();
  carried.items.add(new File([bytes], name, { type }));
  const place = document.activeElement ?? document.body;
  const event = how === "paste"
    ? new ClipboardEvent("paste", { clipboardData: carried, bubbles: true, cancelable: true })
    : new DragEvent("drop", { dataTransfer: carried, bubbles: true, cancelable: true });
  place.dispatchEvent(event);
  return event.defaultPrevented;
}"""


def bring(page: Page, how: str, name: str, data: bytes, kind: str = "image/png") -> None:
    assert page.evaluate(_BRING, [how, name, kind, base64.b64encode(data).decode()])


def test_files_are_pasted_dropped_chosen_shown_small_and_removed(site: Site, open_page: Open) -> None:
    site.rest_agents()
    task = site.task(site.project(), "Look at the picture")
    page, other = open_page(f"{site.url}/t/{task}"), open_page(f"{site.url}/t/{task}")
    files = page.get_by_role("list", name="Attached files")
    expect(page.get_by_text("Choose files…")).to_be_visible()

    bring(page, "paste", "image.png", SHOT)
    expect(files.get_by_role("img")).to_have_count(1)
    expect(files.get_by_text("64 × 48")).to_be_visible()
    assert page.evaluate("document.querySelector('img').naturalWidth") == 64
    bring(page, "drop", "notes.txt", b"Click twice.", "text/plain")
    page.get_by_label("Files to attach").set_input_files(
        FilePayload(name="notes.txt", mimeType="text/plain", buffer=b"b")
    )
    expect(files.get_by_role("listitem")).to_have_count(3)
    names = [one["name"] for one in site.get(f"/tasks/{task}/attachments")["items"]]
    assert names[0].startswith("screenshot 2")
    assert names[1:] == ["notes.txt", "notes (2).txt"]
    # Another person's page has them too, by the socket.
    expect(other.get_by_role("list", name="Attached files").get_by_role("listitem")).to_have_count(3)

    with page.expect_download() as downloaded:
        files.get_by_role("button", name="notes.txt").first.click()
    assert downloaded.value.suggested_filename == "notes.txt"
    assert downloaded.value.path().read_bytes() == b"Click twice."
    page.get_by_role("button", name="Remove “notes.txt”").click()
    expect(files.get_by_role("listitem")).to_have_count(2)
    expect(other.get_by_role("list", name="Attached files").get_by_role("listitem")).to_have_count(2)

    # What is refused says why, and the card keeps what it has.
    big: FilePayload = {"name": "big.bin", "mimeType": "application/octet-stream", "buffer": b"x" * 10_600_000}
    page.get_by_label("Files to attach").set_input_files([big])
    expect(page.get_by_role("log", name="Messages")).to_contain_text("“big.bin” was not attached")
    expect(files.get_by_role("listitem")).to_have_count(2)


def test_a_new_card_begins_with_the_files_that_it_was_given(site: Site, open_page: Open) -> None:
    site.project()
    page = open_page(site.url)
    page.get_by_role("button", name="More…").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Title", exact=True).fill("Mend what the picture shows")
    bring(page, "paste", "image.png", SHOT)
    bring(page, "drop", "plan.txt", b"First this, then that.", "text/plain")
    chosen = form.get_by_role("list", name="Files to attach")
    expect(chosen.get_by_role("listitem")).to_have_count(2)
    expect(chosen.get_by_role("img")).to_have_count(1)
    chosen.get_by_role("button", name="Leave out “plan.txt”").click()
    form.get_by_role("button", name="Add the card").click()
    expect(page.get_by_role("dialog")).to_have_count(0)

    card = page.get_by_role("region", name="Review", exact=True).get_by_role("article")
    expect(card).to_be_visible()
    expect(card.get_by_text("1 file")).to_be_visible()
    [task] = site.get("/tasks")["items"]
    assert (task["attachments"], task["assignee"]) == (1, None)
    topics = [one["topic"] for one in site.get("/events", limit=200)["items"]]
    assert topics.index("task.attachment-added") < topics.index("run.started")
