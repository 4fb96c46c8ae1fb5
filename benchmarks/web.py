"""The board in a browser: its first load, a drag over it, and how soon a move in one browser is seen in another.

    python -m benchmarks.web [--cards 5000] [--moves 200] [--per-second 20] [--steps 60]

A real Chromium with rendering by software, on a real server on loopback. A move is timed from the moment in which one
page sends it until the other page shows the log up to it, by the clock of the machine; at last both show the same
order. The board's own baseline is the round trip of the same request, which the page that sends it measures. What a
step of a drag costs is read from Chromium's own trace: scripting, style and layout on the page's main thread, without
painting.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from bisect import bisect_right
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page, expect, sync_playwright

import hatch_build
from tests.web import chromium
from tests.web.site import Site

_AT_ONCE = 16  # requests that make the cards
_CARDS_THAT_MOVE = 8  # few enough that all of them are drawn

# Up to which position the board shows the log, and since when; each change is noted as it is about to be drawn.
# Up to which position the board shows the log, and since when; noted as it is about to be drawn.
_WATCH = """() => {
  const board = document.querySelector('[data-position]')
  window.seen = []
  const look = () => window.seen.push([Number(board.dataset.position), Date.now()])
  new MutationObserver(look).observe(board, {attributeFilter: ['data-position']})
}"""
_REACHED = "last => document.querySelector('[data-position]').dataset.position >= last"
_MOVE = """async ({anchor, cards, moves, gap}) => {
  const told = []
  const send = async number => {
    const id = cards[number % cards.length], up = Math.floor(number / cards.length) % 2 === 0
    const at = Date.now()
    const body = JSON.stringify({state: 'todo', before: up ? anchor : null})
    const headers = {'Content-Type': 'application/json'}
    const answer = await fetch(`/api/v1/tasks/${id}/move`, {method: 'POST', headers, body})
    if (!answer.ok) throw new Error(await answer.text())
    const took = Date.now() - at
    told.push([(await answer.json()).position, at, took])
  }
  const sent = []
  for (let number = 0; number < moves; number++) {
    sent.push(send(number))
    await new Promise(next => setTimeout(next, gap))
  }
  await Promise.all(sent)
  return told
}"""
_BLOCKED = """window.blocked = 0
new PerformanceObserver(list => {
  for (const one of list.getEntries()) window.blocked += Math.max(0, one.duration - 50)
}).observe({type: 'longtask', buffered: true})
window.jumped = 0
new PerformanceObserver(list => {
  for (const one of list.getEntries()) if (!one.hadRecentInput) window.jumped += one.value
}).observe({type: 'layout-shift', buffered: true})"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cards", type=int, default=5_000)
    parser.add_argument("--moves", type=int, default=200)
    parser.add_argument("--per-second", type=float, default=20)
    parser.add_argument("--steps", type=int, default=60)
    given = parser.parse_args()
    hatch_build.build(Path(hatch_build.__file__).parent / "vapora" / "web")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        site = Site(Path(folder) / "data")
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=list(chromium.FLAGS))
        try:
            site.start()
            site.rest_agents()
            project = site.project()
            cards = [site.task(project, f"Card {number}") for number in range(_CARDS_THAT_MOVE + 1)]
            _moves(browser, site.url, cards, given.moves, 1_000 / given.per_second)
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                list(pool.map(lambda number: site.task(project, f"Card {number}"), range(given.cards - len(cards))))
            _first_load(browser, site.url, given.cards)
            _long_board(browser, site.url, given.cards, given.steps)
        finally:
            browser.close()
            site.close()
    return 0


def _moves(browser: Browser, url: str, cards: list[str], moves: int, gap_ms: float) -> None:
    one, other = (_open(browser, url) for _ in range(2))
    anchor, *moving = cards
    other.evaluate(_WATCH)
    told = one.evaluate(_MOVE, {"anchor": anchor, "cards": moving, "moves": moves, "gap": gap_ms})
    last = max(position for position, *_ in told)
    other.wait_for_function(
        "last => document.querySelector('[data-position]').dataset.position >= last", arg=last, timeout=30_000
    )
    seen = other.evaluate("window.seen")
    waits = [next(at for shown, at in seen if shown >= position) - sent for position, sent, _ in told]
    order = [[card.get_attribute("data-card") for card in page.locator("[data-card]").all()] for page in (one, other)]
    if order[0] != order[1]:
        raise SystemExit("the browsers show different orders")
    print(f"{'':<34} {'p50 ms':>7} {'p95 ms':>7} {'max ms':>7}")
    for name, values in (("the request itself", [took for *_, took in told]), ("seen in the other browser", waits)):
        p95 = statistics.quantiles(values, n=20, method="inclusive")[-1]
        print(f"{name:<34} {statistics.median(values):>7.0f} {p95:>7.0f} {max(values):>7.0f}")
    for page in (one, other):
        page.context.close()


