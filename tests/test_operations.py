"""docs/operations.md and its examples say what the code does: every setting, its default, and the sentences quoted."""

from __future__ import annotations

import ast
import configparser
import re
import shlex
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from vapora.settings import Settings
from vapora.startup import names

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "docs" / "examples"
# Where metrics are made.
# The sentences that a person reads come from these.
SPEAKING = ("vapora", "actors", "projections", "hatch_build.py")


def text() -> str:
    return (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


def rows() -> list[tuple[str, str]]:
    """Of all tables of settings: name without prefix, default as it is written."""
    return re.findall(r"^\| `VAPORA_([A-Z_]+)` \| ([^|]+) \|", text(), re.MULTILINE)


def written(default: object) -> str:
    """A default as the tables show it, but for the commas in large numbers."""
    if isinstance(default, SecretStr):
        default = default.get_secret_value()
    if default is None or default == "" or default is PydanticUndefined:
        return "none"
    return str(default) if isinstance(default, int | float) else f"`{default}`"


def test_the_tables_name_every_setting_once_and_nothing_else() -> None:
    named = [name for name, _ in rows()]
    assert sorted(named) == sorted(set(named))
    assert set(named) == names.KNOWN


def test_the_tables_have_the_defaults_of_the_code() -> None:
    expected = {name.upper(): written(field.default) for name, field in Settings.model_fields.items()}
    assert {name: default.replace(",", "") for name, default in rows() if name in expected} == expected


def uncommented(example: str) -> str:
    """With the keys that the example shows as comments."""
    return re.sub(r"^# (?=[a-z_]+ = )", "", example, flags=re.MULTILINE)


@pytest.mark.parametrize("change", [str, uncommented])
def test_the_example_of_a_file_is_accepted_and_takes_effect(
    change: type[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in names.KNOWN:
        monkeypatch.delenv(names.PREFIX + name, raising=False)
    monkeypatch.chdir(tmp_path)
    names.FILE.write_text(change((EXAMPLES / "vapora.toml").read_text(encoding="utf-8")), encoding="utf-8")
    given = tomllib.loads(names.FILE.read_text(encoding="utf-8"))

    names.check_file()
    settings = Settings().model_dump(mode="json", include=set(given))

    plain = {key: value for key, value in settings.items() if key != "database_url"}
    assert plain == {key: value for key, value in given.items() if key != "database_url"}


def test_the_example_of_a_unit_starts_a_command_that_exists_and_stops_it_in_order() -> None:
    from typer.main import get_command

    from vapora.cli.main import app

    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string((EXAMPLES / "vapora.service").read_text(encoding="utf-8"))
    service = unit["Service"]

    program, command, *options = shlex.split(service["ExecStart"])
    assert Path(program).name == "vapora"
    known = get_command(app).commands[command]  # type: ignore[attr-defined]
    known.make_context(command, options)
    assert (service["KillMode"], service["SuccessExitStatus"], service["Restart"]) == ("mixed", "143", "on-failure")


def quoted() -> list[str]:
    """What the tables of troubleshooting quote: their first cells' code."""
    section = text().partition("\n## Troubleshooting\n")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| ([^|]+) \| [^|]+ \| [^|]+ \|$", section, re.MULTILINE)
    found = [code.strip() for cell in cells for _, code in re.findall(r"(`+)(.+?)\1(?!`)", cell)]
    return [code for code in found if not code.startswith("/")]


@cache
def spoken() -> str:
    """All texts in the sources, a line each, with … for what is filled in."""
    return "\n".join(said for place in SPEAKING for file in _sources(ROOT / place) for said in _texts(file))


def _sources(place: Path) -> list[Path]:
    return [place] if place.is_file() else [file for file in place.rglob("*.py") if "node_modules" not in file.parts]


def _texts(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            parts = (part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
            yield "".join(str(part) for part in parts).replace("\n", " ")
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value.replace("\n", " ")


def test_troubleshooting_quotes_what_is_said() -> None:
    assert len(quoted()) > 25
    assert [said for said in quoted() if said not in spoken()] == []


def test_the_commands_that_it_tells_to_type_exist() -> None:
    from typer.main import get_command

    from vapora.cli.main import app

    known = get_command(app).commands  # type: ignore[attr-defined]
    for first, second in re.findall(r"\bvapora ([a-z]+)(?: ([a-z-]+))?", "\n".join(re.findall(r"`[^`\n]+`", text()))):
        assert first in known
        if second and hasattr(known[first], "commands"):
            assert second in known[first].commands


def test_every_link_leads_somewhere() -> None:
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
            path, _, part = target.partition("#")
            # The reference is made of the code when the site is built, which looks for its pages itself.
            if "://" in target or "reference/" in path:
                continue
            file = (page.parent / path) if path else page
            assert file.exists(), f"{page.name}: {target}"
            if part:
                assert part in _anchors(file), f"{page.name}: {target}"


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
