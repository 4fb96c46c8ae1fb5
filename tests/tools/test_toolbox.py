"""The tools on a real worktree, in a real sandbox."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.repo.site import TheirRepository, opened, step
from tests.sandbox.conftest import SMALL, require
from vapora.errors import BadInputError
from vapora.repo.owner import Repository
from vapora.sandbox.choice import choose
from vapora.tools.local import LocalWorkplace
from vapora.tools.table import TOOLS
from vapora.tools.toolbox import Toolbox
from vapora.tools.values import ToolResult

PROMISED = (
    "file_read file_list file_write file_edit code_search code.symbols code.references code.outline code.complexity "
    "code.structural_search git_status git_diff git_log run_command ask finish submit_review"
)
SOURCE = "def slug(text):\n    return text.lower()\n"
Make = Callable[..., Toolbox]


@pytest.fixture
def ours(tmp_path: Path) -> Iterator[Repository]:
    theirs = TheirRepository(tmp_path / "theirs")
    theirs.commit({"README.md": "# Shortleaf\n", "src/slug.py": SOURCE, ".gitignore": "ignored/\n"}, "Begin")
    repository = opened(tmp_path / "data", theirs.path, tmp_path)
    repository.start("task-1")
    yield repository
    repository.close()


@pytest.fixture
def root(ours: Repository) -> Path:
    return ours.trees.path("task-1")


@pytest.fixture
def namespaces() -> None:
    require("bubblewrap")


@pytest.fixture
async def make(namespaces: None, ours: Repository, tmp_path: Path) -> Make:
    sandbox = await choose("bubblewrap")

    def toolbox(*writable: str, names: tuple[str, ...] = tuple(TOOLS)) -> Toolbox:
        place = LocalWorkplace(ours, "task-1", sandbox, SMALL, tmp_path / "home")
        return Toolbox(place, names, writable or ("**",))

    return toolbox


async def call(toolbox: Toolbox, name: str, **arguments: Any) -> ToolResult:
    return await toolbox.call(name, arguments)


# The table.


def test_the_tools_are_those_that_were_promised() -> None:
    assert " ".join(TOOLS) == PROMISED


def test_effects_say_what_may_be_done_again() -> None:
    assert {name: tool.effect for name, tool in TOOLS.items() if tool.effect != "pure"} == {
        "file_write": "worktree",
        "file_edit": "worktree",
        "run_command": "worktree",
        "ask": "asks",
        "finish": "ends",
        "submit_review": "ends",
    }


@pytest.mark.parametrize("tool", TOOLS.values(), ids=list(TOOLS))
def test_a_schema_is_one_that_every_vendor_takes(tool: Any) -> None:
    spec = tool.spec()
    text = json.dumps(spec.parameters)
    assert spec.parameters["type"] == "object"
    assert spec.parameters["additionalProperties"] is False
    for refused in ("$ref", "$defs", "anyOf", '"title"'):
        assert refused not in text
    assert 20 < len(spec.description) < 400


# What the model does wrong.


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("no_such_tool", {}, "You have no tool 'no_such_tool'"),
        ("file_read", {}, "path: Field required"),
        ("file_read", {"path": "README.md", "extra": 1}, "extra: Extra inputs"),
        ("file_read", {"path": "README.md", "first_line": 0}, "first_line: Input should be greater"),
        ("file_read", {"path": ["README.md"]}, "path: Input should be a valid string"),
        ("file_write", {"path": "a", "content": "x" * 1_000_001}, "content: String should have at most"),
        ("file_write", {"path": "a", "content": "half \ud800"}, "content"),
        ("file_edit", {"path": "src/slug.py", "old": "", "new": "x"}, "old: String should have at least"),
        ("run_command", {"command": "true", "timeout_s": 9_999}, "timeout_s"),
        ("run_command", {"command": "   "}, "The command is empty"),
        ("code_search", {"pattern": "("}, "The search failed"),
        ("submit_review", {"verdict": "maybe", "summary": "x"}, "verdict: Input should be 'approve'"),
        ("file_read", {"path": "../secret"}, "leads upwards"),
        ("file_read", {"path": ".git"}, "is in .git"),
        ("git_diff", {"path": "/etc"}, "is no path from the root"),
        ("code_search", {"pattern": "x", "path": "../.."}, "leads upwards"),
    ],
)
async def test_what_the_model_gets_wrong_it_gets_to_read(
    name: str, arguments: dict[str, Any], told: str, make: Make
) -> None:
    result = await make().call(name, arguments)
    assert not result.ok
    assert told in result.text
    assert len(result.text) < 1_000


async def test_a_tool_that_the_role_lacks_is_not_there(make: Make, root: Path) -> None:
    toolbox = make(names=("file_read", "git_log"))
    assert [one.name for one in toolbox.specs()] == ["file_read", "git_log"]
    result = await call(toolbox, "file_write", path="a", content="x")
    assert "You have file_read, git_log" in result.text
    assert not (root / "a").exists()


async def test_a_manifest_that_names_an_unknown_tool_is_refused(make: Make) -> None:
    with pytest.raises(BadInputError, match="rm_rf"):
        make(names=("file_read", "rm_rf"))


async def test_a_fault_inside_a_tool_is_a_result_too(make: Make, ours: Repository) -> None:
    toolbox = make()
    ours.remove("task-1")
    for name, arguments in (
        ("file_read", {"path": "README.md"}),
        ("git_status", {}),
        ("run_command", {"command": "true"}),
    ):
        result = await toolbox.call(name, arguments)
        assert not result.ok
        assert result.text


# Files.


async def test_reading_numbers_the_lines_and_says_what_is_missing(make: Make, root: Path) -> None:
    toolbox = make()
    assert (await call(toolbox, "file_read", path="src/slug.py")).text == (
        "     1\tdef slug(text):\n     2\t    return text.lower()\n"
    )
    (root / "long.txt").write_text("".join(f"line {number}\n" for number in range(1, 5_001)))
    part = await call(toolbox, "file_read", path="long.txt", first_line=3, lines=2)
    assert part.text == "     3\tline 3\n     4\tline 4\n[lines 3 to 4 of 5,000]\n"
    assert part.truncated
    assert not (await call(toolbox, "file_read", path="long.txt", first_line=6_000)).ok
    (root / "wide.txt").write_text("x" * 10**6)
    wide = await call(toolbox, "file_read", path="wide.txt")
    assert wide.truncated
    assert len(wide.text) < 50_000
    (root / "binary").write_bytes(b"\0" * 100)
    assert "100 bytes" in (await call(toolbox, "file_read", path="binary")).text
    (root / "empty").touch()
    assert (await call(toolbox, "file_read", path="empty")).ok


async def test_a_huge_file_is_looked_at_and_not_loaded(make: Make, root: Path) -> None:
    with (root / "huge").open("wb") as file:
        file.write(b"first\n" * 10)
        file.truncate(2 * 1024**3)
    result = await call(make(), "file_read", path="huge")
    assert not result.ok
    assert "2,147,483,648 bytes" in result.text


async def test_writing_and_editing_change_the_file_to_the_letter(make: Make, root: Path) -> None:
    toolbox = make()
    assert (await call(toolbox, "file_write", path="src/new/a.txt", content="one\r\ntwo\n")).text.startswith("Made")
    assert (root / "src/new/a.txt").read_bytes() == b"one\r\ntwo\n"
    assert (await call(toolbox, "file_edit", path="src/slug.py", old="text.lower()", new="text.strip()")).ok
    assert (root / "src/slug.py").read_text() == SOURCE.replace("lower", "strip")
    (root / "odd").write_bytes(b"\xff a\r\nb a\n")
    assert (await call(toolbox, "file_edit", path="odd", old=" a", new=" c", everywhere=True)).ok
    assert (root / "odd").read_bytes() == b"\xff c\r\nb c\n"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [("missing", "x", "is not in src/slug.py"), ("text", "x", "2 times"), ("slug", "slug", "are the same")],
)
async def test_an_edit_that_is_not_clear_changes_nothing(old: str, new: str, told: str, make: Make, root: Path) -> None:
    result = await call(make(), "file_edit", path="src/slug.py", old=old, new=new)
    assert not result.ok
    assert told in result.text
    assert (root / "src/slug.py").read_text() == SOURCE


async def test_a_listing_is_bounded_and_readable(make: Make, root: Path) -> None:
    toolbox = make()
    (root / "caf\udce9").write_text("x")
    told = (await call(toolbox, "file_list")).text
    assert told.splitlines() == [".gitignore\t9", "README.md\t12", "caf\\xe9\t1", "src/", "src/slug.py\t40"]
    for number in range(1_200):
        (root / f"f{number}").touch()
    many = await call(toolbox, "file_list")
    assert many.truncated
    assert "only the first 1,000" in many.text


async def test_a_search_finds_lines_that_git_does_not_ignore(make: Make, root: Path) -> None:
    toolbox = make()
    (root / "ignored").mkdir()
    (root / "ignored/a.py").write_text("slug\n")
    (root / "new.py").write_text("SLUG = slug\n")
    (root / "out").symlink_to("/etc")
    result = await call(toolbox, "code_search", pattern="^def slug|slug$")
    assert result.text.splitlines() == ["new.py:1:SLUG = slug", "src/slug.py:1:def slug(text):"]
    assert "new.py" in (await call(toolbox, "code_search", pattern="slug =", ignore_case=True)).text
    assert (await call(toolbox, "code_search", pattern="slug", path="src")).text.count("\n") == 0
    assert (await call(toolbox, "code_search", pattern="nowhere")).text == "Nothing was found."
    (root / "many.py").write_text("slug\n" * 20_000)
    assert (await call(toolbox, "code_search", pattern="slug")).truncated


# A role's write scope.


@pytest.mark.parametrize("path", ["src/slug.py", "tests", "testsx/a", "link", "linked/slug.py"])
async def test_a_role_writes_only_what_it_may(path: str, make: Make, root: Path) -> None:
    toolbox = make("tests/**")
    (root / "tests").mkdir()
    (root / "link").symlink_to("src/slug.py")
    (root / "linked").symlink_to("src")
    result = await call(toolbox, "file_write", path=path, content="x")
    assert not result.ok
    assert "Your role may not write" in result.text
    assert not (await call(toolbox, "file_edit", path=path, old="slug", new="x", everywhere=True)).ok
    assert (root / "src/slug.py").read_text() == SOURCE
    assert (await call(toolbox, "file_write", path="tests/test_a.py", content="x")).ok


async def test_what_a_command_wrote_out_of_scope_is_undone_and_told(make: Make, root: Path, ours: Repository) -> None:
    line = "mkdir tests ignored; echo t > tests/t.py; echo x > src/slug.py; rm README.md; echo n > new; touch ignored/i"
    result = await call(make("tests/**"), "run_command", command=line)
    assert not result.ok
    assert "your role may write only tests/**" in result.text
    assert result.data["undone"] == ["README.md", "src/slug.py", "new"]
    assert (root / "src/slug.py").read_text() == SOURCE
    assert (root / "README.md").exists()
    assert not (root / "new").exists()
    assert ours.changed_paths("task-1") == ["tests/t.py"]
    assert (root / "ignored/i").exists()


async def test_a_role_that_may_write_nothing_runs_commands_all_the_same(make: Make, ours: Repository) -> None:
    toolbox = make("", names=tuple(TOOLS))
    result = await call(toolbox, "run_command", command="cat README.md; echo x > y")
    assert result.text.startswith("# Shortleaf\n")
    assert ours.changed_paths("task-1") == []


# Commands and git.


async def test_a_command_gives_output_exit_code_and_reason(make: Make) -> None:
    toolbox = make()
    good = await call(toolbox, "run_command", command="echo ok")
    assert (good.ok, good.text, good.data["exit_code"]) == (True, "ok\n[exit code 0]", 0)
    red = await call(toolbox, "run_command", command="echo bad >&2; exit 3")
    assert (red.ok, red.text) == (False, "bad\n[exit code 3]")
    slow = await call(toolbox, "run_command", command="sleep 60", timeout_s=1)
    assert (slow.ok, slow.text, slow.data["ended"]) == (False, "[ended: it took longer than 1 s]", "timeout")
    long = await call(toolbox, "run_command", command="seq 1 100000")
    assert long.truncated
    assert "left out" in long.text


async def test_git_tools_show_the_worktree(make: Make, root: Path, ours: Repository) -> None:
    toolbox = make()
    assert "Nothing has changed" in (await call(toolbox, "git_status")).text
    (root / "src/slug.py").write_text("changed\n")
    (root / "new").write_text("x")
    assert (await call(toolbox, "git_status")).text == " M src/slug.py\n?? new\n"
    assert "+changed" in (await call(toolbox, "git_diff")).text
    assert "no differences" in (await call(toolbox, "git_diff", path="README.md")).text
    ours.commit("task-1", step("Change slug"))
    assert "no differences" in (await call(toolbox, "git_diff")).text
    assert "+changed" in (await call(toolbox, "git_diff", since="base", path="src")).text
    log = (await call(toolbox, "git_log")).text.splitlines()
    assert log[0].endswith("2026-11-27 developer (VAPORA): Change slug")
    assert len(log) == 2
    assert len((await call(toolbox, "git_log", path="README.md")).text.splitlines()) == 1


async def test_calls_at_once_do_not_disturb_each_other(make: Make, root: Path) -> None:
    toolbox = make()
    done = await asyncio.gather(
        *(call(toolbox, "file_write", path=f"d/{number}", content=str(number)) for number in range(20)),
        *(call(toolbox, "git_status") for _ in range(5)),
    )
    assert all(one.ok for one in done)
    assert sorted(int(one.read_text()) for one in (root / "d").iterdir()) == list(range(20))


# What is handed over.


async def test_questions_reviews_and_the_end_come_as_values(make: Make) -> None:
    toolbox = make()
    asked = await call(toolbox, "ask", question="Which?", options=["a", "b"])
    assert asked.data == {"question": "Which?", "options": ["a", "b"]}
    review = await call(
        toolbox,
        "submit_review",
        verdict="request-changes",
        summary="s",
        comments=[{"path": "a", "line": 3, "text": "t"}],
    )
    assert review.data["verdict"] == "request-changes"
    assert review.data["comments"] == [{"path": "a", "line": 3, "side": "new", "text": "t"}]
    assert (await call(toolbox, "finish", summary="Done")).data == {"summary": "Done"}
