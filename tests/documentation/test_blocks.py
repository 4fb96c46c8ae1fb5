"""What the documentation tells to type works as it stands there: the pages for people who begin are followed, block by
block, in the order of the table of contents; the blocks of all others are read by what would read them."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from tests import pages
from tests.cli import forked
from vapora import operator_token
from vapora.cli.main import app

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
# Followed to the letter. A block of `console` shows what only the reader's own machine can do.
FOLLOWED = [DOCS / "start.md", *sorted((DOCS / "tutorials").glob("*.md")), *sorted((DOCS / "how-to").glob("*.md"))]
FOLLOWED = [one for one in FOLLOWED if one.name != "index.md"]
READ = [one for one in sorted([*DOCS.glob("*.md"), ROOT / "README.md"]) if one not in FOLLOWED]


def blocks(page: Path) -> list[tuple[str, str]]:
    return pages.blocks(page.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Address and data folder of one on which nothing was done yet."""
    data = tmp_path_factory.mktemp("documentation") / "data"
    with pages.server(data, tmp_path_factory.getbasetemp()) as address:
        yield address, data


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with forked.command(tmp_path_factory.mktemp("forked")) as folder:
        yield folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the person types: in a git repository of theirs."""
    return pages.make_repository(tmp_path)


@pytest.mark.parametrize("page", FOLLOWED, ids=[str(one.relative_to(DOCS)) for one in FOLLOWED])
def test_the_page_is_followed(page: Path, server: tuple[str, Path], programs: Path, folder: Path) -> None:
    address, data = server
    environ = {
        **os.environ,
        "PATH": f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "VAPORA_URL": address,
        "VAPORA_DATA": str(data),
        "VAPORA_TOKEN": operator_token.ensure(data),
        "COLUMNS": "120",
    }
    found = blocks(page)
    assert found
    shell = "".join(text for language, text in found if language == "sh")
    scripts = [(["bash", "-euo", "pipefail"], shell)] if shell else []
    scripts += [([sys.executable, "-"], text) for language, text in found if language == "python"]
    for program, text in scripts:
        done = subprocess.run(
            program, input=text, cwd=folder, env=environ, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("page", READ, ids=[one.name for one in READ])
def test_each_block_can_be_read_by_what_it_is_for(page: Path) -> None:
    for language, text in blocks(page):
        if language == "python":
            compile(text, str(page), "exec")
        elif language == "json":
            json.loads(text)
        elif language == "toml":
            tomllib.loads(text)
        elif language == "yaml":
            list(yaml.safe_load_all(text))
        elif language in ("sh", "bash", "console"):
            for line in commands(text):
                understood(line)


def commands(text: str) -> Iterator[list[str]]:
    """The words of each call of `vapora`."""
    for line in text.replace("\\\n", " ").splitlines():
        for part in re.split(r"&&|\|\||[;|]|\$\(", line):
            found = re.match(r"\s*(?:\$ )?(?:\w+=\S* )*(?:\S*/)?vapora (?P<rest>.*)", part)
            if found:
                yield shlex.split(found["rest"].rstrip(")").rstrip('"'), comments=True)


def understood(words: list[str]) -> None:
    """There are such a command and such options."""
    command: Any = get_command(app)
    options = {"--version", "--help"}
    for word in takewhile(lambda one: one != "--", words):
        if word in (below := getattr(command, "commands", {})):
            command = below[word]
            options |= {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
        elif getattr(command, "commands", {}) and re.fullmatch(r"[a-z-]+(\|[a-z-]+)*", word) and word[0] != "-":
            assert set(word.split("|")) <= set(below), f"vapora {shlex.join(words)}: no command {word}"
        elif word.startswith("-") and word != "-":
            assert word.partition("=")[0] in options, f"vapora {shlex.join(words)}: no option {word}"


def test_a_command_or_option_that_is_none_is_found() -> None:
    understood(["task", "add", "Title", "--project", "X"])
    with pytest.raises(AssertionError):
        understood(["task", "ad", "Title"])
    with pytest.raises(AssertionError):
        understood(["task", "add", "Title", "--projct", "X"])
