"""The documentation's site is built from a clean folder without a warning, asks no other host, and each link in it
leads to a place that is there."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parents[2]
_PARTS = """index start concepts tutorials/first-card how-to/ask-why reference/api/tasks reference/cli/task
reference/settings reference/sdk/Client reference/events/task operations deploy observability security glossary
adr/0001-rooms-as-top-level-packages changelog"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-b", "html", "--quiet", "--fail-on-warning", "--keep-going"]
    done = subprocess.run(
        [*command, "-d", str(folder / "trees"), str(ROOT / "docs"), str(folder / "html")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / "html"


class _Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value for name, value in attrs if value}
        if "id" in given:
            self.anchors.add(given["id"])
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag in ("script", "img", "iframe", "source") and "src" in given:
            self.loaded.append(given["src"])
        if tag == "link" and "href" in given and given.get("rel") != "canonical":
            self.loaded.append(given["href"])


@cache
def _page(path: Path) -> _Page:
    return _Page(path.read_text(encoding="utf-8"))


def pages(site: Path) -> Iterator[Path]:
    # What the theme makes for machines has no text of ours.
    yield from (one for one in sorted(site.rglob("*.html")) if one.name not in ("genindex.html", "search.html"))


def test_every_part_of_it_is_there(site: Path) -> None:
    for name in _PARTS.split():
        assert (site / f"{name}.html").is_file(), name
    assert "/api/v1/tasks" in (site / "reference/api/tasks.html").read_text(encoding="utf-8")


def test_no_page_is_written_over_by_one_of_the_theme(site: Path) -> None:
    """As `search.html` would be, where there is a page of that name."""
    for page in sorted((ROOT / "docs").glob("*.md")):
        parts = set(re.findall(r"^## ([A-Z][a-z ]+)$", page.read_text(encoding="utf-8"), re.MULTILINE))
        shown = (site / f"{page.stem}.html").read_text(encoding="utf-8")
        assert all(f"<h2>{part}<" in shown for part in parts), page.name


def test_nothing_is_loaded_from_another_host(site: Path) -> None:
    outside = {
        one: found for one in pages(site) if (found := [url for url in _page(one).loaded if urlsplit(url).netloc])
    }
    assert outside == {}
    styles = "".join(one.read_text(encoding="utf-8") for one in site.rglob("*.css"))
    assert not re.search(r"url\(['\"]?https?:", styles)


def test_each_link_leads_somewhere(site: Path) -> None:
    lost = []
    for page in pages(site):
        for link in _page(page).links:
            url = urlsplit(link)
            if url.scheme or url.netloc:
                continue
            target = (page.parent / unquote(url.path)).resolve() if url.path else page
            if target.is_dir():
                target /= "index.html"
            anchor = unquote(url.fragment)
            if not target.is_file() or (anchor and anchor not in _page(target).anchors):
                lost.append(f"{page.relative_to(site)}: {link}")
    assert lost == []


def test_a_diagram_is_drawn_by_a_script_that_stands_beside_it(site: Path) -> None:
    page = (site / "architecture.html").read_text(encoding="utf-8")
    assert '<pre class="mermaid">' in page and "mermaid.min.js" in page
    assert "mermaid.min.js" not in (site / "money.html").read_text(encoding="utf-8")
    assert (site / "_static" / "mermaid.min.js").stat().st_size > 1_000_000