def _first_load(browser: Browser, url: str, cards: int) -> None:
    page = _open(browser, url)
    figures: dict[str, Any] = page.evaluate(
        """() => ({
          jumped: window.jumped,
          paint: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0,
          shown: window.shown, blocked: window.blocked,
          drawn: document.querySelectorAll('[data-card]').length,
        })"""
    )
    print(f"first load with {cards} cards, {figures['drawn']} of them drawn:")
    print(f"  first contentful paint {figures['paint']:.0f} ms, first card {figures['shown']:.0f} ms")
    print(f"  total blocking time {figures['blocked']:.0f} ms, cumulative layout shift {figures['jumped']:.3f}")
    page.context.close()


def _long_board(browser: Browser, url: str, cards: int, steps: int) -> None:
    """All cards loaded page by page; then one is dragged over them, while the column scrolls by itself at its edge."""
    page = _open(browser, url)
    session = page.context.new_cdp_session(page)
    before = _memory(session)
    column = page.get_by_role("region", name="To do, cards")
    column.focus()
    for size in (*range(200, cards, 200), cards):
        expect(column.get_by_role("listitem").first).to_have_attribute("aria-setsize", str(size))
        page.keyboard.press("End")
    after = _memory(session)
    print(f"all {cards} cards loaded, {page.locator('[data-card]').count()} of them drawn:")
    for name, unit, scale in (("JSHeapUsedSize", "MB of script's memory", 1e6), ("Nodes", "nodes", 1)):
        print(f"  {after[name] / scale:.1f} {unit}, {before[name] / scale:.1f} with the first page alone")
    page.keyboard.press("Home")
    # The rows of the end are gone by then: one of them has no place any more.
    expect(column.get_by_role("listitem").first).to_have_attribute("aria-posinset", "1")
    page.get_by_role("article").nth(1).wait_for()
    events = _trace_of_drag(page, session, steps)
    for clock, begin, length in (("on the clock", "ts", "dur"), ("of the processor", "tts", "tdur")):
        costs = _step_costs(events, steps, begin, length)
        p95 = statistics.quantiles(costs, n=20, method="inclusive")[-1]
        print(
            f"  a step of a drag, ms {clock}: p50 {statistics.median(costs):.1f}, p95 {p95:.1f}, max {max(costs):.1f}"
        )
    page.context.close()


def _memory(session: CDPSession) -> dict[str, float]:
    session.send("HeapProfiler.collectGarbage")
    session.send("Performance.enable")
    found = session.send("Performance.getMetrics")["metrics"]
    return {one["name"]: one["value"] for one in found}


def _trace_of_drag(page: Page, session: CDPSession, steps: int) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    over: list[bool] = []
    session.on("Tracing.dataCollected", lambda part: events.extend(part["value"]))
    session.on("Tracing.tracingComplete", lambda _: over.append(True))
    categories = "devtools.timeline,blink.user_timing,disabled-by-default-devtools.timeline"
    session.send("Tracing.start", {"traceConfig": {"includedCategories": categories.split(",")}})
    box = page.get_by_role("article").nth(1).bounding_box()
    assert box is not None
    x, y = box["x"] + 40, box["y"] + 8
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(steps):
        page.evaluate("step => performance.mark(`step ${step}`)", step)
        page.mouse.move(x + step % 3, y + 12 * (step + 1))
    page.evaluate("step => performance.mark(`step ${step}`)", steps)
    page.mouse.up()
    session.send("Tracing.end")
    while not over:
        page.wait_for_timeout(20)
    return events


# What counts; what lies inside of another one is counted with it.
_WORK = {
    "EventDispatch", "FunctionCall", "FireAnimationFrame", "TimerFire", "RunMicrotasks", "EvaluateScript",
    "UpdateLayoutTree", "Layout", "MinorGC", "MajorGC", "HitTest",
}  # fmt: skip


def _step_costs(events: list[dict[str, Any]], steps: int, begin: str, length: str) -> list[float]:
    """Milliseconds of work in each step, from its mark to the next one's. `begin` and `length`: the fields of a clock;
    that of the thread does not run while others have the processor."""
    marks = {one["name"]: one for one in events if one["name"].startswith("step ")}
    first = marks["step 0"]
    edges = [marks[f"step {number}"]["ts"] for number in range(steps + 1)]
    work = sorted(
        (one["ts"], one[begin], one[begin] + one[length])
        for one in events
        if one["name"] in _WORK and length in one and (one["pid"], one["tid"]) == (first["pid"], first["tid"])
    )
    costs, until = [0.0] * steps, 0.0
    for at, start, end in work:
        step = bisect_right(edges, at) - 1
        if 0 <= step < steps and end > until:
            costs[step] += (end - max(start, until)) / 1_000
        until = max(until, end)
    return costs


_SHOWN = """new MutationObserver((_, watcher) => {
  if (!document.querySelector('[data-card]')) return
  window.shown = performance.now()
  watcher.disconnect()
}).observe(document, {childList: true, subtree: true})"""


def _open(browser: Browser, url: str) -> Page:
    page = browser.new_context(viewport={"width": 1440, "height": 1_400}).new_page()
    page.add_init_script(_BLOCKED)
    page.add_init_script(_SHOWN)
    page.goto(url)
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    page.get_by_role("article").first.wait_for()
    return page


if __name__ == "__main__":
    raise SystemExit(main())
