"""Code analysis: what each language's parser finds, and that no file can do harm to who asks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.repo.site import TheirRepository, opened
from tests.waiting import DEADLINE_S, until
from vapora.repo.owner import Repository
from vapora.sandbox.choice import choose
from vapora.sandbox.values import Limits
from vapora.tools.code.languages import LANGUAGES, language_of
from vapora.tools.code.parsing import Source, parse
from vapora.tools.local import LocalWorkplace
from vapora.tools.toolbox import Toolbox
from vapora.tools.values import ToolResult

FILES = {
    "shop/cart.py": '''\
"""total is a word in a text, and # total in a comment."""
from shop.tax import total as tax_total
from shop.tax import total


class Cart:
    def total(self, items):
        return sum(item.price for item in items if item.price or item.free)


def pay(cart, items):
    if cart and items:
        for item in items:
            try:
                return cart.total([item])
            except ValueError:
                pass
    return total(tax_total)
''',
    "shop/tax.py": "def total(cart):\n    return cart\n",
    "web/app.ts": """\
import { total } from './cart';
export interface Line { price: number }
export class Board {
  private lines: Line[] = [];
  sum(): number { return total(this.lines) || 0 }
}
export const pick = (a?: Line) => a ? a.price : 0;
enum Kind { A, B }
type Name = string;
""",
    "web/list.js": """\
function List(a) { return a && a.map(x => total(x)) }
const KIND = 1;
class Box { open() { if (KIND) { return 2 } } }
""",
    "web/page.tsx": "export const Page = () => <main>{total()}</main>;\n",
    "go/store.go": """\
package store

import "fmt"

type Store struct { items []string }

const Limit = 3

func (s *Store) Total() int {
	for _, one := range s.items {
		if one == "" || len(one) > Limit { fmt.Println(one) }
	}
	return total(s)
}

func total(s *Store) int { switch len(s.items) { case 0: return 0; default: return 1 } }
""",
    "rs/lib.rs": """\
use crate::tax::total;
pub struct Cart { items: Vec<u32> }
impl Cart {
    pub fn sum(&self) -> u32 { match self.items.len() { 0 => 0, _ => total(&self.items) } }
}
trait Priced { fn price(&self) -> u32; }
macro_rules! shout { () => { println!("{}", 1) } }
""",
    "java/Cart.java": """\
import shop.Tax;
public class Cart {
  int total(int a) { if (a > 0 && a < 9) { return new Tax().total(a); } return 0; }
  interface Priced { int price(); }
}
""",
    "README.md": "total\n",
    ".gitignore": "built/\n",
}
Call = Callable[..., Any]


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repository]:
    folder = tmp_path_factory.mktemp("code")
    theirs = TheirRepository(folder / "theirs")
    theirs.commit(FILES, "Begin")
    repository = opened(folder / "data", theirs.path, folder)
    repository.start("task-1")
    yield repository
    repository.close()


@pytest.fixture
async def use(ours: Repository, tmp_path: Path) -> Call:
    place = LocalWorkplace(ours, "task-1", await choose("none"), Limits(), tmp_path / "home")
    names = [f"code.{one}" for one in ("symbols", "references", "outline", "complexity", "structural_search")]
    toolbox = Toolbox(place, names)

    async def call(tool: str, **arguments: Any) -> ToolResult:
        return await toolbox.call(f"code.{tool}", arguments)

    return call


async def said(use: Call, tool: str, **arguments: Any) -> list[str]:
    result = await use(tool, **arguments)
    assert result.ok, result.text
    return list(result.text.splitlines())


async def test_symbols_are_found_in_every_language(use: Call) -> None:
    found = "\n".join(await said(use, "symbols"))
    for line in (
        "shop/cart.py:6-8: class Cart: class Cart:",
        "shop/cart.py:7-8: function Cart.total: def total(self, items):",
        "web/app.ts:2: interface Line:",
        "web/app.ts:3-6: class Board:",
        "web/app.ts:5: method Board.sum:",
        "web/app.ts:7: function pick:",
        "web/app.ts:8: enum Kind:",
        "web/app.ts:9: type Name:",
        "web/list.js:1: function List:",
        "web/list.js:2: variable KIND:",
        "web/list.js:3: method Box.open:",
        "web/page.tsx:1: function Page:",
        "go/store.go:5: type Store:",
        "go/store.go:7: constant Limit:",
        "go/store.go:9-14: method Store.Total:",
        "go/store.go:16: function total:",
        "rs/lib.rs:2: struct Cart:",
        "rs/lib.rs:4: function Cart.sum:",
        "rs/lib.rs:6: trait Priced:",
        "rs/lib.rs:6: function Priced.price:",
        "rs/lib.rs:7: macro shout:",
        "java/Cart.java:2-5: class Cart:",
        "java/Cart.java:3: method Cart.total:",
        "java/Cart.java:4: interface Cart.Priced:",
    ):
        assert line in found, found
    assert await said(use, "symbols", name="CART", path="shop") == ["shop/cart.py:6-8: class Cart: class Cart:"]


async def test_references_are_places_in_code_and_say_what_they_are_for(use: Call) -> None:
    assert await said(use, "references", name="total", path="shop") == [
        "shop/cart.py:2: import: from shop.tax import total as tax_total",
        "shop/cart.py:3: import: from shop.tax import total",
        "shop/cart.py:7: definition in Cart: def total(self, items):",
        "shop/cart.py:15: call in pay: return cart.total([item])",
        "shop/cart.py:18: call in pay: return total(tax_total)",
        "shop/tax.py:1: definition: def total(cart):",
    ]
    elsewhere = "\n".join(await said(use, "references", name="total"))
    for line in (
        "web/app.ts:1: import: import { total }",
        "web/app.ts:5: call in Board.sum:",
        "web/list.js:1: call in List:",
        "web/page.tsx:1: call in Page:",
        "go/store.go:13: call in Store.Total:",
        "go/store.go:16: definition:",
        "rs/lib.rs:1: import: use crate::tax::total;",
        "rs/lib.rs:4: call in Cart.sum:",
        "java/Cart.java:3: definition in Cart:",
        "java/Cart.java:3: call in Cart.total:",
    ):
        assert line in elsewhere, elsewhere
    assert await said(use, "references", name="nowhere") == ["No code names nowhere."]


async def test_an_outline_shows_what_stands_in_what(use: Call) -> None:
    assert await said(use, "outline", path="shop/cart.py") == [
        "shop/cart.py",
        "  6-8: class Cart: class Cart:",
        "    7-8: function Cart.total: def total(self, items):",
        "  11-18: function pay: def pay(cart, items):",
    ]


async def test_complexity_counts_the_ways_through_a_function(use: Call) -> None:
    # pay: if, and, for, except.
    assert await said(use, "complexity", path="shop", least=3) == [
        "   5 ways, 3 deep: shop/cart.py:11-18 pay",
        "   3 ways, 0 deep: shop/cart.py:7-8 Cart.total",
    ]
    found = "\n".join(await said(use, "complexity", least=2))
    for line in (
        "2 ways, 0 deep: web/app.ts:7 pick",
        "4 ways, 2 deep: go/store.go:9-14 Store.Total",
        "3 ways, 1 deep: rs/lib.rs:4 Cart.sum",
        "3 ways, 1 deep: java/Cart.java:3 Cart.total",
        "2 ways, 1 deep: web/list.js:3 Box.open",
    ):
        assert line in found, found


async def test_a_form_is_found_whatever_its_layout(use: Call) -> None:
    found = await said(use, "structural_search", pattern="$CART.total([$ITEM])", language="python")
    assert found == ["shop/cart.py:15 in pay: return cart.total([item])"]
    assert await said(use, "structural_search", pattern="exec($X)", language="python") == ["Nothing has this form."]
    missing = await use("structural_search", pattern="$A", language="rust", path="shop")
    assert not missing.ok and "no rust code" in missing.text


async def test_wrong_names_paths_and_arguments_get_a_sentence(use: Call) -> None:
    assert "There is no file" in (await use("outline", path="nowhere.py")).text
    assert "code that can be analysed" in (await use("outline", path="README.md")).text
    assert not (await use("outline", path="../other")).ok
    assert "Wrong arguments" in (await use("references", name="a b")).text


async def test_only_what_git_does_not_ignore_is_looked_through(use: Call, ours: Repository) -> None:
    root = ours.trees.path("task-1")
    (root / "built").mkdir()
    (root / "built" / "made.py").write_text("def made_by_a_program(): pass\n")
    (root / "shop" / "new.py").write_text("def made_by_hand(): pass\n")
    (root / "shop" / "link.py").symlink_to("/etc/passwd")
    try:
        assert await said(use, "symbols", name="made_by") == [
            "shop/new.py:1: function made_by_hand: def made_by_hand(): pass"
        ]
    finally:
        for name in ("shop/new.py", "shop/link.py"):
            (root / name).unlink()


def _workers() -> list[psutil.Process]:
    found = []
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):
            if any(part.endswith("worker.py") for part in child.cmdline()):
                found.append(child)
    return found


async def test_a_file_on_which_the_parser_dies_is_named_and_the_others_are_answered() -> None:
    """It is killed while it is at work, whatever it would have died of."""
    text = "def f(x):\n    return f(x)\n" * 2_000
    files = [Source(f"{at}.py", text, "python") for at in range(8)]
    asked = asyncio.create_task(parse("outline", files, 10_000_000, limit_s=120))
    await until(lambda: _workers())
    _workers()[0].kill()
    parsed = await asked
    [(lost, why)] = parsed.problems.items()
    assert why == "the parser ended on it"
    assert set(parsed.found) == {one.path for one in files} - {lost}
    assert parsed.unread == 0
    assert not _workers()


async def test_a_parser_that_always_dies_is_given_up() -> None:
    files = [Source(f"{at}.py", "def f(): pass\n" * 20_000, "python") for at in range(8)]
    asked = asyncio.create_task(parse("outline", files, 10_000_000, limit_s=120))
    killed: set[int] = set()
    async with asyncio.timeout(DEADLINE_S):
        while not asked.done():
            for one in _workers():
                if one.pid not in killed:
                    killed.add(one.pid)
                    one.kill()
            await asyncio.sleep(0.005)
    parsed = await asked
    assert len(killed) == len(parsed.problems) == 3
    assert parsed.unread == 8 - 3 - len(parsed.found)


async def test_what_takes_too_long_is_ended_and_counted() -> None:
    files = [Source(f"{at}.py", "def a(x): return f(x)\n" * 20_000, "python") for at in range(40)]
    before = asyncio.get_running_loop().time()
    parsed = await parse("references", files, 10_000_000, name="x", limit_s=1.5)
    assert parsed.unread > 0
    assert asyncio.get_running_loop().time() - before < 30


def test_every_language_knows_its_files() -> None:
    found = [(language_of(f"a{suffix}"), one) for one in LANGUAGES.values() for suffix in one.suffixes]
    assert all(mine is one for mine, one in found)
    assert language_of("a.md") is None
