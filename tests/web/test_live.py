"""What the board hears over its socket, where the connection is cut for real."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any, Literal

import pytest
from playwright.sync_api import Page, WebSocket, expect

from tests.waiting import wait_for
from tests.web.site import Site
from tests.web.test_board import column, resting, titles
from tests.web.wire import Wire

Open = Callable[..., Page]
CUT_S = 10


@pytest.fixture
def wire(site: Site) -> Iterator[Wire]:
    made = Wire(site.port)
    yield made
    made.close()


def listen(page: Page) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What the page asks for in its first frames, and the frames that it is sent."""
    asked: list[dict[str, Any]] = []
    sent: list[dict[str, Any]] = []

    def opened(socket: WebSocket) -> None:
        socket.on("framesent", lambda text: asked.append(json.loads(text)))
        socket.on("framereceived", lambda text: received(json.loads(text)))

    def received(frame: dict[str, Any]) -> None:
        if frame["rows"]:  # one without is a heartbeat
            sent.append(frame)

    page.on("websocket", opened)
    return asked, sent


@pytest.mark.parametrize("how", ["reset", "silent"])
def test_ten_seconds_without_a_connection_lose_and_double_no_change(
    how: Literal["reset", "silent"], site: Site, wire: Wire, open_page: Open
) -> None:
    project, [first] = resting(site, "Card 0")
    page = open_page("about:blank")
    asked, sent = listen(page)
    page.goto(wire.url)
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    site.task(project, "Card before")
    expect(page.get_by_role("article", name="Card before")).to_be_visible()
    boards: list[str] = []
    page.on("request", lambda request: boards.append(request.url) if "/api/v1/board" in request.url else None)

    wire.cut(how)
    began = time.monotonic()
    for number in range(1, 30):
        site.task(project, f"Card {number}")
    site.send("POST", f"/tasks/{first}/move", {"state": "archived"})
    if how == "reset":
        expect(page.get_by_role("status").filter(has_text="Server not reached")).to_be_visible()

    def long_enough() -> bool:
        return time.monotonic() - began > CUT_S and (how == "silent" or wire.refused >= 3)

    # Asking the page lets Playwright take note of what it does meanwhile.
    wait_for("the end of the cut", lambda: page.evaluate("1") and long_enough())
    wire.mend()

    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    expect(column(page, "To do").get_by_label("30 cards")).to_be_visible()
    expect(page.get_by_role("article", name="Card 0", exact=True)).to_have_count(0)
    site.task(project, "Card after")
    expect(column(page, "To do").get_by_label("31 cards")).to_be_visible()
    # By the socket alone: the board was not loaded again.
    assert boards == []
    shown = titles(page, "To do")
    assert shown == site.column("todo")[: len(shown)]

    def heard() -> list[dict[str, Any]]:
        return [row["row"] for frame in sent for row in frame["rows"] if row["view"] == "task"]

    def there() -> list[dict[str, Any]]:
        return list(site.get("/tasks", limit=200)["items"])

    # A card changes more than once, as when it begins to wait; the last change is the truth.
    wait_for("the last change of each card", lambda: page.evaluate("1") and _latest(heard()) == _latest(there()))
    positions = [frame["position"] for frame in sent]
    assert positions == sorted(set(positions))
    assert asked[-1]["after"] in positions
    versions = [(card["id"], card["position"]) for card in heard()]
    assert len(set(versions)) == len(versions)


def _latest(cards: list[dict[str, Any]]) -> dict[str, tuple[str, int]]:
    return {card["title"]: (card["state"], card["position"]) for card in cards}


def test_a_connection_that_dies_without_a_word_is_noticed_said_and_made_again(
    site: Site, wire: Wire, open_page: Open
) -> None:
    project, _ = resting(site, "Card 0")
    page = open_page("about:blank")
    page.clock.install()  # the page's, which can be put forward
    page.goto(wire.url)
    status = page.get_by_role("status").filter(has_text="Server not reached")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    wire.cut("silent")
    site.task(project, "Card 1")
    page.clock.fast_forward(10_000)
    expect(status).to_have_count(0)
    page.clock.fast_forward(10_000)
    expect(status).to_be_visible()

    wire.mend()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    expect(page.get_by_role("article", name="Card 1")).to_be_visible()
