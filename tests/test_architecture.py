"""The house is as it was drawn: docs/architecture.md, pyproject.toml and the imports say the same."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
DRAWING = re.compile(r"<!-- layers:begin -->\n```\n(.*?)```\n<!-- layers:end -->", re.DOTALL)

# They stand beside the layers: a contract of its own holds the SDK, and the guard imports nothing of ours.
BESIDE = {"vapora.sdk", "vapora.package_guard", "vapora.__init__", "vapora.__main__"}

# Room → the modules that it offers beside the names in its `__init__.py`.
PUBLIC: dict[str, list[str]] = PYPROJECT["tool"]["vapora"]["public"]

Line = tuple[str, ...]


def modules_of(line: str) -> Line:
    return tuple(part.strip() for part in line.split("|"))


def contract() -> list[Line]:
    """The lines of the layers contract, the highest first."""
    contracts = PYPROJECT["tool"]["importlinter"]["contracts"]
    [layers] = [one["layers"] for one in contracts if one["type"] == "layers" and not one["containers"]]
    return [modules_of(line) for line in layers]


def drawing() -> list[Line]:
    found = DRAWING.search((ROOT / "docs" / "architecture.md").read_text(encoding="utf-8"))
    assert found is not None, "docs/architecture.md has lost the marked drawing"
    return [modules_of(line) for line in found[1].splitlines()]


def rooms() -> set[str]:
    """The top-level packages, and the modules of `vapora`. A folder without code is none."""
    inside = {f"vapora.{path.stem}" for path in (ROOT / "vapora").glob("*.py")}
    inside |= {
        f"vapora.{path.name}"
        for path in (ROOT / "vapora").iterdir()
        if path.is_dir() and any(source.stat().st_size for source in path.rglob("*.py"))
    }
    return {"events", "projections", "actors"} | inside


def sources() -> Iterator[tuple[str, ast.Module]]:
    """Each module of the product, by its name."""
    for root in ("actors", "events", "projections", "vapora"):
        for path in sorted((ROOT / root).rglob("*.py")):
            inside = path.relative_to(ROOT)
            if "node_modules" not in inside.parts:
                name = ".".join(inside.with_suffix("").parts).removesuffix(".__init__")
                yield name, ast.parse(path.read_text(encoding="utf-8"))


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def is_in(name: str, room: str) -> bool:
    return name == room or name.startswith(f"{room}.")


def imported(tree: ast.Module) -> Iterator[str]:
    """The modules that are imported, wherever that stands. A name that a package itself defines is the package's."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for one in node.names:
                inner = f"{node.module}.{one.name}"
                offered = is_module(node.module) and one.name in names_of(node.module)
                yield inner if is_module(inner) and not offered else node.module


def names_of(package: str) -> set[str]:
    """What its `__init__.py` imports or defines."""
    path = ROOT.joinpath(*package.split("."), "__init__.py")
    if not path.is_file():
        return set()
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return {one.asname or one.name for node in body if isinstance(node, ast.ImportFrom) for one in node.names}


def trespasses(name: str, tree: ast.Module) -> Iterator[str]:
    """Imports of what another room keeps to itself."""
    for target in imported(tree):
        room = max((one for one in PUBLIC if is_in(target, one)), key=len, default=None)
        if room is None or target == room or is_in(name, room):
            continue
        if target.removeprefix(f"{room}.") not in PUBLIC[room]:
            yield f"{name} imports {target}, which {room} keeps to itself"


def test_the_drawing_shows_the_layers_that_are_enforced() -> None:
    assert drawing() == contract()


def test_every_room_stands_in_the_drawing_once() -> None:
    drawn = [module for line in drawing() for module in line]
    assert len(drawn) == len(set(drawn))
    assert set(drawn) == rooms() - BESIDE


def test_no_import_breaks_a_contract(capsys: pytest.CaptureFixture[str]) -> None:
    status = lint_imports(str(ROOT / "pyproject.toml"), no_cache=True, no_logo=True)
    assert status == 0, capsys.readouterr().out


def test_every_path_that_contributing_names_is_there() -> None:
    named = re.findall(r"`((?:actors|events|projections|tests|vapora)/[^` ]*)`", (ROOT / "CONTRIBUTING.md").read_text())
    paths = [one for one in named if not re.search(r"[<{*]", one)]
    assert len(paths) > 30
    assert [one for one in paths if not (ROOT / one).exists()] == []


def test_rooms_import_of_each_other_only_what_is_offered() -> None:
    """If this fails: import it from the room itself, or, if others need it, name it in `tool.vapora.public`."""
    assert [found for name, tree in sources() for found in trespasses(name, tree)] == []


def test_what_a_room_offers_is_there() -> None:
    offered = [f"{room}.{module}" for room, modules in PUBLIC.items() for module in modules]
    assert [one for one in (*PUBLIC, *offered) if not is_module(one)] == []


@pytest.mark.parametrize(
    ("line", "allowed"),
    [
        ("from vapora.log import LogClient", True),
        ("from vapora.log import mapper", True),
        ("from vapora.log.proof import verify", True),
        ("from vapora.log.proof.verify import verify", False),
        ("def f():\n    from vapora.log import fencing", False),
        ("import vapora.log.sqlite.log", False),
        ("from actors.llm_router.router import LLMRouter", False),
    ],
)
def test_an_import_past_the_front_of_a_room_is_found(line: str, allowed: bool) -> None:
    assert (not list(trespasses("vapora.api.tasks", ast.parse(line)))) is allowed
    assert not list(trespasses("vapora.log.sqlite.log", ast.parse("from vapora.log import fencing")))
