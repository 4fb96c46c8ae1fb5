"""The board in a browser: its first load, and how soon a move in one browser is seen in another.

    python -m benchmarks.web [--cards 5000] [--moves 200] [--per-second 20]

A real Chromium with rendering by software, on a real server on loopback. A move is timed from the moment in which one
page sends it until the other page shows the card on its new side, by the clock of the machine. The board's own
baseline is the round trip of the same request, which the page that sends it measures.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections import defaultdict, deque
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect, sync_playwright

import hatch_build
from tests.web import chromium
from tests.web.site import Site

_CARDS_THAT_MOVE = 12  # few enough that all of them are drawn

# Which cards stand above the anchor; each change of sides is noted with the time at which it is about to be drawn.
_WATCH = """anchor => {
  const above = () => {
    const all = [...document.querySelectorAll('[data-column=todo] [data-card]')].map(one => one.dataset.card)
    return new Set(all.slice(0, all.indexOf(anchor)))
  }
  let before = above()
  window.seen = []
  const look = () => {
    const now = above(), at = Date.now()
    for (const id of now) if (!before.has(id)) window.seen.push([id, 'above', at])
    for (const id of before) if (!now.has(id)) window.seen.push([id, 'below', at])
    before = now
  }
  new MutationObserver(look).observe(document.querySelector('[data-column=todo]'), {childList: true, subtree: true})
}"""
_MOVE = """async ({anchor, cards, moves, gap}) => {
  const told = []
  const send = async number => {
    const id = cards[number % cards.length], up = Math.floor(number / cards.length) % 2 === 0
    const at = Date.now()
    const body = JSON.stringify({state: 'todo', ...(up ? {before: anchor} : {})})
    const headers = {'Content-Type': 'application/json'}
    const answer = await fetch(`/api/v1/tasks/${id}/move`, {method: 'POST', headers, body})
    if (!answer.ok) throw new Error(await answer.text())
    told.push([id, up ? 'above' : 'below', at, Date.now() - at])
  }
  const sent = []
  for (let number = 0; number < moves; number++) {
    sent.push(send(number))
    await new Promise(next => setTimeout(next, gap))
  }
  await Promise.all(sent)
  return told.sort((a, b) => a[2] - b[2])
}"""
_BLOCKED = """window.blocked = 0
new PerformanceObserver(list => {
  for (const one of list.getEntries()) window.blocked += Math.max(0, one.duration - 50)
}).observe({type: 'longtask', buffered: true})"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cards", type=int, default=5_000)
    parser.add_argument("--moves", type=int, default=200)
    parser.add_argument("--per-second", type=float, default=20)
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
            for number in range(given.cards - len(cards)):
                site.task(project, f"Card {number}")
            _first_load(browser, site.url, given.cards)
        finally:
            browser.close()
            site.close()
    return 0


def _moves(browser: Browser, url: str, cards: list[str], moves: int, gap_ms: float) -> None:
    one, other = (_open(browser, url) for _ in range(2))
    anchor, *moving = cards
    other.evaluate(_WATCH, anchor)
    told = one.evaluate(_MOVE, {"anchor": anchor, "cards": moving, "moves": moves, "gap": gap_ms})
    other.wait_for_function("count => window.seen.length >= count", arg=moves, timeout=30_000)
    seen: dict[tuple[str, str], deque[int]] = defaultdict(deque)
    for card, side, at in other.evaluate("window.seen"):
        seen[card, side].append(at)
    waits = [seen[card, side].popleft() - sent for card, side, sent, _ in told]
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
          paint: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0,
          shown: window.shown, blocked: window.blocked,
          drawn: document.querySelectorAll('[data-card]').length,
        })"""
    )
    print(f"first load with {cards} cards, {figures['drawn']} of them drawn:")
    print(f"  first contentful paint {figures['paint']:.0f} ms, first card {figures['shown']:.0f} ms")
    print(f"  total blocking time {figures['blocked']:.0f} ms")
    page.context.close()


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
