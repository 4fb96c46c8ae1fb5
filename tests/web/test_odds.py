"""What goes wrong between the board and its server: late answers, refusals, a cut connection, texts at their limit."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, WebSocketRoute, expect

from tests.web.site import Site
from tests.web.test_board import column, hold, resting, titles

Open = Callable[..., Page]
LONGEST = 100_000


def test_a_move_is_shown_before_a_slow_server_answers_and_stays_afterwards(site: Site, open_page: Open) -> None:
    resting(site, "First card", "Second card")
    page = open_page(site.url)
    following = hold(page, "**/move")
    page.get_by_role("button", name="Move “Second card”").click()
    page.get_by_role("menuitem", name="To the top").click()
    held = following()
    expect(column(page, "To do").get_by_role("article").first).to_have_accessible_name("Second card")
    assert site.column("todo") == ["First card", "Second card"]
    with page.expect_response("**/move"):
        held.continue_()
    expect(column(page, "To do").get_by_role("article").first).to_have_accessible_name("Second card")
    assert site.column("todo") == ["Second card", "First card"]


def test_a_move_that_another_person_made_impossible_is_refused_with_the_reason(site: Site, open_page: Open) -> None:
    task = site.task(site.project(), "Implement the slug generator")
    page = open_page(site.url)
    expect(column(page, "Review").get_by_role("article")).to_have_count(1)
    following = hold(page, "**/move")
    page.get_by_role("button", name="Move “Implement the slug generator”").click()
    page.get_by_role("menuitem", name="Send back").click()
    held = following()
    site.send("POST", f"/tasks/{task}/move", {"state": "done"})
    with page.expect_response("**/move") as answered:
        held.continue_()
    assert answered.value.status == 409
    expect(page.get_by_role("log", name="Messages")).to_contain_text("was not moved to To do")
    expect(column(page, "Done").get_by_role("article")).to_have_count(1)
    expect(column(page, "To do").get_by_role("article")).to_have_count(0)


def test_a_description_at_the_limit_is_shown_and_edited_whole(site: Site, open_page: Open) -> None:
    site.rest_agents()
    text = ("0123456789" * (LONGEST // 10))[:LONGEST]
    task = site.task(site.project(), "Long card", description=text)
    page = open_page(f"{site.url}/t/{task}")
    expect(page.get_by_role("region", name="What was asked").locator("pre")).to_have_text(text)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="Edit").click()
    field = page.get_by_label("What is to be done")
    expect(field).to_have_value(text)
    field.press("Control+End")
    field.press("Backspace")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert site.get(f"/tasks/{task}")["description"] == text[:-1]


def test_a_socket_that_was_cut_comes_back_without_a_lost_or_doubled_change(site: Site, open_page: Open) -> None:
    project, [first] = resting(site, "Card 0")
    page = open_page("about:blank")
    sockets: list[WebSocketRoute] = []
    positions: list[int] = []
    reachable = [True]

    def forward(socket: WebSocketRoute) -> None:
        if not reachable[0]:
            socket.close(code=1001)
            return
        server = socket.connect_to_server()
        sockets.extend((socket, server))

        def pass_on(message: str | bytes) -> None:
            positions.append(int(re.findall(r'"position":\s*(\d+)', str(message))[0]))
            socket.send(message)

        server.on_message(pass_on)

    page.route_web_socket("**/live**", forward)
    page.goto(site.url)
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    boards: list[str] = []
    page.on("request", lambda request: boards.append(request.url) if "/api/v1/board" in request.url else None)
    reachable[0] = False
    for socket in sockets:
        socket.close(code=1001)
    expect(page.get_by_role("status").filter(has_text="Server not reached")).to_be_visible()
    for number in range(1, 30):
        site.task(project, f"Card {number}")
    site.send("POST", f"/tasks/{first}/move", {"state": "archived"})
    reachable[0] = True
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    expect(column(page, "To do").get_by_label("29 cards")).to_be_visible()
    expect(page.get_by_role("article", name="Card 0", exact=True)).to_have_count(0)
    site.task(project, "Card 30")
    expect(column(page, "To do").get_by_label("30 cards")).to_be_visible()
    # By the socket alone: the board was not loaded again.
    assert boards == []
    shown = titles(page, "To do")
    assert shown == site.column("todo")[: len(shown)]
    assert len(shown) > 5


def test_counts_are_exact_for_one_project_and_for_all(site: Site, open_page: Open) -> None:
    project, _ = resting(site, "First card")
    other = site.project("Other")
    everything, one = open_page(site.url), open_page(f"{site.url}/p/{project}")
    expect(column(everything, "To do").get_by_label("1 cards")).to_be_visible()
    site.task(other, "Second card")
    site.task(project, "Third card")
    expect(column(everything, "To do").get_by_label("3 cards")).to_be_visible()
    expect(column(one, "To do").get_by_label("2 cards")).to_be_visible()


def test_from_a_new_card_to_approved_only_with_the_keyboard(site: Site, open_page: Open) -> None:
    site.project()
    page = open_page(site.url)
    expect(page.get_by_label("Title of a new card")).to_be_visible()

    def tab_to(name: str) -> None:
        """As a person does it, without knowing how far it is."""
        for _ in range(80):
            page.keyboard.press("Tab")
            if page.evaluate(
                "name => (document.activeElement.ariaLabel ?? document.activeElement.textContent).trim() === name", name
            ):
                return
        raise AssertionError(f"The Tab key does not lead to {name!r}.")

    tab_to("Title of a new card")
    page.keyboard.type("Implement the slug generator")
    page.keyboard.press("Enter")
    expect(column(page, "Review").get_by_role("article")).to_have_count(1)
    tab_to("Implement the slug generator")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Implement the slug generator", level=1)).to_be_visible()
    expect(page.get_by_role("button", name="Approve")).to_be_visible()
    tab_to("Approve")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Done", exact=True)).to_be_visible()
    assert site.column("done") == ["Implement the slug generator"]


def test_changing_one_limit_leaves_the_others_as_another_person_has_set_them(site: Site, open_page: Open) -> None:
    site.send("PUT", "/budgets/role/developer", {"monthly_limit_cents": 500, "weekly_limit_cents": 300})
    page = open_page(f"{site.url}/budgets")
    page.get_by_role("button", name="Change the limits of role developer").click()
    expect(page.get_by_label("A month")).to_have_value("5.00")
    site.send("PATCH", "/budgets/role/developer", {"weekly_limit_cents": 100, "when_exceeded": "stop"})
    page.get_by_label("A month").fill("7")
    page.get_by_role("button", name="Set", exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    budget = site.get("/budgets/role/developer")
    assert (budget["monthly_limit_cents"], budget["weekly_limit_cents"], budget["when_exceeded"]) == (700, 100, "stop")


def test_on_a_phone_the_filters_are_folded_and_the_board_is_seen_at_once(site: Site, open_page: Open) -> None:
    resting(site, "First card")
    page = open_page(site.url, width=360, height=640)
    box = page.get_by_role("article", name="First card").bounding_box()
    assert box is not None
    expect(page.get_by_label("Search cards")).to_be_hidden()
    assert box["y"] < 320
    page.get_by_role("button", name="Filters").click()
    page.get_by_label("Search cards").fill("nothing like it")
    expect(page.get_by_role("article")).to_have_count(0)


def test_a_run_shows_its_model_calls(site: Site, open_page: Open) -> None:
    task = site.task(site.project(), "Implement the slug generator")
    page = open_page(f"{site.url}/t/{task}")
    expect(page.get_by_role("button", name="Approve")).to_be_visible()
    page.get_by_text("Model calls").click()
    table = page.get_by_role("region", name="Model calls")
    [run] = site.get(f"/tasks/{task}/runs")["items"]
    expect(table.locator("tbody tr")).to_have_count(run["calls"])
    expect(table.get_by_text("answered").first).to_be_visible()
