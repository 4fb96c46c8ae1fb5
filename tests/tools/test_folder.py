"""No path leads out of the folder, whatever a command has made of what is in it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from vapora.errors import BadInputError, NotFoundError, VaporaError
from vapora.tools.folder import Folder
from vapora.tools.scope import Scope


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    root = tmp_path / "worktree"
    (root / "src").mkdir(parents=True)
    (root / "src/a.py").write_text("a = 1\n")
    (root / ".git").write_text("gitdir: elsewhere")
    (tmp_path / "secret").write_text("secret-text")
    (tmp_path / "worktree-2").mkdir()
    (tmp_path / "worktree-2/secret").write_text("secret-text")
    return Folder(root)


@pytest.mark.parametrize(
    "path",
    [
        *("", "/etc/passwd", "~/.ssh/id_rsa", "..", "../secret", "src/../../secret", "src/../a", "a\0b", "//secret"),
        *(".git", ".git/config", "src/.git/config", ".GIT/config", ".git./config", "git~1/config", "./.git"),
    ],
)
def test_a_path_that_leads_elsewhere_is_refused(path: str, folder: Folder) -> None:
    for act in (folder.resolve, folder.read, lambda one: folder.write(one, b"x")):
        with pytest.raises(BadInputError):
            act(path)
    with pytest.raises(BadInputError):
        list(folder.entries(path, 3))


@pytest.mark.parametrize(
    "target",
    ["../secret", "{out}/secret", "../worktree-2/secret", "src/../../secret", "..", "{out}/new", "../new", ".git"],
)
def test_a_symlink_out_is_neither_read_nor_written_through(target: str, folder: Folder) -> None:
    out = folder.root.parent
    (folder.root / "link").symlink_to(target.format(out=out))
    for path in ("link", "link/secret"):
        with pytest.raises(VaporaError):
            folder.read(path)
        with pytest.raises(VaporaError):
            folder.write(path, b"changed")
    assert (out / "secret").read_text() == "secret-text"
    assert not (out / "new").exists()
    assert (folder.root / ".git").read_text() == "gitdir: elsewhere"


def test_a_symlink_that_stays_inside_means_its_target(folder: Folder) -> None:
    (folder.root / "link").symlink_to("src/a.py")
    (folder.root / "sub").symlink_to(folder.root / "src")
    (folder.root / "src/up").symlink_to("../src")
    for path in ("link", "sub/a.py", "src/up/up/a.py"):
        assert folder.resolve(path) == "src/a.py"
        assert folder.read(path) == (b"a = 1\n", 6)
    assert not folder.write("link", b"new")
    assert (folder.root / "src/a.py").read_text() == "new"
    assert (folder.root / "link").is_symlink()


def test_a_circle_of_symlinks_ends(folder: Folder) -> None:
    (folder.root / "a").symlink_to("b")
    (folder.root / "b").symlink_to("a")
    with pytest.raises(BadInputError, match="circle"):
        folder.read("a")


def test_what_is_no_plain_file_is_not_opened(folder: Folder) -> None:
    os.mkfifo(folder.root / "pipe")
    for path in ("pipe", "src", "missing", "src/a.py/x"):
        with pytest.raises(NotFoundError):
            folder.read(path)
    for path in ("pipe", "src"):
        with pytest.raises(BadInputError):
            folder.write(path, b"x")
    with pytest.raises(NotFoundError):
        folder.write("src/a.py/x", b"x")


class Swapping(Folder):
    """In which a command puts a link in the place of `src` at the worst moment: after the path was looked at."""

    def resolve(self, path: str) -> str:
        found = super().resolve(path)
        if not (self.root / "src").is_symlink():
            (self.root / "src").rename(self.root / "aside")
            (self.root / "src").symlink_to("../worktree-2")
        return found


def test_a_folder_swapped_for_a_link_leads_nowhere(folder: Folder) -> None:
    out = folder.root.parent / "worktree-2"
    acts: tuple[Any, ...] = (
        lambda one: one.write("src/made", b"x"),
        lambda one: one.read("src/secret"),
        lambda one: one.entries("src", 1),
    )
    for act in acts:
        with pytest.raises(NotFoundError):
            list(act(Swapping(folder.root)))
        (folder.root / "src").unlink()
        (folder.root / "aside").rename(folder.root / "src")
    assert [one.name for one in out.iterdir()] == ["secret"]


def test_a_file_swapped_for_a_link_is_not_followed(folder: Folder) -> None:
    class SwappingFile(Folder):
        def resolve(self, path: str) -> str:
            found = super().resolve(path)
            (self.root / "src/a.py").unlink()
            (self.root / "src/a.py").symlink_to("../../secret")
            return found

    with pytest.raises(NotFoundError):
        SwappingFile(folder.root).read("src/a.py")


def test_writing_is_whole_and_keeps_rights(folder: Folder) -> None:
    (folder.root / "src/a.py").chmod(0o755)
    folder.write("src/a.py", b"new")
    assert (folder.root / "src/a.py").stat().st_mode & 0o777 == 0o755
    assert folder.write("deep/er/file", b"x")
    assert [one.name for one in (folder.root / "deep/er").iterdir()] == ["file"]


def test_a_listing_has_folders_and_sizes_in_order(folder: Folder) -> None:
    folder.write("src/deep/x", b"123")
    folder.write("node_modules/m/y", b"1")
    told = [(one.path, one.bytes) for one in folder.entries(".", 3, frozenset({"node_modules"})) if one.path[-1] != "/"]
    assert told == [("src/a.py", 6), ("src/deep/x", 3)]
    assert [one.path for one in folder.entries(".", 1)] == ["node_modules/", "src/"]
    assert [one.path for one in folder.entries("node_modules", 2)] == ["node_modules/m/", "node_modules/m/y"]
    with pytest.raises(NotFoundError):
        list(folder.entries("missing", 1))


@pytest.mark.parametrize(
    ("pattern", "inside", "outside"),
    [
        ("tests/**", ["tests/a.py", "tests/b/c.py"], ["tests", "src/tests/a.py", "testsuite/a.py"]),
        ("**/test_*.py", ["test_a.py", "src/x/test_a.py"], ["src/atest_a.py", "test_a.py/x"]),
        ("*.md", ["README.md"], ["docs/README.md", "README.mdx", "a\n.md/b"]),
        ("docs/?.md", ["docs/a.md"], ["docs/ab.md", "docs//.md"]),
        ("a+b(1).py", ["a+b(1).py"], ["aab(1).py"]),
        ("**", ["a", "a/b", ".hidden"], []),
    ],
)
def test_a_scope_takes_what_its_patterns_say(pattern: str, inside: list[str], outside: list[str]) -> None:
    scope = Scope([pattern])
    assert all(path in scope for path in inside)
    assert not any(path in scope for path in outside)


def test_without_a_pattern_nothing_is_in_scope() -> None:
    assert "a" not in Scope([])
    assert str(Scope([])) == "nothing"
