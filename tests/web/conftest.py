from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

import hatch_build
from tests.web import chromium
from tests.web.site import Site

_WEB = Path(__file__).parents[2] / "vapora" / "web"
# A test that passes waits for none of it. Where other tests run beside these, what takes a second may take a minute.
_PATIENCE_MS = 120_000
expect.set_options(timeout=_PATIENCE_MS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def built() -> None:
    """The pages as they are in the sources now."""
    hatch_build.build(_WEB)


# One for all tests of this room. It ends with the last of them, and not with the session: while it runs, no test can
# use an event loop of its own.
_running = ExitStack()
_browser: list[Browser] = []


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    if nextitem is None or Path(__file__).parent not in nextitem.path.parents:
        _browser.clear()
        _running.close()


@pytest.fixture
def browser(built: None) -> Browser:
    if not _browser:
        path = chromium.find()
        playwright = _running.enter_context(sync_playwright())
        started = playwright.chromium.launch(executable_path=path, args=list(chromium.FLAGS))
        _running.callback(started.close)
        _browser.append(started)
    return _browser[0]


@pytest.fixture
def make_site(built: None, tmp_path: Path) -> Iterator[Callable[..., Site]]:
    made: list[Site] = []

    def make(**environ: str) -> Site:
        site = Site(tmp_path / f"data-{len(made)}", **environ)
        made.append(site)
        site.start()
        return site

    yield make
    for site in made:
        site.close()


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    return make_site()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Each call is a person of their own. A test in which a script of the page breaks has failed."""
    contexts, broken = [], []

    def open_(url: str, *, width: int = 1440, height: int = 900, dark: bool = False) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            locale="en-GB",
        )
        context.set_default_timeout(_PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: broken.append(str(error)))
        page.goto(url)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert broken == []
